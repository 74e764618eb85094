"""Compiling the CPU kernels that most tests need, once, before several workers run tests.

Each worker would compile what the others compile at the same moment. Machine code is kept on disk, where they find it.
"""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numba
import numpy as np
from kernel_calls import CALLS, arguments_of

from rawgan_kernels import Backend, Window
from rawgan_kernels.cpu.compile.store import default_store
from rawgan_kernels.cpu.matrix_units import convolution, product, weight_gradient
from rawgan_kernels.cpu.matrix_units.units import EMULATED_AMX, EMULATED_AVX512
from rawgan_kernels.cpu.warm_up.calls import GROUPS, calls_of

MARKER = "tests.ready"
"""Name of the file beside the machine code that says that all of it is there."""


def _normalize(shape, scales, axes):
    """A call of the kernels of a norm over these axes, forth and back."""

    def call(n):
        cpu, x, scale, options = Backend("cpu"), n(*shape), n(*scales), (axes, 1e-5, 1.0)
        _, mean, var = cpu.normalize(x, scale, scale, *options)
        cpu.normalize_grad(x, x, scale, scale, mean, var, *options)

    return call


def _multiply_in_bf16(n):
    """Products on matrix units, which are emulated: on processors that have them, other calls reach these, too."""
    window = Window((4, 4), (2, 2), (2, 2))
    x, w, y = (np.ones(shape, "float32") for shape in ((2, 4, 4, 3), (2, 2, 3, 5), (2, 2, 2, 5)))
    for unit in (EMULATED_AMX, EMULATED_AVX512):
        product.matmul(x[0, 0], x[0, 0].T, unit)
        convolution.conv2d(x, w, window, None, 1.0, unit)
        convolution.conv2d_input_grad(y, w, window, None, 1.0, unit)
        weight_gradient.conv2d_weight_grad(x, y, window, unit)


OF_TESTS = [  # forms of calls that have kernels of their own, and that neither training nor the list of calls has
    _normalize((2, 3, 3, 4), (4,), (3,)),  # layer norm
    _normalize((2, 3, 3, 4), (4,), (1, 2)),  # instance norm
    _normalize((8, 3, 3, 4), (4,), (1, 2)),  # of so many images that a thread takes whole ones
    _normalize((2, 9, 2, 2), (2, 2), (1, 3)),  # group norm
    lambda n: Backend("cpu").matmul(n(3, 2, 4), n(3, 4, 1)),  # many vectors
    _multiply_in_bf16,
]
CALLS_OF_ONES = calls_of([*GROUPS]) + OF_TESTS
TASKS = [(call, dtype) for call in (*range(len(CALLS_OF_ONES)), *CALLS) for dtype in ("float32", "float64")]


def compile_ahead(processes: int) -> None:
    """Compile in so many processes, unless it has been done for the present sources."""
    store = default_store()
    if store.has(MARKER) or not store.takes_files():
        return
    with ProcessPoolExecutor(processes, get_context("spawn"), numba.set_num_threads, (1,)) as pool:
        for _ in pool.map(_call, TASKS):
            pass
    store.write(MARKER, b"")


def _call(task: tuple[int | str, str]) -> None:
    call, dtype = task
    if isinstance(call, int):
        CALLS_OF_ONES[call](lambda *shape: np.ones(shape, dtype))
    else:
        getattr(Backend("cpu"), call)(*arguments_of(call, dtype))
