"""Options about the optimiser: how long, how fast, and what to do when a loss is no longer finite."""

import dataclasses
from typing import Annotated, Literal

from rawgan.config.options import Above, Changeable, Group, Range
from rawgan.errors import ArgumentError

DEFAULT_STEPS = 3000


@dataclasses.dataclass(frozen=True)
class OptimiserOptions(Group):
    """Length of the training, and the learning rates."""

    steps: Annotated[int | None, Range(1, 10**9), Changeable()] = None
    """Training steps; one step is one update of each network. Unset: 1000, of cyclegan 3000; or what --epochs says."""
    epochs: Annotated[float | None, Above(0, 10**6), Changeable()] = None
    """Passes over the data, instead of --steps."""
    learning_rate: Annotated[float | None, Above(0, 10), Changeable()] = None
    """Adam's learning rate for all networks. Unset: 0.001, of cyclegan 0.0005."""
    d_learning_rate: Annotated[float | None, Above(0, 10), Changeable()] = None
    """Learning rate of D. Unset: that of both networks."""
    half_life: Annotated[int, Range(0, 10**9)] = 0
    """Steps in which the learning rates fall to half, smoothly and again and again. 0: they stay constant."""
    on_nonfinite: Annotated[Literal["stop", "rollback"], Changeable()] = "stop"
    """When a loss is no longer finite: stop with the state before it, or go on from there with half the learning
    rate."""

    def check(self) -> None:
        """Raise an ArgumentError for options that make no sense."""
        super().check()
        if self.steps is not None and self.epochs is not None:
            raise ArgumentError(
                f"steps {self.steps} and epochs {self.epochs} both say how long to train; give one of them"
            )

    def total_steps(self, per_epoch: float) -> int:
        """Number of steps to train, when an epoch has so many batches."""
        if self.epochs is not None:
            return max(1, round(self.epochs * per_epoch))
        return self.steps or DEFAULT_STEPS


@dataclasses.dataclass(frozen=True)
class NoiseOptimiserOptions(OptimiserOptions):
    """Length of the training, the learning rates, and how often each network is updated in a step."""

    steps: Annotated[int | None, Range(1, 10**9), Changeable()] = None
    """Training steps; one step is one update of each network. Unset: 3000, for points 8000, unless --epochs is
    given."""
    epochs: Annotated[float | None, Above(0, 10**6), Changeable()] = None
    """Passes over the data, instead of --steps; of a mixture, which has no end, 100,000 points are one."""
    learning_rate: Annotated[float | None, Above(0, 10), Changeable()] = None
    """Adam's learning rate for both networks. Unset: the model's own (dcgan 0.001, residual 0.0002, tutorial 0.0001,
    mlp 0.002)."""
    d_learning_rate: Annotated[float | None, Above(0, 10), Changeable()] = None
    """Learning rate of D. Unset: that of both networks; for mlp, twice as much."""
    d_steps: Annotated[int, Range(1, 100)] = 1
    """Updates of D in a step, each on images of its own."""
    g_steps: Annotated[int, Range(1, 100)] = 1
    """Updates of G in a step, each on noise of its own."""

    def total_steps(self, per_epoch: float) -> int:
        """Number of steps to train, when an epoch has so many batches: D sees `d_steps` of them in a step."""
        return super().total_steps(per_epoch / self.d_steps)
