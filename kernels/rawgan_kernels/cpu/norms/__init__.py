"""Normalisation over pixels, and over the values of a sample."""
