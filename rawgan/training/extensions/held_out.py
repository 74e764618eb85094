"""D on held-out images, for the metrics: it falls where D learns its training images by heart."""

import math
from collections.abc import Mapping
from typing import Any

from rawgan.training.run import Extension, Run
from rawgan.training.triggers import Every


class HeldOutImages(Extension):
    """Look at D every `count` steps with images that it does not train with."""

    def __init__(self, count: int) -> None:
        self.is_due = Every(count)

    def figures(self, run: Run) -> Mapping[str, Any]:
        """D's figures, if the task has such images, and as long as they are finite."""
        return {name: value for name, value in run.task.look_at_d(run.reached).items() if math.isfinite(value)}
