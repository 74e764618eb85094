"""Work that training need not wait for: pictures, plots and checkpoints are written by a thread beside it.

One after the other, in the order in which they were asked for: so what is older is on the disk first, and a checkpoint
never gets there before the pictures that belong to it. Once a job has failed, none that was asked for later is done: a
checkpoint that finds room where a picture did not would have the picture lost for good.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

WAITING = 4
"""Jobs that may wait at most; with a slow disk, training then waits for it, instead of memory filling up."""


class Background:
    """A thread that does jobs in turn. An error in a job is raised by the next call, or at the end of the block; no job
    is done after it.

    >>> done = []
    >>> with Background() as background:
    ...     background.do(done.append, 1)
    ...     background.do(done.append, 2)
    >>> done
    [1, 2]
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "rawgan-writer")
        self._jobs: deque[Future[Any]] = deque()
        self._latest: Future[Any] | None = None
        self._failed = False

    def _try(self, job: Callable[..., Any], *arguments: Any) -> None:
        """Do a job, if those before it are done."""
        if self._failed:
            return
        try:
            job(*arguments)
        except BaseException:
            self._failed = True
            raise

    def do(self, job: Callable[..., Any], *arguments: Any) -> None:
        """Have `job(*arguments)` done; what the arguments hold must not change any more."""
        while self._jobs and (self._jobs[0].done() or len(self._jobs) > WAITING):
            self._jobs.popleft().result()
        self._jobs.append(self._thread.submit(self._try, job, *arguments))

    def do_latest(self, job: Callable[..., Any], *arguments: Any) -> None:
        """`do`, instead of what was asked for last by `do_latest`, if that still waits."""
        if self._latest is not None and self._latest.cancel():
            self._jobs.remove(self._latest)
        self.do(job, *arguments)
        self._latest = self._jobs[-1]

    def finish(self) -> None:
        """Wait until all is done."""
        while self._jobs:
            self._jobs.popleft().result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for what was asked for; after Ctrl-C only for the job that is being done."""
        at_once = kind is not None and not issubclass(kind, Exception)
        self._thread.shutdown(cancel_futures=at_once)
        if kind is None:
            self.finish()
