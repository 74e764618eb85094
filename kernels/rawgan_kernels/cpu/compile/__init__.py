"""Compiling kernels with Numba, and keeping the machine code on disk."""
