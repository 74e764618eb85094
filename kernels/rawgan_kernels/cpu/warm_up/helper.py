"""A process that compiles a share of the kernels; `warm_up` starts it by the path of this file, with -I and -S.

So it runs only code of Python, rawgan_kernels and the packages that these import, wherever it is started: the current
folder, the user's own packages and the files that Python reads at its start are left out. It ends with the process that
started it, and after a given time at the latest.

Its task is a line of JSON on standard input, which stays open as long as the parent lives.
"""

import faulthandler
import json
import os
import sys
import threading
from typing import Any


def main() -> None:
    """Read the task, compile that part of the kernels."""
    task: dict[str, Any] = json.loads(sys.stdin.buffer.readline() or "null")
    if task is None:
        return
    faulthandler.dump_traceback_later(task["seconds"], exit=True)  # from a thread that Python code cannot hold up
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.path += task["path"]
    from rawgan_kernels.cpu.warm_up.calls import compile_part

    compile_part(task["part"], task["parts"], task["dtype"], task["groups"])


def _end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)  # not through `sys.stdin`: Python locks it while reading, and needs it at the end
    os._exit(1)


if __name__ == "__main__":
    main()
