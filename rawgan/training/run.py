"""A run: a trainer, its folder, and the extensions that watch, draw, measure and save while it trains.

The loop takes steps, fetches their figures, and asks each extension at its moments. It knows nothing of what they do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rawgan.errors import DivergedError
from rawgan.storage import RunFolder
from rawgan.storage.checkpoint import Checkpoint
from rawgan.storage.held_folder import holding
from rawgan.tasks.task import Task
from rawgan.training.background import Background
from rawgan.training.recovery import go_back
from rawgan.training.trainer import Trainer, check_finite
from rawgan.training.triggers import Moment, Never

FETCH_SECONDS = 0.1
"""Time between two looks at the losses of steps on a GPU, each of which waits for it."""


class Extension:
    """Something attached to a run. A subclass writes the methods that it needs.

    `start` is called once, before the first step. After each step whose figures were fetched come `figures`, if the
    extension is due, and `step`. When it is due, `act`. After the run went back to an earlier step, `went_back`. At the
    end, `finish`. Extensions that are due at the same moment act in the order in which they are attached.

    >>> from rawgan.training.triggers import Every
    >>> class Upload(Extension):
    ...     is_due = Every(50)
    ...
    ...     def act(self, run):
    ...         images = run.task.sample()
    ...         print(f"step {run.reached}: {len(images)} images to upload")
    """

    is_due: Callable[[Moment], bool] = Never()
    """The trigger of `figures` and `act`."""
    needs_checkpoint = False
    """True if `act` or `figures` takes `run.checkpoint()`: it is then made, and seen to be finite, before anything is
    measured or drawn."""

    def start(self, run: Run) -> None:
        """Prepare. The run folder holds the files up to step `run.reached`, and no later ones."""

    def figures(self, run: Run) -> Mapping[str, Any]:
        """Figures of the networks as they are, for the record of the step just taken."""
        return {}

    def step(self, run: Run, record: Mapping[str, Any]) -> None:
        """Take notice of a step, of which `record` is the line of metrics."""

    def act(self, run: Run) -> None:
        """Do what the extension is for, at a moment that its trigger chose."""

    def samples(self, run: Run, samples: Any) -> None:
        """Take notice of samples that were made for a picture of step `run.reached`."""

    def measured(self, run: Run, figures: Mapping[str, Any]) -> None:
        """Take notice of figures of quality that were measured after step `run.reached`."""

    def has_files_of(self, run: Run, step: int) -> bool:
        """True if the run keeps a file that is named after that step, such as its picture."""
        return False

    def went_back(self, run: Run) -> None:
        """Forget the steps after `run.reached`. The run went back to that step, and its folder holds no later files."""

    def finish(self, run: Run) -> None:
        """End, after the last step; not called if the run failed."""


class Run:
    """One run of a trainer, written into a folder by its extensions.

    A run that was stopped or killed, and then resumed, ends with the same files, bit for bit, as one that was not.
    """

    def __init__(
        self,
        trainer: Trainer,
        folder: RunFolder,
        extensions: Sequence[Extension],
        should_stop: Callable[[], bool] = lambda: False,
        tell: Callable[[str], None] = lambda message: None,
    ) -> None:
        self.trainer, self.folder, self.extensions = trainer, folder, extensions
        self.should_stop, self.tell = should_stop, tell
        self.background = Background(tell)
        """Writes files in a thread of its own, in the order in which it is asked to."""
        self.lines: list[dict[str, Any]] = []
        """The lines of metrics so far."""
        self._checkpoint: Checkpoint | None = None

    @property
    def task(self) -> Task:
        """The task that is trained."""
        return self.trainer.task

    @property
    def reached(self) -> int:
        """Steps taken so far."""
        return self.trainer.reached

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.trainer.steps

    def checkpoint(self) -> Checkpoint:
        """All that the training is at this moment; extensions that are due share one copy.

        Raises: DivergedError for numbers that are not finite
        """
        if self._checkpoint is None:
            self._checkpoint = self.trainer.checkpoint()
            check_finite(self._checkpoint)
        return self._checkpoint

    def go(self) -> int:
        """Train from where the trainer is to the end, or until `should_stop()`. Returns the steps taken in all.

        Raises: DivergedError if a loss is not finite; the folder then holds the state before that step
        """
        with self.folder, holding(self.folder.path, durable=True, follow=True), self.background:
            self.folder.write_config(self.trainer.config.to_dict())
            if self.trainer.start is not None:
                self.folder.save_start(self.trainer.start)
            self.rewind()
            for extension in self.extensions:
                extension.start(self)
            self._loop()
            for extension in self.extensions:
                extension.finish(self)
        return self.reached

    def _loop(self) -> None:
        fetched, taken = time.monotonic(), list[Any]()
        while True:
            has_ended = self.reached == self.steps or self.should_stop()
            if not has_ended:
                taken.append(self.trainer.take())
            self._checkpoint = None
            moment = Moment(self.reached, self.steps, has_ended)
            due = [extension for extension in self.extensions if extension.is_due(moment)]
            # To fetch from a GPU is to wait for it: that is done only when an extension needs the figures.
            on_cpu, waited = self.trainer.device == "cpu", time.monotonic() - fetched
            if not (due or has_ended or on_cpu or waited > FETCH_SECONDS):
                continue
            try:
                self._record(taken, due)
                if any(extension.needs_checkpoint for extension in due):
                    self.checkpoint()
            except DivergedError as error:
                self._go_back(error)
                taken = []
                continue
            fetched, taken = time.monotonic(), []
            for extension in due:
                extension.act(self)
            if has_ended:
                break

    def _record(self, taken: list[Any], due: list[Extension]) -> None:
        """Hand the records of the latest steps to the extensions, with the figures of those that are due."""
        for record in self.trainer.records(taken):
            line: dict[str, Any] = dict(record)
            if record["step"] == self.reached:
                for extension in due:
                    line |= extension.figures(self)
            self.lines.append(line)
            for extension in self.extensions:
                extension.step(self, line)

    def _go_back(self, error: DivergedError) -> None:
        """Go back to the state before the first number that is not finite. If the run is asked to stop meanwhile, go
        back to the last checkpoint.

        Raises: DivergedError unless the run is to go on from there
        """
        self.background.finish()
        go_back(self.trainer, self.folder, error, self.rewind, self.should_stop, self.tell)
        for extension in self.extensions:
            extension.went_back(self)

    def rewind(self) -> None:
        """Make the folder what it was after the latest step."""
        for path in self.folder.rewind(self.reached, self._has_files_of):
            self.tell(f"set aside: {path}")

    def _has_files_of(self, step: int) -> bool:
        return any(extension.has_files_of(self, step) for extension in self.extensions)
