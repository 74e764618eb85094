"""Competitors in processes of their own, which wait on a pipe, and so cost nothing, while it is another's turn."""

import multiprocessing
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Protocol, Self

from bench.errors import BenchError

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class Competitor(Protocol):
    """What does the work, inside the worker process."""

    def check(self) -> dict[str, float]:
        """Do the work on the common input, and return numbers that must be the same for every competitor."""

    def run(self) -> None:
        """Do the work once."""

    def versions(self) -> dict[str, str]:
        """The libraries that do it."""


class Worker:
    """The near end: one process, that builds its competitor by `make(*arguments)` and then does what it is told.

    `make` is a function of a module, which the new process imports.

    Raises: BenchError if the competitor fails, with its traceback
    """

    def __init__(self, name: str, make: Callable[..., Competitor], *arguments: Any) -> None:
        self.name = name
        # A fresh interpreter, not a fork: no threads or memory of this process come along.
        context = multiprocessing.get_context("spawn")
        self._pipe, far_end = context.Pipe()
        self._process = context.Process(target=_serve, args=(far_end, make, arguments), daemon=True)
        self._process.start()
        far_end.close()

    def check(self) -> dict[str, float]:
        """See Competitor."""
        return self._ask("check")

    def seconds(self, times: int) -> float:
        """Do the work so many times in a row. Returns the seconds that each took on average."""
        return self._ask("seconds", times)

    def versions(self) -> dict[str, str]:
        """See Competitor."""
        return self._ask("versions")

    def peak_bytes(self) -> int:
        """The most memory that the process has had resident so far."""
        return self._ask("peak_bytes")

    def _ask(self, question: str, *arguments: Any) -> Any:
        try:
            self._pipe.send((question, arguments))
            good, answer = self._pipe.recv()
        except (EOFError, OSError):
            self._process.join(5)
            raise BenchError(
                f"{self.name}: its process ended with exit code {self._process.exitcode}; was there enough memory?"
            ) from None
        if not good:
            raise BenchError(f"{self.name} failed\n{answer}")
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._pipe.close()  # which ends the loop at the far end
        self._process.join(5)
        self._process.kill()


def limit_threads(threads: int) -> None:
    """Have every process that starts from now on compute with so many threads."""
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))


def _serve(pipe: Connection, make: Callable[..., Competitor], arguments: tuple[Any, ...]) -> None:
    """The far end: answer questions until there are no more."""
    try:
        competitor = make(*arguments)
    except Exception:
        failure = traceback.format_exc()
        answer = {}
    else:
        failure = None
        answer = {
            "check": competitor.check,
            "seconds": lambda times: _seconds(competitor, times),
            "versions": competitor.versions,
            "peak_bytes": _peak_bytes,
        }
    while True:
        try:
            question, parameters = pipe.recv()
        except (EOFError, KeyboardInterrupt):
            return
        if failure is not None:
            pipe.send((False, failure))
            return
        try:
            pipe.send((True, answer[question](*parameters)))
        except KeyboardInterrupt:
            return
        except Exception:
            pipe.send((False, traceback.format_exc()))
            return


def _seconds(competitor: Competitor, times: int) -> float:
    started = time.perf_counter()
    for _ in range(times):
        competitor.run()
    return (time.perf_counter() - started) / times


def _peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
