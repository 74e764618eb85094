"""The CPU backend: kernels compiled by Numba for this machine's vector instructions and cores.

`simd` holds the two inner loops, `launch` runs blocks on all threads, `buffers` keeps memory to be used again.
"""

from rawgan_kernels.cpu.conv import conv2d, conv2d_input_grad, conv2d_weight_grad
from rawgan_kernels.cpu.product import matmul

__all__ = ["conv2d", "conv2d_input_grad", "conv2d_weight_grad", "matmul"]
