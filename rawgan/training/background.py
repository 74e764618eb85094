"""A background thread that writes pictures, plots and checkpoints while training goes on.

It works in the order in which it is asked to. So older files are on the disk first, and a checkpoint gets there after
the pictures that belong to it.

A checkpoint that cannot be written ends the run, and nothing that was asked for later is written. A picture or plot
never ends the run: the error is told, and training goes on. A picture for which the disk had no room is tried again
before the next job.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rawgan.errors import FileError, RawganError
from rawgan.storage.held_folder import holder_of

WAITING = 4
"""Most jobs that may wait. With a slow disk, training then waits for it, instead of filling up the memory."""
TRIED_AGAIN = 16
"""Most pictures that are kept to be written later, because the disk was full."""

Job = Callable[..., Any]


def _in_words(error: Exception, arguments: tuple[Any, ...]) -> str:
    """Message of an error in a picture, whose path is the first of the job's arguments."""
    if isinstance(error, RawganError):
        return str(error)
    return f"{arguments[0]} could not be made: {str(error) or type(error).__name__}"


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
        """Messages still to be told."""
        self._told: set[str] = set()
        self._unwritten: dict[Any, tuple[Job, tuple[Any, ...]]] = {}
        """Pictures that are to be tried again, by their path."""
        self._lost = False
        """True after more pictures failed than are kept."""
        self._failed = False

    def do(self, job: Job, *arguments: Any) -> None:
        """Ask for `job(*arguments)`. The arguments must not change any more."""
        self._look()
        while self._jobs and (self._jobs[0].done() or len(self._jobs) > WAITING):
            self._jobs.popleft().result()
        self._jobs.append(self._thread.submit(self._try, job, arguments))

    def draw(self, job: Job, *arguments: Any) -> None:
        """`do` for a picture or plot, whose path is the first of the arguments."""
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

    def _try(self, job: Job, arguments: tuple[Any, ...]) -> None:
        """Do a job, in the thread, if none before it has failed."""
        if self._failed:
            return
        try:
            for again in [*self._unwritten.values()]:
                self._draw(*again)
            job(*arguments)
        except BaseException:
            self._failed = True
            raise

    def _draw(self, job: Job, arguments: tuple[Any, ...]) -> None:
        """Draw, in the thread."""
        path = arguments[0]
        again = self._unwritten.pop(path, None)
        try:
            if (held := holder_of(Path(path))) is not None:
                held.check()  # before any work is done
            job(*arguments)
        except Exception as error:
            if again is None:
                self.note(f"{_in_words(error, arguments)}; training goes on")
            if isinstance(error, FileError):
                self._unwritten[path] = job, arguments
            while len(self._unwritten) > TRIED_AGAIN:
                self._unwritten.pop(next(iter(self._unwritten)))
                self._lost = True

    @property
    def is_complete(self) -> bool:
        """True if every picture so far was written; to be asked in a job."""
        return not (self._unwritten or self._lost)

    def note(self, what: str) -> None:
        """Have the next call tell something; for jobs."""
        self._faults.append(what)

    def _look(self) -> None:
        """Tell what went wrong with pictures, and of each once: a plot that cannot be drawn fails again and again."""
        while self._faults:
            what = self._faults.popleft()
            if what not in self._told:
                self._told.add(what)
                self._tell(what)

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
