"""Files of a run, read as they grow. The training process does not notice."""

import json
import os
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from rawgan.errors import RawganError
from rawgan.storage.json_lines import is_number
from rawgan.storage.lookup import is_link
from rawgan.storage.run_folder import RunFolder

Point = TypeVar("Point")

MOST_BYTES = 2**24
"""Most bytes of metrics.jsonl that one look reads."""
PACE_SECONDS = 60.0
"""Time over which the pace is measured."""


@dataclass
class Tail:
    """The lines of a growing file of JSON, each read once. A file that became shorter is read again from the start."""

    path: Path
    of_numbers: bool = True
    """Keep numbers only, whatever else a line has."""
    lines: list[dict[str, Any]] = field(default_factory=list)
    _read: int = 0
    _file: tuple[int, int] = (0, 0)

    def look(self) -> None:
        """Read the lines that are new. A line that is not yet whole is left for later; one that is no record is not
        kept."""
        try:
            with self.path.open("rb") as file:
                found = os.fstat(file.fileno())
                if found.st_size < self._read or (found.st_dev, found.st_ino) != self._file or not self._fits(file):
                    self.lines, self._read, self._file = [], 0, (found.st_dev, found.st_ino)
                file.seek(self._read)
                data = file.read(MOST_BYTES)
        except OSError:
            return  # not there yet, or just being replaced
        whole = data.rfind(b"\n") + 1
        self._read += whole
        for line in data[:whole].splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict) and isinstance(record.get("step"), int):
                if self.of_numbers:
                    record = {name: value for name, value in record.items() if is_number(value) and value is not None}
                while self.lines and self.lines[-1]["step"] >= record["step"]:
                    self.lines.pop()  # the run went back, and takes these steps again
                self.lines.append(record)

    def _fits(self, file: BinaryIO) -> bool:
        """True if a line still ends where the last look ended: else the file was cut, and has grown again since."""
        file.seek(max(self._read - 1, 0))
        return self._read == 0 or file.read(1) == b"\n"


@dataclass
class RunWatch:
    """A run, watched from outside: figures, alarms, pictures, state, pace."""

    folder: RunFolder
    steps: int | None = None
    """Steps of the whole run, if its configuration says so."""
    is_running: bool = False
    seconds_per_step: float | None = None
    """Time of a step while it was watched; None before two looks saw different steps."""

    def __post_init__(self) -> None:
        self._metrics = Tail(self.folder.metrics_file)
        self._alarms = Tail(self.folder.alarms_file, of_numbers=False)
        self._seen: deque[tuple[float, int]] = deque()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Lines of metrics so far."""
        return self._metrics.lines

    @property
    def alarms(self) -> list[dict[str, Any]]:
        """Alarms of the doctor so far."""
        return self._alarms.lines

    @property
    def reached(self) -> int:
        """Steps taken so far."""
        return self.lines[-1]["step"] if self.lines else 0

    @property
    def seconds_left(self) -> float | None:
        """Time to the end of a run that is going on; None if it cannot be told."""
        if self.steps is None or self.seconds_per_step is None or not self.is_running:
            return None
        return max(self.steps - self.reached, 0) * self.seconds_per_step

    def look(self) -> None:
        """Read what is new."""
        before = self.reached
        self._metrics.look()
        self._alarms.look()
        try:
            steps = self.folder.read_config().get("steps")
            self.steps = steps if isinstance(steps, int) and steps > 0 else None
            self.is_running = self.folder.is_running()
        except RawganError:
            pass  # being written, or of another user: as it was
        now = time.monotonic()
        if self.reached < before:
            self._seen.clear()
        if not self._seen or self.reached > self._seen[-1][1]:
            self._seen.append((now, self.reached))
        while len(self._seen) > 2 and now - self._seen[0][0] > PACE_SECONDS:
            self._seen.popleft()
        (first, start), (last, end) = self._seen[0], self._seen[-1]
        self.seconds_per_step = (last - first) / (end - start) if end > start else None

    def pictures(self) -> list[Path]:
        """Pictures of samples so far, by step. Links are left out: they could lead to any file of this machine."""
        try:
            return [path for path in self.folder.samples() if not is_link(path)]
        except RawganError:
            return []


def thinned(points: list[Point], count: int) -> list[Point]:
    """At most about `count` of the points, evenly spaced, the last one always among them.

    >>> thinned([1, 2, 3, 4, 5, 6, 7, 8], 3)
    [1, 4, 7, 8]
    """
    stride = max(1, -(-len(points) // count))
    kept = points[::stride]
    return kept if not points or kept[-1] is points[-1] else [*kept, points[-1]]
