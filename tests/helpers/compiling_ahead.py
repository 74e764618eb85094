"""Compiling the CPU kernels that most tests need, once, before several workers run tests.

Each worker would compile what the others compile at the same moment. Machine code is kept on disk, where they find it.
"""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numba
import numpy as np
from kernel_calls import CALLS, arguments_of

from rawgan_kernels import Backend
from rawgan_kernels.cpu.compile.store import default_store
from rawgan_kernels.cpu.warm_up.calls import GROUPS, calls_of

MARKER = "tests.ready"
"""Name of the file beside the machine code that says that all of it is there."""

OF_TRAINING = calls_of([*GROUPS])
TASKS = [(call, dtype) for call in (*range(len(OF_TRAINING)), *CALLS) for dtype in ("float32", "float64")]


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
        OF_TRAINING[call](lambda *shape: np.ones(shape, dtype))
    else:
        getattr(Backend("cpu"), call)(*arguments_of(call, dtype))
