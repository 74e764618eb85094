"""Trained networks at work: samples, interpolations, translated images."""

from rawgan.inference.interpolation import slerp

__all__ = ["slerp"]
