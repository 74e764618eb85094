"""A process that compiles a share of the kernels. `warm_up` starts it, by the path of this file and with -I and -S.

So it runs code of Python, rawgan_kernels and what that imports, wherever it is started: the current folder, the user's
own packages and the files that Python reads at its start are left out. It ends with the process that started it, and
after a time at the latest.

Its task is a line of JSON on its input, which stays open as long as that process lives.
"""

import faulthandler
import json
import os
import sys
import threading
from typing import Any


def main() -> None:
    task: dict[str, Any] = json.loads(sys.stdin.buffer.readline() or "null")
    if task is None:
        return
    faulthandler.dump_traceback_later(task["seconds"], exit=True)  # from a thread that Python code cannot hold up
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.path += task["path"]
    from rawgan_kernels.cpu.warm_up import compile_part

    compile_part(task["part"], task["parts"], task["dtype"])


def _end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)  # not by `sys.stdin`, which Python locks while it reads, and wants when it ends
    os._exit(1)


if __name__ == "__main__":
    main()
