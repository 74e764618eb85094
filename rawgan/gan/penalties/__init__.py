"""Gradient penalties on D, one a file. They are exact, through double backward.

Each is differentiated twice: with respect to the images, which gives D's slope, and with respect to D's weights. With
batch norm in D, the slope at one image would depend on the others, so penalties are for networks without it, such as
`residual`.

To add a penalty, add a file that defines a :class:`~rawgan.gan.penalties.penalty.Penalty`.
"""

from rawgan.gan.penalties.penalty import Discriminate, Penalty
from rawgan.gan.penalties.slopes import squared_slopes
from rawgan.registry import Registry, collect

PENALTIES: Registry[Penalty] = collect(__name__, __path__, Penalty, "penalty")
"""Penalties by name."""

__all__ = ["PENALTIES", "Discriminate", "Penalty", "squared_slopes"]
