"""Number crunching for rawgan: arrays in, arrays out.

A kernel is one name with one signature, declared in `api`, and one implementation per backend::

    reference/   plain array formulas over NumPy or CuPy: the specification that the other backends are checked against
    cpu/         compiled by Numba for the vector instructions and cores of this CPU; the default for NumPy arrays
    cuda/        compiled by Numba for NVIDIA's GPUs; not the default for CuPy arrays, as it has not run on a GPU yet

>>> import numpy as np
>>> import rawgan_kernels as kernels
>>> kernels.tanh(np.zeros(2))
array([0., 0.])
>>> kernels.KERNELS["tanh"].cost(np.zeros(2))
Cost(flops=12, nbytes=32)
"""

# ruff: noqa: F401, F403  # every import is a part of the public face, and api's kernels are listed nowhere else

from rawgan_kernels import forking  # must be imported before any fork
from rawgan_kernels.api import *
from rawgan_kernels.arrays import Array, array_module, trim_memory
from rawgan_kernels.dispatch import (
    AUTO,
    BACKENDS,
    KERNELS,
    Backend,
    Cost,
    backend_of,
    chosen,
    gains,
    observe,
    trial,
    use,
)
from rawgan_kernels.errors import MissingKernel, UnknownPrecision
from rawgan_kernels.precisions import FLOAT32, PRECISIONS, chosen_precision, precision
from rawgan_kernels.window import Window
