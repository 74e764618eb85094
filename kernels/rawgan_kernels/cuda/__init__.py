"""The CUDA backend: kernels in Numba's CUDA Python, launched on CuPy arrays; matrix products by cuBLAS.

The files directly in this folder hold the kernels. The folders hold their parts: `compile` the language of kernels and
the way to machine code; `run` launches, graphs, products and memory; `norms` the bodies of normalisation. `simulation`
runs kernels on the CPU and checks each access.
"""
