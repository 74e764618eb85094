"""Evaluation: figures of quality while a run trains, and the checkpoint with the best of them."""

import math
from collections.abc import Mapping
from typing import Any

from rawgan.training.run import Extension, Run
from rawgan.training.triggers import Every


class Evaluation(Extension):
    """Measure the generator every `count` steps, for the metrics of that step."""

    needs_checkpoint = True

    def __init__(self, count: int | None) -> None:
        self.is_due = Every(count)
        self._figures: Mapping[str, Any] = {}

    def figures(self, run: Run) -> Mapping[str, Any]:
        """Measure the generator, once all its numbers are seen to be finite."""
        run.checkpoint()
        self._figures = run.task.measure()
        return self._figures

    def act(self, run: Run) -> None:
        """Hand the figures to the other extensions."""
        for extension in run.extensions:
            extension.measured(run, self._figures)


class BestCheckpoint(Extension):
    """Keep the checkpoint with the lowest value of the task's figure as best.safetensors.

    It is written right after the checkpoint of its step, from which it is made again if a crash came in between.
    """

    needs_checkpoint = True

    def __init__(self, count: int | None) -> None:
        self.is_due = Every(count)
        self._least = math.inf

    def start(self, run: Run) -> None:
        """Write the best checkpoint if it is missing and the checkpoint of its step is there."""
        name = run.task.best_figure
        figures = [(line[name], line["step"]) for line in run.lines if math.isfinite(line.get(name, math.nan))]
        best = min(figures, default=(0, None))[1]
        if best is not None and run.folder.best_step() != best:
            checkpoint = run.folder.checkpoint_before(best)
            if checkpoint is not None and checkpoint.about.step == best:
                run.folder.save_best(checkpoint)
        self.went_back(run)

    def act(self, run: Run) -> None:
        """Write this checkpoint if it is the best one so far."""
        value = run.lines[-1].get(run.task.best_figure, math.inf)
        if value < self._least:
            self._least = value
            run.background.do(run.folder.save_best, run.checkpoint())

    def went_back(self, run: Run) -> None:
        """Read the value that another checkpoint has to stay below."""
        step, name = run.folder.best_step(), run.task.best_figure
        self._least = min(
            (line[name] for line in run.lines if line.get("step") == step and name in line), default=math.inf
        )
