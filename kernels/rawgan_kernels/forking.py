"""A flag for processes that were forked after Numba's threads had been started, and so have none of these threads.

It is set correctly for forks after the import of this module, which does not import Numba.
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
