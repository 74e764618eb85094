"""What a room of the lab is, and what all rooms share."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from rawgan.lab.texts import Texts
from rawgan.lab.watching import RunWatch
from rawgan.lab.workbench import Workbench
from rawgan.storage.run_folder import RunFolder


@dataclass
class Lab:
    """What all pages look at: one run, watched, and one workbench, which the first page that needs it starts."""

    folder: RunFolder
    _bench: Workbench | None = field(default=None, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __post_init__(self) -> None:
        self.watch = RunWatch(self.folder)

    @property
    def bench(self) -> Workbench:
        """The workbench."""
        with self._lock:
            if self._bench is None:
                self._bench = Workbench(self.folder.path)
            return self._bench

    def close(self) -> None:
        """End the workbench, if there is one."""
        with self._lock:
            if self._bench is not None:
                self._bench.close()


Keys = dict[str, Callable[[], None]]
"""What keys of the keyboard do in a room."""


@dataclass(frozen=True)
class Room:
    """A room: `build` puts it onto the page that is being made, and returns its keys."""

    name: str
    """Name in addresses and texts."""
    summary: str
    """What it shows."""
    key: str
    """Key that opens it: rooms are in the order of their keys."""
    build: Callable[[Lab, Texts], Keys]
