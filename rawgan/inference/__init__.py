"""Use of trained networks: restoring them from a run, interpolating, translating images, comparing."""

from rawgan.inference.interpolation import slerp

__all__ = ["slerp"]
