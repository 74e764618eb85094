"""Objectives, one a file: the losses that D and G minimise.

To add an objective, add a file that defines an :class:`~rawgan.gan.objectives.objective.Objective`.
"""

from rawgan.errors import ArgumentError
from rawgan.gan.objectives.objective import Losses, Objective, PairedLosses
from rawgan.registry import Registry, collect
from rawgan.tensor import Tensor

OBJECTIVES: Registry[Objective] = collect(__name__, __path__, Objective, "objective")
"""Objectives by name."""


def losses_of(name: str, smooth_real: float = 0.0, smooth_fake: float = 0.0) -> Losses | PairedLosses:
    """Losses of an objective.

    Raises: ArgumentError for an unknown name, smoothing outside [0, 0.5), or smoothing of an objective without targets

    >>> losses_of("hinge").generator(Tensor([[3.0], [1.0]]))
    Tensor(-2., float32)
    """
    objective = OBJECTIVES.find(name)
    for option, value in (("smooth_real", smooth_real), ("smooth_fake", smooth_fake)):
        if not 0 <= value < 0.5:
            raise ArgumentError(f"{option} must be at least 0 and below 0.5, but is {value}")
        if value and not objective.smoothable:
            smoothable = ", ".join(each.name for each in OBJECTIVES.values() if each.smoothable)
            raise ArgumentError(
                f"{option} moves targets, which {name} does not have; objectives with them: {smoothable}"
            )
    return objective.losses(smooth_real, smooth_fake) if objective.smoothable else objective.losses()


def guess_losses(losses: Losses | PairedLosses) -> tuple[float, float]:
    """Losses of D and of G if D guesses, that is, if all logits are 0.

    >>> guess_losses(losses_of("hinge"))
    (2.0, -0.0)
    """
    zero = Tensor([0.0])
    if isinstance(losses, PairedLosses):
        return losses.discriminator(zero, zero).item(), losses.generator(zero, zero).item()
    return losses.real(zero).item() + losses.fake(zero).item(), losses.generator(zero).item()


__all__ = ["OBJECTIVES", "Losses", "Objective", "PairedLosses", "guess_losses", "losses_of"]
