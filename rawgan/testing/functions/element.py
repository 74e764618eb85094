"""An element of an input, moved alone: its gradients and its slope."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rawgan.testing.functions.finite_differences import Bend
from rawgan.testing.report import Index, Kink


@dataclass(frozen=True)
class Element:
    """Comparison of the gradients of one element with its slope."""

    index: Index
    error: float
    slope: float
    bend: Bend | None
    gradients: dict[bool, float]
    """Gradients of the plain and of the recorded walk, by whether it was recorded."""
    is_kink: bool
    """There is no derivative, and the gradient is one that is right at such a point."""

    @property
    def gradient(self) -> float:
        """Gradient of the worse walk."""
        return max(self.gradients.values(), key=self._off)

    @property
    def distance(self) -> float:
        """Distance of that gradient from the slope."""
        return self._off(self.gradient)

    @property
    def numerical(self) -> str:
        """Result of the finite differences in words."""
        return (
            f"{self.bend.behind:.7g} on one side, {self.bend.ahead:.7g} on the other"
            if self.bend
            else f"{self.slope:.7g}"
        )

    def walks_differ(self, rtol: float) -> bool:
        """True if the plain and the recorded walk disagree."""
        plain, recorded = self.gradients[False], self.gradients.get(True, self.gradients[False])
        return not np.isclose(plain, recorded, rtol=rtol, atol=1e-9 * abs(self.slope), equal_nan=True)

    def kink(self, name: str, order: int) -> Kink:
        """The element as a kink of the report."""
        bend = self.bend or Bend(self.slope, self.slope, False)
        return Kink(name, self.index, order, bend.behind, bend.ahead, self.gradient, bend.jumps)

    def _off(self, gradient: float) -> float:
        distance = abs(gradient - self.slope)
        return float("inf") if np.isnan(distance) else distance
