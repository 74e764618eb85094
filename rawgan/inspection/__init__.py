"""Inspection: a training step taken apart, array by array."""
