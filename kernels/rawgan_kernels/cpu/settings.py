"""Numba, imported where it can work; the settings under which it cannot are named instead of what would come of them.

Raises, when imported: NumbaError
"""

import os

from rawgan_kernels.errors import NumbaError

WAY_OUT = "; or use --backend reference, in Python rawgan_kernels.use('reference'), which needs no Numba"


def _check_threads() -> None:
    text = os.environ.get("NUMBA_NUM_THREADS") or "1"
    if not text.strip().isdecimal() or int(text) < 1:
        raise NumbaError(
            f"backend 'cpu': NUMBA_NUM_THREADS is {text!r}, but must be a number of threads, 1 or more\n"
            f"  unset it to have one for each core{WAY_OUT}"
        )


def _check_compiler() -> None:
    try:
        from numba import config
    except Exception as error:  # whatever its settings or a broken installation make of it
        raise NumbaError(
            f"backend 'cpu' needs Numba, which fails to load\n  {type(error).__name__}: {error}\n"
            f"  see to the variables NUMBA_…, or install it again{WAY_OUT}"
        ) from error
    if config.DISABLE_JIT:  # type: ignore[attr-defined]  # whose names are made when it is imported
        raise NumbaError(
            "backend 'cpu': NUMBA_DISABLE_JIT is set, but the kernels are nothing without Numba's compiler\n"
            f"  unset it{WAY_OUT}"
        )


_check_threads()
_check_compiler()
