"""Options about the optimiser: number of steps, learning rates, losses that are not finite."""

import dataclasses
from typing import Annotated, Literal

from rawgan.config.options import Above, Changeable, Group, Range
from rawgan.errors import ArgumentError

DEFAULT_STEPS = 2000

Steps = Annotated[int | None, Range(1, 10**9), Changeable()]
Epochs = Annotated[float | None, Above(0, 10**6), Changeable()]
Rate = Annotated[float | None, Above(0, 10), Changeable()]


@dataclasses.dataclass(frozen=True)
class OptimiserOptions(Group):
    """Length of the training, and the learning rates."""

    steps: Steps = None
    """Training steps; one step updates each network once. Unset: 1000, for cyclegan 3000, unless --epochs is given."""
    epochs: Epochs = None
    """Passes over the data, instead of --steps."""
    learning_rate: Rate = None
    """Adam's learning rate for all networks. Unset: 0.001, for cyclegan 0.0005."""
    d_learning_rate: Rate = None
    """Learning rate of D. Unset: as --learning-rate."""
    half_life: Annotated[int, Range(0, 10**9)] = 0
    """Steps in which the learning rates fall to half, again and again, smoothly. 0: they are constant."""
    on_nonfinite: Annotated[Literal["stop", "rollback"], Changeable()] = "stop"
    """When a loss is no longer finite: stop with the state before it, or go on from that state with half the learning
    rate."""

    def check(self) -> None:
        super().check()
        if self.steps is not None and self.epochs is not None:
            raise ArgumentError(
                f"steps {self.steps} and epochs {self.epochs} both say how long to train; give one of them"
            )

    def total_steps(self, per_epoch: float) -> int:
        """Number of steps to train, given the number of batches in an epoch."""
        if self.epochs is not None:
            return max(1, round(self.epochs * per_epoch))
        return self.steps or DEFAULT_STEPS


@dataclasses.dataclass(frozen=True)
class NoiseOptimiserOptions(OptimiserOptions):
    """Length of the training, the learning rates, and the updates of each network in a step."""

    steps: Steps = None
    """Training steps; one step updates each network once. Unset: 2000, for points 8000, unless --epochs is given."""
    epochs: Epochs = None
    """Passes over the data, instead of --steps. A mixture has no end: 100,000 points count as one pass."""
    learning_rate: Rate = None
    """Adam's learning rate for both networks. Unset: the model's own (attention 0.002, dcgan 0.001, mlp 0.002,
    residual 0.0002, style 0.02, tutorial 0.0001)."""
    d_learning_rate: Rate = None
    """Learning rate of D. Unset: as --learning-rate; for mlp, twice as much."""
    d_steps: Annotated[int, Range(1, 100)] = 1
    """Updates of D in a step, each on images of its own."""
    g_steps: Annotated[int, Range(1, 100)] = 1
    """Updates of G in a step, each on noise of its own."""

    def total_steps(self, per_epoch: float) -> int:
        return super().total_steps(per_epoch / self.d_steps)
