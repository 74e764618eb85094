"""Files of JSON lines, which a crash may cut short in the last one: metrics.jsonl and alarms.jsonl."""

import json
import math
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from rawgan.data.bounded import machine_bytes
from rawgan.errors import ConfigError, shown
from rawgan.files import open_file
from rawgan.storage.atomic import (
    Held,
    flush,
    flush_folder,
    holder_of,
    identity_of,
    inside,
    is_there,
    naming,
    open_own,
    write_file,
    write_whole,
)
from rawgan.storage.checkpoint import MOST_STEPS

LONGEST = 1 << 20
"""Bytes of a line."""
RECORD_BYTES, ENTRY_BYTES = 128, 160
"""Memory that a line takes once it is read, about, and each of its entries."""
NUMBERS = frozenset({
    "epoch", "d_loss", "g_loss", "d_real", "d_fake", "class_real", "class_fake", "penalty", "pixel", "feature", "cycle",
    "identity", "fid", "unmatched", "l1",
})  # fmt: skip
"""What the lines of metrics that rawgan looks at again say in numbers."""


def to_line(record: Mapping[str, Any]) -> bytes:
    """A JSON object as a line of a file. JSON has no NaN and no infinity: both become null.

    Raises: TypeError, ValueError for values that JSON cannot hold.

    >>> to_line({"step": 1, "d_loss": float("inf")})
    b'{"step": 1, "d_loss": null}\\n'
    """
    return json.dumps({name: _json_value(value) for name, value in record.items()}, allow_nan=False).encode() + b"\n"


def _json_value(value: Any) -> Any:
    """``value`` as JSON has it: Python numbers for NumPy's, None for what is not finite."""
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_lines(path: Path, step: int | None = None) -> list[dict[str, Any]]:
    """Every line as a dict, in order; none where there is no file. null is NaN. A last line that a crash cut short is
    left out. With ``step``, only the lines of steps up to that one; what is wrong behind them is no matter.

    Raises: ConfigError for any other line that is not a JSON object or holds what no run writes, naming the line; for
        more lines than memory holds.
    """
    if not is_there(path):
        return []
    records, held, last, most = list[dict[str, Any]](), 0, -1, machine_bytes()
    with naming(path, "read"), open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        for number in count(1):
            line = file.readline(LONGEST + 1)
            if not line:
                break
            try:
                record = _read(path, line, f"line {number}", is_last=file.tell() >= size)
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


def read_last_line(path: Path) -> dict[str, Any] | None:
    """The last whole line, as `read_lines` has it, without those before it; None where there is none.

    Raises: as `read_lines`
    """
    if not is_there(path):
        return None
    with naming(path, "read"), open_file(path) as file:
        file.seek(-min(os.fstat(file.fileno()).st_size, 2 * LONGEST), os.SEEK_END)
        lines = file.read(2 * LONGEST).split(b"\n")
    found = (_read(path, line, "last line", is_last=at == 0) for at, line in enumerate(reversed(lines)))
    return next((record for record in found if record is not None), None)


def _read(path: Path, line: bytes, name: str, is_last: bool) -> dict[str, Any] | None:
    """The record on a line; None if nothing, or if a crash cut it short."""
    record = _parse(line) if len(line) <= LONGEST else None
    if record is None:
        if not line.strip() or (is_last and len(line) <= LONGEST and not line.endswith(b"\n")):
            return None
        raise ConfigError(
            f"{path}, {name}, is not a JSON object: {line[:60].decode(errors='replace')}\n"
            "  mend or delete that line by hand; the others are whole"
        )
    for key, value in record.items():
        if not _fits(key, value):
            raise ConfigError(
                f"{path}, {name}, says {shown(key)} is {shown(value)}, which no run writes\n"
                "  mend or delete that line by hand; the others are whole"
            )
    return {key: math.nan if value is None else value for key, value in record.items()}


def _fits(name: str, value: Any) -> bool:
    """Whether a line may have that value under that name."""
    if name == "step":
        return type(value) is int and 0 <= value <= MOST_STEPS
    if name == "disease":
        return isinstance(value, str)
    if name in NUMBERS:
        return value is None or type(value) is float or (type(value) is int and abs(value) <= MOST_STEPS)
    return not isinstance(value, list | dict)


def step_of(record: Mapping[str, Any]) -> int:
    """The step that a line is about; 0 where it does not say."""
    step = record.get("step", 0)
    return step if isinstance(step, int) else 0


def write_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Write a file of lines as a whole. They are on the disk before this returns.

    Raises: FileError when it cannot be written
    """
    write_file(path, b"".join(map(to_line, records)), durable=True)


def cut_lines(path: Path, step: int) -> None:
    """Leave out the lines of steps behind that one, and what a crash left of the last one.

    Raises: as `read_lines`; FileError when it cannot be written
    """
    records = read_lines(path, step)
    if not is_there(path):
        return
    with naming(path, "read"), open_file(path) as file:
        held = sum(bool(piece.strip()) for piece in iter(partial(file.readline, LONGEST), b""))
    if len(records) < held:
        write_lines(path, records)


def _parse(line: bytes) -> dict[str, Any] | None:
    """The JSON object on a line, or None."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


class Lines:
    """A file that grows by whole lines at its end.

    A last line without its newline, which a crash left, is mended or cut off before anything is appended. A line that
    does not fit on the disk is cut off again. A file that has a second name elsewhere becomes one of its own first.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     lines = Lines(Path(folder) / "metrics.jsonl")
    ...     lines.append(b"1\\n")
    ...     lines.append(b"2\\n")
    ...     lines.close()
    ...     lines.path.read_bytes()
    b'1\\n2\\n'
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None
        self._held: Held | None = None
        """The folder that it was found in; this is asked for every step, and by the path it would take longer."""
        self._is_new = False
        """Whether its name may not be on the disk yet."""

    def append(self, line: bytes) -> None:
        """Append a line, and hand it to the system at once: a crash of this process loses no line.

        Raises: FileError when it cannot be written; ConfigError for a link, or where another file has taken its place
        """
        with naming(self.path, "written"):
            descriptor = self._opened()
            size = os.fstat(descriptor).st_size
            try:
                write_whole(descriptor, line)
            except BaseException:
                with suppress(OSError):  # then the half line is cut off by who opens it next
                    os.ftruncate(descriptor, size)
                self.close()
                raise

    def flush(self) -> None:
        """Have the disk hold what was appended.

        Raises: FileError
        """
        if self._descriptor is not None:
            with naming(self.path, "written"), inside(self.path) as (_, folder):
                flush(self._descriptor)
                if self._is_new:
                    flush_folder(self.path.parent, folder)
                    self._is_new = False

    def close(self) -> None:
        """Close the file; a later :meth:`append` opens it again."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with naming(self.path, "written"), suppress(InterruptedError):
                os.close(descriptor)

    def _opened(self) -> int:
        """The open file, which is the one of that name, and has no other."""
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
        self._descriptor, self._is_new = open_own(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND), True
        if os.fstat(self._descriptor).st_nlink > 1:
            data = self._read()
            self.close()
            write_file(self.path, data, durable=True)
            self._descriptor = open_own(self.path, os.O_RDWR | os.O_APPEND)
        self._mend(self._read())
        return self._descriptor

    def _is_still(self, own: os.stat_result) -> bool:
        """Whether the open file is the one of that name."""
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
        with open(os.dup(self._own), "rb") as file:
            file.seek(0)
            return file.read()

    def _mend(self, data: bytes) -> None:
        last = data[data.rfind(b"\n") + 1 :]
        if _parse(last) is not None:
            write_whole(self._own, b"\n")
        elif last:
            os.ftruncate(self._own, len(data) - len(last))

    @property
    def _own(self) -> int:
        assert self._descriptor is not None
        return self._descriptor
