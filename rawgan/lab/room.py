"""The interface of a room, and the state that all rooms share."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from rawgan.lab.texts import Texts
from rawgan.lab.watching import RunWatch
from rawgan.lab.workbench import Workbench
from rawgan.storage.run_folder import RunFolder


@dataclass
class Lab:
    """The state behind all pages: one run, watched, and one workbench, which the first page that needs it starts."""

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
"""Functions of a room by the key that calls them."""


@dataclass(frozen=True)
class Room:
    """A room: `build` puts it onto the page that is being made, and returns its keys."""

    name: str
    """Name in addresses and texts."""
    summary: str
    """Its contents, in a line."""
    key: str
    """Key that opens it: rooms are in the order of their keys."""
    build: Callable[[Lab, Texts], Keys]
