"""The workbench: a process with a copy of a run, in which a training step can be taken part by part.

The copy stands at the run's latest checkpoint. Nothing that it does changes the run.
"""

import multiprocessing
import threading
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from rawgan.errors import RawganError
from rawgan.gan.parts import Part
from rawgan.inspection.events import Event, LayerGradient, LayerOutput, ParameterUpdate, PartBegins, Value
from rawgan.inspection.source import LayerSource, code_of, sources_of
from rawgan.inspection.summary import Array, Summary, kernels_first, maps_of, pictures_of_value, summary_of
from rawgan.inspection.tracer import trace

PICTURES = 8
"""Most pictures of an array."""


@dataclass(frozen=True)
class Seen:
    """An array of a step, small enough to be sent and shown."""

    kind: str
    """Kind of event: value, output, gradient or update."""
    network: str
    name: str
    """Name of the value, title of the layer, or name of the parameter."""
    what: str
    """For an update, what the array is: gradient, a moment, step or weight. Otherwise empty."""
    summary: Summary
    picture: bytes | None
    """Images, feature maps or kernels side by side, as PNG."""
    number: float | None
    """The value of an array of a single element."""
    ops: tuple[str, ...] = ()
    """Names of the ops that a layer called, in order."""


@dataclass
class PartSeen:
    """A part of a step, with the arrays seen in it so far."""

    part: Part
    arrays: list[Seen] = field(default_factory=list)


@dataclass(frozen=True)
class OpSource:
    """The code of an op, sent before it is first named."""

    name: str
    code: str


@dataclass(frozen=True)
class Ready:
    """The copy of the run is ready for its next step."""

    step: int
    """Steps that the copy has taken so far."""
    layers: list[LayerSource]


@dataclass(frozen=True)
class Ended:
    """The step has been taken."""

    step: int
    figures: dict[str, float]


@dataclass(frozen=True)
class Failed:
    """The process cannot go on."""

    message: str


class Workbench:
    """The process, and what it has said so far. Methods return at once.

    >>> import tempfile
    >>> from pathlib import Path
    >>> bench = Workbench(Path(tempfile.gettempdir(), "no run of that name"))
    >>> bench.wait_until(lambda: bench.failure is not None)
    >>> print(bench.failure.partition("no run")[1])
    no run
    >>> bench.close()
    """

    def __init__(self, run: Path) -> None:
        self.ready: Ready | None = None
        self.parts: list[PartSeen] = []
        """Parts of the step so far."""
        self.ops: dict[str, str] = {}
        """Code of ops by name."""
        self.ended: Ended | None = None
        """The end of the step, once it has been taken."""
        self.failure: str | None = None
        self.version = 0
        """Number of changes so far: pages look whether there is something new."""
        self._waits = False
        self._changed = threading.Condition()
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, run), daemon=True)
        self._process.start()
        theirs.close()
        threading.Thread(target=self._listen, name="rawgan-workbench", daemon=True).start()

    @property
    def is_waiting(self) -> bool:
        """True while the step is held up before its next part, or before its beginning."""
        return self._waits and self.failure is None

    def next_part(self) -> None:
        """Let the next part be done; after the end of the step, begin the next one."""
        self._ask("part")

    def whole_step(self) -> None:
        """Let the step be done to its end."""
        self._ask("step")

    def close(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.join()

    def wait_until(self, condition: Any, seconds: float = 60.0) -> None:
        """Wait until a condition about what was said holds. Raises: TimeoutError"""
        with self._changed:
            if not self._changed.wait_for(condition, seconds):
                raise TimeoutError(f"nothing came within {seconds:g} s")

    def _ask(self, what: str) -> None:
        with self._changed:
            if not self.is_waiting:
                return  # pressed twice, or on two pages
            self._waits = False
            if self.ended is not None:
                self.parts, self.ended = [], None
            self._connection.send(what)
            self._changed.notify_all()

    def _listen(self) -> None:
        """Take what the process says, in a thread."""
        while True:
            try:
                said = self._connection.recv()
            except (EOFError, OSError):
                said = Failed("the process that takes the steps has ended")
            with self._changed:
                self._take(said)
                self.version += 1
                self._changed.notify_all()
                if isinstance(said, Failed):
                    return

    def _take(self, said: Any) -> None:
        if isinstance(said, Ready):
            self.ready, self._waits = said, True
        elif isinstance(said, OpSource):
            self.ops[said.name] = said.code
        elif isinstance(said, Part):
            self.parts.append(PartSeen(said))
        elif isinstance(said, Seen):
            self.parts[-1].arrays.append(said)
        elif isinstance(said, Ended):
            self.ended, self._waits = said, True
        elif isinstance(said, Failed):
            self.failure = self.failure or said.message
        else:
            self._waits = True  # the next part is held up


def _work(connection: Connection, run: Path) -> None:
    """Take steps as they are asked for, in the process."""
    from rawgan.inference.next_step import trainer_of
    from rawgan.storage.run_folder import RunFolder

    try:
        trainer = trainer_of(RunFolder.open(run))
        networks = trainer.gan.networks
        connection.send(Ready(trainer.reached, sources_of(networks)))
        known: set[str] = set()
        while True:
            held = _Held(connection, connection.recv() == "step", known)
            (record,) = _records(trainer, networks, held)
            connection.send(Ended(trainer.reached, record))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the lab has ended
    except RawganError as error:
        connection.send(Failed(str(error)))
    except Exception as error:
        connection.send(Failed(f"{type(error).__name__}: {error}"))


def _records(trainer: Any, networks: Any, held: "_Held") -> list[dict[str, float]]:
    taken: list[Any] = []
    trace(lambda: taken.append(trainer.take(kernel_by_kernel=True)), networks, held)
    return list(trainer.records(taken))


class _Held:
    """Sends events, and holds the step up before each part until it is asked for."""

    def __init__(self, connection: Connection, whole: bool, known: set[str]) -> None:
        self._connection, self._whole, self._first, self._known = connection, whole, True, known

    def __call__(self, event: Event) -> None:
        if isinstance(event, PartBegins):
            if not (self._whole or self._first):
                self._connection.send("held up")
                self._whole = self._connection.recv() == "step"
            self._first = False
            self._connection.send(event.part)
            return
        for op in event.ops if isinstance(event, LayerOutput) else ():
            if op.__name__ not in self._known:
                self._known.add(op.__name__)
                self._connection.send(OpSource(op.__name__, code_of(op)))
        for seen in _seen(event):
            self._connection.send(seen)


def _seen(event: Event) -> list[Seen]:
    """The arrays of an event."""
    if isinstance(event, Value):
        images = pictures_of_value(event.name, event.array, PICTURES)
        return [_one("value", "", event.name, "", event.array, images)]
    if isinstance(event, LayerOutput | LayerGradient):
        kind = "output" if isinstance(event, LayerOutput) else "gradient"
        ops = tuple(op.__name__ for op in event.ops) if isinstance(event, LayerOutput) else ()
        return [_one(kind, event.network, event.layer, "", event.array, maps_of(event.array, PICTURES), ops)]
    assert isinstance(event, ParameterUpdate)
    return [
        _one("update", event.network, event.parameter, what, array, maps_of(kernels_first(array), PICTURES))
        for what, array in event.arrays.items()
    ]


def _one(
    kind: str, network: str, name: str, what: str, array: Array, images: Array | None, ops: tuple[str, ...] = ()
) -> Seen:
    number = float(array.item()) if array.size == 1 else None
    return Seen(kind, network, name, what, summary_of(array), None if images is None else _png(images), number, ops)


def _png(images: Array) -> bytes:
    """Images side by side, as a PNG file."""
    from io import BytesIO

    from rawgan.pictures.grids import tile
    from rawgan.pictures.pixels import picture_of

    file = BytesIO()
    picture_of(tile(images, len(images), padding=1)).save(file, "png")
    return file.getvalue()
