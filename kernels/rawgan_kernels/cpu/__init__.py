"""The CPU backend: kernels compiled by Numba for this machine's vector instructions and cores.

The files directly in this folder hold the kernels. The folders hold their parts: `run` runs blocks on all threads, in
memory from a pool; `vector` has the inner loops; `convolutions` and `norms` the bodies of these kernels; `compile` the
compiler and its cache on disk. `warm_up` compiles all kernels of a training step ahead of it.
"""

from rawgan_kernels.cpu.compile import settings  # noqa: F401  # checks that Numba works here, before anything else
