"""A check that Numba can work here: settings that forbid it are named before they cause other errors.

Raises, when imported: NumbaError
"""

import os

from rawgan_kernels.errors import NumbaError

WAY_OUT = "; or use --backend reference, in Python rawgan_kernels.use('reference'), which needs no Numba"


def check_threads() -> None:
    """Raises: NumbaError if NUMBA_NUM_THREADS is not a number of threads"""
    text = os.environ.get("NUMBA_NUM_THREADS") or "1"
    if not text.strip().isdecimal() or int(text) < 1:
        raise NumbaError(
            f"backend 'cpu': NUMBA_NUM_THREADS is {text!r}, but must be a number of threads, 1 or more\n"
            f"  unset it to have one for each core{WAY_OUT}"
        )


def check_compiler() -> None:
    """Raises: NumbaError if Numba does not load, or its compiler is turned off"""
    try:
        from numba import config
    except Exception as error:  # caused by its settings or a broken installation
        raise NumbaError(
            f"backend 'cpu' needs Numba, which fails to load\n  {type(error).__name__}: {error}\n"
            f"  check the environment variables NUMBA_…, or install it again{WAY_OUT}"
        ) from error
    if config.DISABLE_JIT:  # type: ignore[attr-defined]  # its names are made when it is imported
        raise NumbaError(
            "backend 'cpu': NUMBA_DISABLE_JIT is set, but its kernels cannot run without Numba's compiler\n"
            f"  unset it{WAY_OUT}"
        )


check_threads()
check_compiler()
