"""Files of JSON lines, whose last line a crash may cut short: metrics.jsonl and alarms.jsonl."""

import json
import math
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from rawgan.data.memory_limits import machine_bytes
from rawgan.errors import ConfigError, shown
from rawgan.files import open_file
from rawgan.storage.atomic import write_file, write_whole
from rawgan.storage.checkpoint import MOST_STEPS
from rawgan.storage.flushing import flush, flush_folder
from rawgan.storage.held_folder import HeldFolder, holder_of, identity_of, open_own_file, os_location
from rawgan.storage.json_file import json_text
from rawgan.storage.lookup import errors_naming, is_there
from rawgan.storage.plain_values import plain

LONGEST = 1 << 20
"""Most bytes of a line."""
RECORD_BYTES, ENTRY_BYTES = 128, 160
"""Approximate memory, in bytes, of a line that is read, and of each of its entries."""


def is_number(value: Any) -> bool:
    """True for a number that JSON and the plots of a run can hold: null for NaN, a float, or a whole number up to 2⁵³.

    >>> is_number(0.5), is_number(None), is_number(True), is_number(10**400)
    (True, True, False, False)
    """
    return value is None or type(value) is float or (type(value) is int and abs(value) <= MOST_STEPS)


def is_scalar(value: Any) -> bool:
    """True for anything but a list or a table."""
    return not isinstance(value, list | dict)


def to_line(record: Mapping[str, Any], allowed: Callable[[Any], bool] = is_number) -> bytes:
    """Line of a file for a record. JSON has no NaN and no infinity: both become null.

    Raises: TypeError for a value that is not `allowed`; ValueError for one that JSON cannot hold

    >>> to_line({"step": 1, "d_loss": float("inf")})
    b'{"step": 1, "d_loss": null}\\n'
    """
    values = plain(record)
    if wrong := [name for name, value in values.items() if not allowed(value)]:
        raise TypeError(f"{shown(wrong[0])} cannot be {shown(values[wrong[0]])}")
    return json_text(values).encode() + b"\n"


def read_lines(path: Path, step: int | None = None, allowed: Callable[[Any], bool] = is_number) -> list[dict[str, Any]]:
    """Read every line as a dict, in order; an empty list if there is no file. null becomes NaN.

    An incomplete last line, left by a crash, is left out. With `step`, only lines of steps up to that one are read, and
    damage behind them does not matter.

    Raises: ConfigError for any other line that is not a JSON object, or has a value that is not `allowed`, naming the
        line; for more lines than memory holds
    """
    if not is_there(path):
        return []
    records, held, last, most = list[dict[str, Any]](), 0, -1, machine_bytes()
    with errors_naming(path, "read"), open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        for number in count(1):
            line = file.readline(LONGEST + 1)
            if not line:
                break
            try:
                record = _read(path, line, f"line {number}", allowed, is_last=file.tell() >= size)
            except ConfigError:
                if step is None or last < step:
                    raise
                break
            if record is None:
                continue
            last = max(last, step_of(record))
            if step is None or step_of(record) <= step:
                records.append(record)
                held += RECORD_BYTES + ENTRY_BYTES * len(record) + len(line)
            if held > most:
                raise ConfigError(f"{path} has more lines than fit into memory\n  delete the file, or its first lines")
    return records


def read_last_line(path: Path, allowed: Callable[[Any], bool] = is_number) -> dict[str, Any] | None:
    """Read the last whole line, as `read_lines` does, without those before it; None if there is none.

    Raises: as `read_lines`
    """
    if not is_there(path):
        return None
    with errors_naming(path, "read"), open_file(path) as file:
        file.seek(-min(os.fstat(file.fileno()).st_size, 2 * LONGEST), os.SEEK_END)
        lines = file.read(2 * LONGEST).split(b"\n")
    found = (_read(path, line, "last line", allowed, is_last=at == 0) for at, line in enumerate(reversed(lines)))
    return next((record for record in found if record is not None), None)


def _read(path: Path, line: bytes, name: str, allowed: Callable[[Any], bool], is_last: bool) -> dict[str, Any] | None:
    """Record on a line; None for an empty line, or one that a crash cut short."""
    record = _parse(line) if len(line) <= LONGEST else None
    if record is None:
        if not line.strip() or (is_last and len(line) <= LONGEST and not line.endswith(b"\n")):
            return None
        raise ConfigError(
            f"{path}, {name}, is not a JSON object: {line[:60].decode(errors='replace')}\n"
            "  correct or delete that line by hand; the others are whole"
        )
    for key, value in record.items():
        if not (_is_step(value) if key == "step" else allowed(value)):
            raise ConfigError(
                f"{path}, {name}, says {shown(key)} is {shown(value)}, which no run writes\n"
                "  correct or delete that line by hand; the others are whole"
            )
    return {key: math.nan if value is None else value for key, value in record.items()}


def _is_step(value: Any) -> bool:
    """True for a number of steps that a run can have taken."""
    return type(value) is int and 0 <= value <= MOST_STEPS


def step_of(record: Mapping[str, Any]) -> int:
    """Step of a line; 0 if it has none."""
    step = record.get("step", 0)
    return step if isinstance(step, int) else 0


def write_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Write a file of lines as a whole. They are on the disk before this returns.

    Raises: FileError when it cannot be written
    """
    write_file(path, b"".join(to_line(record, is_scalar) for record in records), durable=True)


def cut_lines(path: Path, step: int) -> None:
    """Remove lines of steps after `step`, and an incomplete last line, left by a crash.

    Raises: as `read_lines`; FileError when it cannot be written
    """
    records = read_lines(path, step)
    if not is_there(path):
        return
    with errors_naming(path, "read"), open_file(path) as file:
        held = sum(bool(piece.strip()) for piece in iter(partial(file.readline, LONGEST), b""))
    if len(records) < held:
        write_lines(path, records)


def _parse(line: bytes) -> dict[str, Any] | None:
    """JSON object on a line, or None."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


class LineFile:
    """File that grows by whole lines at its end.

    An incomplete last line, left by a crash, is completed or cut off before anything is appended. A line that does not
    fit on the disk is cut off again. A file with a second name elsewhere (a hard link) is replaced by a copy first.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     lines = LineFile(Path(folder) / "metrics.jsonl")
    ...     lines.append(b"1\\n")
    ...     lines.append(b"2\\n")
    ...     lines.close()
    ...     lines.path.read_bytes()
    b'1\\n2\\n'
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None
        self._held: HeldFolder | None = None
        """Folder in which it was found, kept because searching for it by its path at every step would take longer."""
        self._is_new = False
        """True if its name may not be on the disk yet."""

    def append(self, line: bytes) -> None:
        """Append a line, and hand it to the system at once: a crash of this process loses no line.

        Raises: FileError when it cannot be written; ConfigError for a link, or if another file has taken its place
        """
        with errors_naming(self.path, "written"):
            descriptor = self._opened()
            size = os.fstat(descriptor).st_size
            try:
                write_whole(descriptor, line)
            except BaseException:
                with suppress(OSError):  # then it is cut off when the file is opened next
                    os.ftruncate(descriptor, size)
                self.close()
                raise

    def flush(self) -> None:
        """Flush the lines that were appended to the disk.

        Raises: FileError
        """
        if self._descriptor is not None:
            with errors_naming(self.path, "written"), os_location(self.path) as (_, folder):
                flush(self._descriptor)
                if self._is_new:
                    flush_folder(self.path.parent, folder)
                    self._is_new = False

    def close(self) -> None:
        """Close the file; a later :meth:`append` opens it again."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with errors_naming(self.path, "written"), suppress(InterruptedError):
                os.close(descriptor)

    def _opened(self) -> int:
        """Open file, which is the one of that name and has no other name."""
        if self._held is not None and not self._held.is_open:
            self.close()
        if self._descriptor is not None:
            own = os.fstat(self._descriptor)
            if not self._is_still(own):
                raise ConfigError(f"{self.path.parent} has disappeared while it was written to: {self.path} is gone")
            if own.st_nlink <= 1:
                return self._descriptor
            self.close()
        self._held = holder_of(self.path)
        self._descriptor, self._is_new = open_own_file(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND), True
        if os.fstat(self._descriptor).st_nlink > 1:
            data = self._read()
            self.close()
            write_file(self.path, data, durable=True)
            self._descriptor = open_own_file(self.path, os.O_RDWR | os.O_APPEND)
        self._complete(self._read())
        return self._descriptor

    def _is_still(self, own: os.stat_result) -> bool:
        """True if the open file is the one of that name."""
        name, folder = os.fspath(self.path), None
        if self._held is not None:
            self._held.check()
            if self._held.descriptor is not None:
                name, folder = self.path.name, self._held.descriptor
        try:
            return identity_of(os.stat(name, dir_fd=folder, follow_symlinks=False)) == identity_of(own)
        except FileNotFoundError:
            return False

    def _read(self) -> bytes:
        """All bytes of the open file."""
        with open(os.dup(self._own), "rb") as file:
            file.seek(0)
            return file.read()

    def _complete(self, data: bytes) -> None:
        """Complete a last line without its newline, or cut it off if it is no JSON object."""
        last = data[data.rfind(b"\n") + 1 :]
        if _parse(last) is not None:
            write_whole(self._own, b"\n")
        elif last:
            os.ftruncate(self._own, len(data) - len(last))

    @property
    def _own(self) -> int:
        """Descriptor of the open file."""
        assert self._descriptor is not None
        return self._descriptor
