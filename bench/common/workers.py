"""Competitors in processes of their own, which wait on a pipe and cost nothing while it is another's turn."""

import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.connection import Connection
from typing import Any, Protocol, Self

from bench.common.errors import BenchError
from bench.common.machine import usable_cores

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class Competitor(Protocol):
    """The object in the worker process that does the work. `Worker.ask` can call its other methods."""

    def run(self) -> None:
        """Do the work once."""


class Worker:
    """The near end of a process, which builds its competitor by `make(*arguments)` and then answers questions.

    `make` is a module-level function or class: the new process imports its module.

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

    def seconds(self, times: int) -> float:
        """Do the work `times` times in a row. Returns the mean seconds."""
        return self.ask("seconds", times)

    def ask(self, question: str, *arguments: Any) -> Any:
        """Call the competitor's method of this name, and return its result."""
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

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        self._pipe.close()  # which ends the loop at the far end
        if kind is None:
            self._process.join(5)
        self._process.kill()


def limit_threads(threads: int) -> int:
    """Set the number of threads of every process that starts from now on; 0 is one for each core.

    Returns: the number of threads
    Raises: BenchError for a negative number, or for more than there are cores
    """
    cores = usable_cores()
    if not 0 <= threads <= cores:
        raise BenchError(f"--threads must be from 1 to {cores}, the cores there are, or 0 for all; not {threads}")
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads or cores)))
    return threads or cores


def in_own_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a process of its own, which takes its memory and its threads with it."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def _serve(pipe: Connection, make: Callable[..., Competitor], arguments: tuple[Any, ...]) -> None:
    """The far end: answer questions until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the near end, which then ends this one
    try:
        competitor = make(*arguments)
    except Exception:
        failure = traceback.format_exc()
    else:
        failure = None
    while True:
        try:
            question, parameters = pipe.recv()
        except EOFError:
            return
        if failure is not None:
            pipe.send((False, failure))
            return
        try:
            if question == "seconds":
                pipe.send((True, _seconds(competitor, *parameters)))
            else:
                pipe.send((True, getattr(competitor, question)(*parameters)))
        except Exception:
            pipe.send((False, traceback.format_exc()))
            return


def _seconds(competitor: Competitor, times: int) -> float:
    if times > 1:
        competitor.run()  # wakes the threads
    started = time.perf_counter()
    for _ in range(times):
        competitor.run()
    return (time.perf_counter() - started) / times
