"""The language of CUDA kernels, and the way from it to machine code."""
