"""Penalties, one a file: gradient penalties on D, and penalties on G. They are exact, through double backward.

Those on D are differentiated twice: with respect to the images, which gives D's slope, and with respect to D's
weights. With batch norm in D, the slope at one image would depend on the others, so penalties are for networks without
it, such as `residual`.

To add a penalty, add a file that defines a :class:`~rawgan.gan.penalties.penalty.Penalty`, or a `GeneratorPenalty`.
"""

from rawgan.gan.penalties.penalty import Discriminate, GeneratorPenalty, Penalty
from rawgan.gan.penalties.slopes import squared_slopes
from rawgan.registry import Registry, collect

PENALTIES: Registry[Penalty] = collect(__name__, __path__, Penalty, "penalty")
"""Gradient penalties on D by name."""

GENERATOR_PENALTIES: Registry[GeneratorPenalty] = collect(__name__, __path__, GeneratorPenalty, "penalty on G")
"""Penalties on G by name."""

__all__ = ["GENERATOR_PENALTIES", "PENALTIES", "Discriminate", "GeneratorPenalty", "Penalty", "squared_slopes"]
