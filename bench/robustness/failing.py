"""System calls that fail on request: the near end of failing.c, which is compiled into a library.

In a process that was started with the library preloaded, and in its forks, one call about the files in a folder can
fail, be done by half, or be the last one of the process.
"""

import ctypes
import errno
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.common.errors import BenchError

SOURCE = Path(__file__).with_suffix(".c")

FAIL, SHORT, KILL_BEFORE, KILL_MIDDLE, KILL_AFTER, FAIL_FROM_HERE = range(1, 7)

ACTIONS = {
    "ENOSPC": (FAIL, errno.ENOSPC),
    "EIO": (FAIL, errno.EIO),
    "EINTR": (FAIL, errno.EINTR),
    "EINVAL": (FAIL, errno.EINVAL),
    "ENOLCK": (FAIL, errno.ENOLCK),
    "short": (SHORT, 0),
    "killed before": (KILL_BEFORE, 0),
    "killed in the middle": (KILL_MIDDLE, 0),
    "killed after": (KILL_AFTER, 0),
    "full from here": (FAIL_FROM_HERE, errno.ENOSPC),
}
"""Actions that a call can meet: their numbers in failing.c, and the value of errno."""

KILLS = "killed before", "killed after"
OF_CALLS = {
    "create": ("ENOSPC", "EIO", "EINTR", "full from here", *KILLS),
    "write": ("ENOSPC", "EIO", "EINTR", "short", "full from here", "killed in the middle", "killed after"),
    "fsync": ("ENOSPC", "EIO", "EINTR", "EINVAL", *KILLS),
    "rename": ("ENOSPC", "EIO", "EINTR", *KILLS),
    "link": ("ENOSPC", "EIO", "EINTR", *KILLS),
    "mkdir": ("ENOSPC", "EIO", "EINTR", *KILLS),
    "unlink": ("EIO", "EINTR", *KILLS),
    "rmdir": ("EIO", "EINTR", *KILLS),
    "truncate": ("EIO", "EINTR", *KILLS),
    "close": ("ENOSPC", "EIO", "EINTR", "killed after"),
    "lock": ("EIO", "EINTR", "ENOLCK", *KILLS),
    "unlock": ("EIO", *KILLS),
    "chmod": ("EIO", *KILLS),
    "open": ("EIO", "EINTR"),
    "read": ("EIO", "EINTR", "short"),
    "stat": ("EIO",),
    "list": ("EIO",),
}
"""Actions that each call can meet."""


@dataclass(frozen=True)
class CallFault:
    """An action that one call meets."""

    call: str
    """Name and file of the call, such as "write run/metrics.jsonl"."""
    turn: int
    """Number of the call among those of that name, from 1."""
    action: str
    """Name in ACTIONS."""

    def __str__(self) -> str:
        return f"{self.call} (number {self.turn}): {self.action}"


def faults_of(calls: Iterable[str]) -> list[CallFault]:
    """All faults that a process with these calls can meet, in order.

    >>> for fault in faults_of(["stat a", "open a", "stat a"]):
    ...     print(fault)
    stat a (number 1): EIO
    open a (number 1): EIO
    open a (number 1): EINTR
    stat a (number 2): EIO
    """
    turns, found = Counter[str](), []
    for call in calls:
        turns[call] += 1
        found += [CallFault(call, turns[call], action) for action in OF_CALLS[call.partition(" ")[0]]]
    return found


def compiler() -> str | None:
    """Path of a C compiler, if there is one."""
    return next(filter(None, map(shutil.which, (os.environ.get("CC", "cc"), "gcc", "clang"))), None)


def compile_library(folder: Path) -> Path:
    """Compile the library. Returns its path.

    Raises: BenchError without a compiler, or on other systems than 64-bit Linux with glibc
    """
    found = compiler()
    if found is None:
        raise BenchError(
            "a library in C makes system calls fail, and there is no compiler\n"
            "  install gcc, or leave system calls out with --every 0"
        )
    path = folder / "failing.so"
    command = [found, "-O1", "-Wall", "-shared", "-fPIC", "-o", str(path), str(SOURCE), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise BenchError(
            f"{SOURCE.name} cannot be compiled on this system; it needs Linux. --every 0 leaves system calls out\n"
            f"{done.stderr:.2000}"
        )
    return path


@contextmanager
def preloaded(library: Path) -> Iterator[None]:
    """Preload the library into processes that are started inside."""
    before = os.environ.get("LD_PRELOAD")
    os.environ["LD_PRELOAD"] = str(library)
    try:
        yield
    finally:
        if before is None:
            del os.environ["LD_PRELOAD"]
        else:
            os.environ["LD_PRELOAD"] = before


class Calls:
    """The library in this process.

    Raises: BenchError if it is not preloaded
    """

    def __init__(self) -> None:
        try:
            self._begin = ctypes.CDLL(None).failing_begin
            self._happened = ctypes.CDLL(None).failing_happened
        except AttributeError:
            raise BenchError("the library is not preloaded: start this process with it in LD_PRELOAD") from None

    def record(self, folder: Path, descriptor: int) -> None:
        """From here on, write each call about files in the folder to the descriptor, one a line."""
        self._begin(os.fsencode(folder), descriptor, b"", 0, 0, 0)

    def fail(self, folder: Path, fault: CallFault) -> None:
        """From here on, let one call about files in the folder meet a fault."""
        number, error = ACTIONS[fault.action]
        self._begin(os.fsencode(folder), -1, os.fsencode(fault.call), fault.turn, number, error)

    def happened(self) -> bool:
        """True if the fault was met."""
        return bool(self._happened())
