"""Mutated files for every reader: each must be read, or refused with one of rawgan's own errors, in bounded memory.

Every input is a function of the target, the seed and its number, so a failure can be repeated.
"""

import random
import resource
import signal
import struct
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

from bench.common.errors import BenchError
from bench.common.experiment import ROOT
from bench.common.machine import peak_bytes
from bench.common.workers import Worker
from bench.robustness.fuzz_targets import TARGETS, feed

ADDRESSES = 2 << 30
"""Bytes of address space for a reader: a large block that is reserved and never used costs nothing else."""
SECONDS = 20.0
"""Time limit of one input."""
CHUNK = 200
"""Inputs between two reports of progress."""
LONGEST = 1 << 16
"""Largest input, in bytes."""
LISTED = 20
"""Escapes of one target that are kept; further ones are only counted."""


def run(
    count: int,
    seed: int = 0,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    targets: tuple[str, ...] = tuple(TARGETS),
) -> dict[str, dict[str, Any]]:
    """Feed `count` inputs, mutated from the corpus, to the targets in equal parts, each in a process of its own.

    Returns: by target, the numbers `inputs`, `accepted`, `refused` and `escaped`; `escapes`, the first of these, each
        with its `number`, the `error` and the `input` in hexadecimal digits; `memory`, the most bytes that reading took

    >>> found = run(60, targets=("idx",))["idx"]
    >>> found["inputs"], found["escaped"]
    (60, 0)
    """
    found = {}
    for place, name in enumerate(targets):
        share = count // len(targets) + (place < count % len(targets))
        before = sum(report["inputs"] for report in found.values())
        found[name] = _run_target(name, share, seed, lambda done, before=before: on_progress(before + done, count))
    return found


def _run_target(name: str, count: int, seed: int, on_progress: Callable[[int], None]) -> dict[str, Any]:
    total: dict[str, Any] = {"inputs": 0, "accepted": 0, "refused": 0, "escaped": 0, "escapes": [], "memory": 0}
    with ExitStack() as stack:
        worker, size = stack.enter_context(Worker(name, Feeder, name, seed)), CHUNK
        while (first := total["inputs"]) < count:
            try:
                part = worker.ask("chunk", first, min(size, count - first))
            except BenchError as error:  # the process died: find the input in another one, one by one
                worker = stack.enter_context(Worker(name, Feeder, name, seed))
                if size > 1:
                    size = 1
                    continue
                size = CHUNK
                part = {"inputs": 1, "escaped": 1, "escapes": [_escape(name, seed, first, error)]}
            for key, value in part.items():
                total[key] = max(total[key], value) if key == "memory" else total[key] + value
            on_progress(total["inputs"])
    del total["escapes"][LISTED:]
    return total


def mutant(name: str, seed: int, number: int) -> bytes:
    """Input `number` of a target: first the corpus as it is, then mutations of it.

    >>> mutant("idx", seed=0, number=1000) == mutant("idx", seed=0, number=1000)
    True
    """
    corpus, parts = corpus_of(name), _parts_of(name)
    if number < len(corpus):
        return corpus[number]
    rng = random.Random(f"{name} {seed} {number}")
    inside = bool(parts) and rng.random() < 0.5
    data = bytearray(rng.choice(parts if inside else corpus))
    for _ in range(rng.choice((1, 1, 2, 4, 8))):
        _mutate(data, rng, parts if inside else corpus)
    del data[LONGEST:]
    return TARGETS[name].wrap(bytes(data)) if inside else bytes(data)


@cache
def corpus_of(name: str) -> list[bytes]:
    """Files that fuzzing a target starts from: those of fuzz_corpus.py, and those found since, in tests/robustness."""
    found = sorted((ROOT / "tests" / "robustness" / "corpus" / name).glob("*"))
    return TARGETS[name].corpus() + [path.read_bytes() for path in found]


@cache
def _parts_of(name: str) -> list[bytes]:
    return TARGETS[name].parts()


def _mutate(data: bytearray, rng: random.Random, corpus: list[bytes]) -> None:
    """Change the bytes in one of the ways in which files are damaged, or built to do damage."""
    at = rng.randrange(len(data) + 1)
    end = min(len(data), at + rng.choice((1, 2, 4, 16, 256)))
    match rng.randrange(8):
        case 0 if data:
            data[at % len(data)] ^= 1 << rng.randrange(8)
        case 1:
            data[at:end] = rng.randbytes(end - at)
        case 2:
            data[at:end] = b""
        case 3:
            data[at:at] = rng.randbytes(rng.choice((1, 2, 4, 16)))
        case 4:
            data[at:at] = data[at:end] * rng.choice((1, 2, 100))
        case 5:
            del data[at:]
        case 6:
            size = rng.choice("BHIQ")
            limit = 1 << 8 * struct.calcsize(size)
            number = rng.choice((0, 1, 127, 128, limit // 2 - 1, limit // 2, limit - 1, rng.randrange(limit))) % limit
            data[at : at + struct.calcsize(size)] = struct.pack(rng.choice("<>") + size, number)
        case _:
            other = rng.choice(corpus)
            start = rng.randrange(len(other) + 1)
            data[at:end] = other[start : start + rng.choice((4, 16, 256))]


class _Hang(BaseException):
    """Raised when an input takes too long; a reader's `except Exception` does not catch it."""


class Feeder:
    """The far end of a worker, whose memory is bounded."""

    def __init__(self, name: str, seed: int) -> None:
        self.name, self.seed = name, seed
        feed(name, corpus_of(name)[0])  # imports on the way take memory once
        if sys.platform == "linux":
            hard = resource.getrlimit(resource.RLIMIT_AS)[1]
            resource.setrlimit(resource.RLIMIT_AS, (_addresses() + ADDRESSES, hard))
        signal.signal(signal.SIGALRM, _give_up)

    def run(self) -> None:
        """Feed the corpus once."""
        self.chunk(0, len(corpus_of(self.name)))

    def chunk(self, first: int, count: int) -> dict[str, Any]:
        """Feed the inputs with these numbers. Returns the same as `run` does for one target."""
        part: dict[str, Any] = {"inputs": count, "accepted": 0, "refused": 0, "escaped": 0, "escapes": [], "memory": 0}
        for number in range(first, first + count):
            data = mutant(self.name, self.seed, number)
            _forget_peak()
            before = peak_bytes()
            signal.setitimer(signal.ITIMER_REAL, SECONDS)
            try:
                accepted = feed(self.name, data)
                signal.setitimer(signal.ITIMER_REAL, 0)
                took = peak_bytes() - before
                if took > TARGETS[self.name].room:
                    raise MemoryError(f"{took >> 20} MiB for {len(data)} bytes")
                part["memory"] = max(part["memory"], took)
                part["accepted" if accepted else "refused"] += 1
            except (Exception, _Hang) as error:
                part["escaped"] += 1
                part["escapes"].append(_escape(self.name, self.seed, number, error))
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        del part["escapes"][LISTED:]
        return part


def _escape(name: str, seed: int, number: int, error: BaseException) -> dict[str, Any]:
    text = f"{type(error).__name__}: {error!s:.300}"
    return {"number": number, "error": text, "input": mutant(name, seed, number).hex()}


def _give_up(signum: int, frame: object) -> None:
    raise _Hang(f"more than {SECONDS} seconds")


def _forget_peak() -> None:
    """Reset the peak of resident memory. Other systems than Linux go on counting."""
    if sys.platform == "linux":
        Path("/proc/self/clear_refs").write_text("5")


def _addresses() -> int:
    """Bytes of this process's address space."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
