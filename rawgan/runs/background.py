"""Work that training need not wait for: pictures, plots and checkpoints are written by a thread beside it.

One after the other, in the order in which they were asked for: so what is older is on the disk first, and a checkpoint
never gets there before the pictures that belong to it.

A checkpoint that cannot be written ends the run; a picture or plot never does. It is told, and training goes on.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

from rawgan.errors import FileError

WAITING = 4
"""Jobs that may wait at most; with a slow disk, training then waits for it, instead of memory filling up."""
TRIED_AGAIN = 16
"""Pictures that could not be written, as of a full disk, of which copies are kept at most to be written later."""

Job = Callable[..., Any]


class Background:
    """A thread that does jobs in turn. An error in a job is raised by the next call, or at the end of the block; one in
    a picture or plot is only told, in words, by the next call.

    >>> done = []
    >>> with Background() as background:
    ...     background.do(done.append, 1)
    ...     background.do(done.append, 2)
    >>> done
    [1, 2]
    """

    def __init__(self, tell: Callable[[str], None] = lambda what: None) -> None:
        self._thread = ThreadPoolExecutor(1, "rawgan-writer")
        self._jobs: deque[Future[Any]] = deque()
        self._latest: Future[Any] | None = None
        self._tell = tell
        self._faults: deque[str] = deque()
        """What is still to be told."""
        self._unwritten: list[tuple[Job, tuple[Any, ...]]] = []
        """Pictures that are to be tried again."""

    def do(self, job: Job, *arguments: Any) -> None:
        """Have `job(*arguments)` done; what the arguments hold must not change any more."""
        self._look()
        while self._jobs and (self._jobs[0].done() or len(self._jobs) > WAITING):
            self._jobs.popleft().result()
        self._jobs.append(self._thread.submit(job, *arguments))

    def draw(self, job: Job, *arguments: Any) -> None:
        """`do` for a picture or plot. One that cannot be written, as of a full disk, is tried again before the next."""
        self.do(self._draw, job, arguments)

    def draw_latest(self, job: Job, *arguments: Any) -> None:
        """`draw`, instead of what was asked for last by `draw_latest`, if that still waits."""
        if self._latest is not None and self._latest.cancel():
            self._jobs.remove(self._latest)
        self.draw(job, *arguments)
        self._latest = self._jobs[-1]

    def finish(self) -> None:
        """Wait until all is done."""
        while self._jobs:
            self._jobs.popleft().result()
        self._look()

    def _draw(self, job: Job, arguments: tuple[Any, ...]) -> None:
        """Draw, in the thread, first what could not be written before."""
        again, self._unwritten = self._unwritten, []
        for each in (*again, (job, arguments)):
            try:
                each[0](*each[1])
            except Exception as error:
                if not any(each is other for other in again):
                    self._faults.append(f"{error or type(error).__name__}; training goes on")
                if isinstance(error, FileError):
                    self._unwritten = [*self._unwritten, each][-TRIED_AGAIN:]

    def _look(self) -> None:
        """Tell what went wrong with pictures."""
        while self._faults:
            self._tell(self._faults.popleft())

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
