"""System calls that fail on request: the near end of bench/robustness/failing.c, which a compiler turns into a library.

A process that was started with the library preloaded, and its forks, can have one call about the files in a folder
fail, be done by half, or be the last one that the process makes.
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
"""Kinds of faults of a call: the number by which bench/robustness/failing.c knows it, and what errno says."""

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
"""The kinds of faults of each call."""


@dataclass(frozen=True)
class Fault:
    """One thing that happens to one call."""

    call: str
    """Its name and its file, such as "write run/metrics.jsonl"."""
    turn: int
    """Which of the calls of that name, counted from 1."""
    action: str
    """Of ACTIONS."""

    def __str__(self) -> str:
        return f"{self.call} (number {self.turn}): {self.action}"


def faults_of(calls: Iterable[str]) -> list[Fault]:
    """All that can happen to a process that makes these calls, in their order.

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
        found += [Fault(call, turns[call], action) for action in OF_CALLS[call.partition(" ")[0]]]
    return found


def compiler() -> str | None:
    """A C compiler of this system, if there is one."""
    return next(filter(None, map(shutil.which, (os.environ.get("CC", "cc"), "gcc", "clang"))), None)


def compile_library(folder: Path) -> Path:
    """Make the library that is to be preloaded. Returns its path.

    Raises: BenchError where there is no compiler, or the system is not Linux with glibc on 64 bits
    """
    found = compiler()
    if found is None:
        raise BenchError(
            "system calls are made to fail by a library in C, and there is no compiler\n"
            "  install gcc, or leave them out: --every 0"
        )
    path = folder / "failing.so"
    command = [found, "-O1", "-Wall", "-shared", "-fPIC", "-o", str(path), str(SOURCE), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise BenchError(
            f"{SOURCE.name} cannot be compiled on this system, which should be Linux; --every 0 leaves it out\n"
            f"{done.stderr:.2000}"
        )
    return path


@contextmanager
def preloaded(library: Path) -> Iterator[None]:
    """Processes that are started inside have the library."""
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
    """The library, in a process that has it preloaded.

    Raises: BenchError in one that has not
    """

    def __init__(self) -> None:
        try:
            self._begin = ctypes.CDLL(None).failing_begin
            self._happened = ctypes.CDLL(None).failing_happened
        except AttributeError:
            raise BenchError("the library is not loaded: start this process with it in LD_PRELOAD") from None

    def record(self, folder: Path, descriptor: int) -> None:
        """From here on, have each call about files in the folder written down, one on a line."""
        self._begin(os.fsencode(folder), descriptor, b"", 0, 0, 0)

    def fail(self, folder: Path, fault: Fault) -> None:
        """From here on, have one call about files in the folder meet a fault."""
        number, error = ACTIONS[fault.action]
        self._begin(os.fsencode(folder), -1, os.fsencode(fault.call), fault.turn, number, error)

    def happened(self) -> bool:
        """Whether the call was made."""
        return bool(self._happened())
