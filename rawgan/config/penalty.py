"""Options about penalties on D and on G."""

import dataclasses
from typing import Annotated

from rawgan.config.options import Above, Group, Named, OneOf, Range
from rawgan.gan import GENERATOR_PENALTIES, PENALTIES


@dataclasses.dataclass(frozen=True)
class PenaltyOptions(Group):
    """Gradient penalty on D."""

    name: Annotated[str, Named("penalty"), OneOf(("none", *PENALTIES), PENALTIES)] = "none"
    """Gradient penalty on D. For networks whose D has no batch norm: not for dcgan and tutorial."""
    weight: Annotated[float | None, Named("penalty_weight"), Above(0, 10**6)] = None
    """Weight of the gradient penalty. Unset: the penalty's own, 1 for r1 and r2, 10 for others; on points less,
    as D must be steep around narrow modes."""
    every: Annotated[int, Named("penalty_every"), Range(1, 10**6)] = 1
    """Apply the penalty every N steps, weighted by N (lazy regularisation)."""

    def default_weight(self, points: bool = False) -> float | None:
        """Weight of the penalty if no option sets it; None without a penalty.

        >>> PenaltyOptions("r1").default_weight(), PenaltyOptions("r1").default_weight(points=True)
        (1.0, 0.003)
        """
        if self.name == "none":
            return None
        penalty = PENALTIES[self.name]
        return penalty.point_weight if points and penalty.point_weight is not None else penalty.weight


@dataclasses.dataclass(frozen=True)
class NoisePenaltyOptions(PenaltyOptions):
    """Gradient penalty on D, and penalty on G."""

    g_name: Annotated[str, Named("g_penalty"), OneOf(("none", *GENERATOR_PENALTIES), GENERATOR_PENALTIES)] = "none"
    """Penalty on G. For networks whose G has no batch norm: style and mlp."""
    g_weight: Annotated[float | None, Named("g_penalty_weight"), Above(0, 10**6)] = None
    """Weight of the penalty on G. Unset: the penalty's own, 2 for path-length."""
    g_every: Annotated[int, Named("g_penalty_every"), Range(1, 10**6)] = 1
    """Apply the penalty on G every N steps, weighted by N."""

    @property
    def default_g_weight(self) -> float | None:
        """Weight of the penalty on G if no option sets it; None without a penalty."""
        return None if self.g_name == "none" else GENERATOR_PENALTIES[self.g_name].weight
