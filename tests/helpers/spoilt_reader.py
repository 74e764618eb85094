"""A reader with one fault of every kind, in a module that the processes of bench/robustness/fuzz.py can import."""

import os
import signal
from pathlib import Path

import numpy as np

from bench.robustness import fuzz
from bench.robustness.fuzz_targets import TARGETS, Target
from rawgan.errors import RawganError

FAULTS = [b"raise", b"memory", b"addresses", b"hang", b"control", b"die"]


class Unescaped(RawganError):
    """Error whose message keeps control characters."""

    __str__ = Exception.__str__


def read(path: Path) -> None:
    """Commit the fault that the file names."""
    match path.read_bytes():
        case b"raise":
            raise KeyError("raised")
        case b"memory":
            np.ones(TARGET.room)  # numbers of 8 bytes
        case b"addresses":
            np.empty(4 * fuzz.ADDRESSES, np.uint8)
        case b"hang":
            signal.pause()
        case b"control":
            raise Unescaped("\x1b[2J")
        case b"die":
            os.kill(os.getpid(), signal.SIGKILL)


TARGET = Target("file", read, lambda: [b"good", *FAULTS], room=1 << 21)


def feeder(name: str, seed: int) -> fuzz.Feeder:
    """Feeder of a process in which this target is not registered yet."""
    TARGETS[name] = TARGET
    fuzz.SECONDS, fuzz.ADDRESSES = 2.0, 2**28
    return fuzz.Feeder(name, seed)
