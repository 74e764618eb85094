"""Compiling the kernels of a training step ahead of it, on all cores."""
