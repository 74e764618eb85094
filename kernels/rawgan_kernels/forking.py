"""Whether Numba's threads were started, by whomever, before this process was forked off: then it has none of them.

Known from the import of this module on, which needs no Numba.
"""

import os
import sys

threads_lost = False


def _look() -> None:
    global threads_lost
    numba_threads = sys.modules.get("numba.np.ufunc.parallel")
    threads_lost = threads_lost or bool(getattr(numba_threads, "_is_initialized", False))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_look)
