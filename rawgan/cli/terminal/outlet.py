"""Standard output and standard error that may fail, as when the reader of a pipe is gone (`| head`) or a disk is full.

Work goes on without its output.
"""

import os
import select
import signal
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from io import TextIOWrapper
from typing import Any, TextIO

GONE = 128 + getattr(signal, "SIGPIPE", 13)
"""Exit code when the reader of the output is gone, as of other commands, which SIGPIPE ends."""


PIECE = 1000
"""Characters of one write to a pipe or a terminal: no more bytes than fit if any fit."""
PATIENCE = 1.0
"""Seconds to wait for a paused reader, in a hurry."""

hurry = threading.Event()
"""Set when a run is to end: it then does not wait for a paused reader."""


class Outlet:
    """A text stream that drops its output once a write has failed. `lost` is the reason.

    A write to a full pipe cannot be ended from outside. So a thread makes it, and in a `hurry` a paused reader is not
    waited for.

    >>> class Full:
    ...     def write(self, text):
    ...         raise OSError(28, "No space left on device")
    >>> outlet = Outlet(Full())
    >>> outlet.write("step 1"), outlet.write("step 2"), outlet.lost.strerror
    (6, 6, 'No space left on device')
    """

    def __init__(self, stream: Any, patience: float = PATIENCE) -> None:
        self._stream, self._patience = stream, patience
        self._room = _room_of(stream)
        self.lost: OSError | None = None

    def write(self, text: str) -> int:
        """Write, unless a write has failed before."""
        if self._room is None:
            self._attempt(lambda: self._stream.write(text))
            return len(text)
        for start in range(0, len(text), PIECE):
            self._attempt(partial(self._write_piece, text[start : start + PIECE]))
        return len(text)

    def _write_piece(self, text: str) -> None:
        if self._room is None or self._room.poll(0):
            self._stream.write(text)
            self._stream.flush()
            return
        # There may be room for a little all the same, which poll does not say: a thread tries, and may be left behind
        data, done, errors = text.encode(self._stream.encoding, "backslashreplace"), threading.Event(), list[OSError]()
        threading.Thread(target=_write_all, args=(self._stream.fileno(), data, done, errors), daemon=True).start()
        began = time.monotonic()
        while not done.wait(0.1):
            if hurry.is_set() and time.monotonic() - began > self._patience:
                raise TimeoutError("its reader has paused")
        if errors:
            raise errors[0]

    def flush(self) -> None:
        """Flush, unless a write has failed before."""
        self._attempt(lambda: self._stream.flush())

    def _attempt(self, action: Any) -> None:
        if self.lost is None:
            try:
                action()
            except BlockingIOError:  # a full stream that does not block: only this text is lost
                pass
            except OSError as error:
                self.lost = error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def abandon(self) -> None:
        """Drop text that could not be written, which Python would write again at exit, with an error."""
        if self.lost is not None:
            with suppress(OSError, ValueError, AttributeError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, self._stream.fileno())
                os.close(nowhere)


def _write_all(number: int, data: bytes, done: threading.Event, errors: list[OSError]) -> None:
    """Write to a file descriptor, so that no lock of a stream is held by a write that does not end."""
    try:
        while data:
            data = data[os.write(number, data) :]
    except OSError as error:
        errors.append(error)
    done.set()


def _room_of(stream: Any) -> Any:
    """Poll object that tells if there is room in a pipe or a terminal; None for files, which have room or fail."""
    try:
        number = stream.fileno()
        if not hasattr(select, "poll") or stat.S_ISREG(os.fstat(number).st_mode):
            return None
        room = select.poll()
        room.register(number, select.POLLOUT)
    except (OSError, ValueError, AttributeError):
        return None
    return room


def with_outlets(run: Callable[[], int]) -> int:
    """Run a command whose output may be lost, and return its exit code. If that is 0: 141 if the reader is gone, 1 if
    the output could not be written.

    Raises: SystemExit as the command does, after `--help` or a wrong call, if its output was not lost
    """
    with outlets() as out:
        code: int | str | None
        try:
            code = run()
        except SystemExit as stop:
            code = stop.code
            if out is None or out.lost is None:
                raise
        if out is not None:
            out.flush()
        if out is None or out.lost is None or code:
            return int(code or 0)
        if reader_has_gone():
            return GONE
        print(f"the output could not be written: {out.lost.strerror or out.lost}", file=sys.stderr)
        return 1


def reader_has_gone() -> bool:
    """True if the reader of standard output is gone."""
    return isinstance(getattr(sys.stdout, "lost", None), BrokenPipeError)


@contextmanager
def outlets() -> Iterator[Outlet | None]:
    """Inside, standard output and standard error are outlets. Yields the first; None if it was closed before."""
    for number in range(3) if os.name == "posix" else ():
        try:
            os.fstat(number)
        except OSError:
            # otherwise a file of the run would get this number, and be printed into
            os.open(os.devnull, os.O_RDWR)
    before = sys.stdout, sys.stderr
    for stream in before:
        if isinstance(stream, TextIOWrapper):  # characters that the terminal cannot show are escaped
            stream.reconfigure(errors="backslashreplace")
    out, err = (None if stream is None else Outlet(stream) for stream in before)
    streams: tuple[TextIO | Any, TextIO | Any] = out, err
    sys.stdout, sys.stderr = streams
    try:
        yield out
    finally:
        sys.stdout, sys.stderr = before
        for outlet in (out, err):
            if outlet is not None:
                outlet.flush()
                outlet.abandon()
