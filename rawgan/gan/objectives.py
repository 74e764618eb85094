"""What the two networks play for: the losses that D and G minimise.

Losses are of logits, which say how real D takes an image to be; 0 is undecided. All are means over the batch. Those
that come from probabilities are in nats.
"""

from collections.abc import Callable
from dataclasses import dataclass

from rawgan.errors import ArgumentError
from rawgan.ops import bce_with_logits, mean, mse, relu, softplus
from rawgan.tensor import Tensor

Loss = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Objective:
    """Losses of D on real and on generated images, and of G on its own.

    The two halves of D's loss are apart: so each can be walked back before the next begins, and only one batch's
    activations are in memory.
    """

    real: Loss
    fake: Loss
    generator: Loss


@dataclass(frozen=True)
class PairedObjective:
    """Losses of pairs: a real image and a generated one are judged against each other."""

    discriminator: Callable[[Tensor, Tensor], Tensor]
    """Of real logits and fake ones."""
    generator: Callable[[Tensor, Tensor], Tensor]
    """Of fake logits and real ones."""


def cross_entropy(saturating: bool, smooth_real: float = 0.0, smooth_fake: float = 0.0) -> Objective:
    """D: −log σ(real) − log(1 − σ(fake)).

    G, non-saturating: −log σ(fake): it wants its images called real. Strong gradients while D sees through them. Or,
    saturating, log(1 − σ(fake)): the other side of D's own game, and the tutorial's formula. Flat, then.

    Smoothed, D's targets are 1 − smooth_real and smooth_fake instead of 1 and 0.

    Source: Goodfellow et al. 2014; smoothing: Salimans et al. 2016
    """
    return Objective(
        real=lambda logits: bce_with_logits(logits, 1.0 - smooth_real),
        fake=lambda logits: bce_with_logits(logits, smooth_fake),
        generator=lambda logits: -bce_with_logits(logits, 0.0) if saturating else bce_with_logits(logits, 1.0),
    )


def least_squares(smooth_real: float = 0.0, smooth_fake: float = 0.0) -> Objective:
    """D: ½ (real − 1)² + ½ fake²;  G: ½ (fake − 1)². What is judged right, but far from the boundary, still pulls.

    Source: Mao et al. 2017
    """
    return Objective(
        real=lambda logits: mse(logits, 1.0 - smooth_real) * 0.5,
        fake=lambda logits: mse(logits, smooth_fake) * 0.5,
        generator=lambda logits: mse(logits, 1.0) * 0.5,
    )


def hinge() -> Objective:
    """D: max(0, 1 − real) + max(0, 1 + fake);  G: −fake. D leaves alone what it is sure of.

    Source: Lim and Ye 2017
    """
    return Objective(
        real=lambda logits: mean(relu(1.0 - logits)),
        fake=lambda logits: mean(relu(1.0 + logits)),
        generator=lambda logits: -mean(logits),
    )


def wasserstein() -> Objective:
    """D: −real + fake;  G: −fake. An estimate of the earth mover's distance, if D's slope is bounded by a penalty.

    Source: Arjovsky, Chintala, Bottou 2017
    """
    return Objective(real=lambda logits: -mean(logits), fake=mean, generator=lambda logits: -mean(logits))


def relativistic() -> PairedObjective:
    """D: log(1 + e^(fake − real));  G: log(1 + e^(real − fake)). Real images have to look more real than generated ones
    beside them, so that a generator which covers but one mode is never at rest.

    Source: Jolicoeur-Martineau 2019 (RpGAN); Sun, Fang, Schwing 2020
    """
    return PairedObjective(
        discriminator=lambda real, fake: mean(softplus(fake - real)),
        generator=lambda fake, real: mean(softplus(real - fake)),
    )


OBJECTIVES = ("non-saturating", "minimax", "least-squares", "hinge", "wasserstein", "relativistic")

SMOOTHED = ("non-saturating", "minimax", "least-squares")
"""Objectives whose targets are numbers, which can be smoothed."""


IN_NATS = ("non-saturating", "minimax", "relativistic")
"""Objectives whose losses are cross-entropies, in nats."""


def guess_losses(play: Objective | PairedObjective) -> tuple[float, float]:
    """Losses of D and of G where D is guessing: where all logits are 0.

    >>> guess_losses(hinge())
    (2.0, -0.0)
    """
    zero = Tensor([0.0])
    if isinstance(play, PairedObjective):
        return play.discriminator(zero, zero).item(), play.generator(zero, zero).item()
    return play.real(zero).item() + play.fake(zero).item(), play.generator(zero).item()


def objective(name: str, smooth_real: float = 0.0, smooth_fake: float = 0.0) -> Objective | PairedObjective:
    """An objective by name.

    Raises: ArgumentError for an unknown name, smoothing that is no probability below a half, or that has no meaning

    >>> objective("hinge").generator(Tensor([[3.0], [1.0]]))
    Tensor(-2., float32)
    """
    if name not in OBJECTIVES:
        raise ArgumentError(f"there is no objective {name!r}; choose one of: {', '.join(OBJECTIVES)}")
    for option, value in (("smooth_real", smooth_real), ("smooth_fake", smooth_fake)):
        if not 0 <= value < 0.5:
            raise ArgumentError(f"{option} must be at least 0 and below 0.5, but is {value}")
        if value and name not in SMOOTHED:
            raise ArgumentError(
                f"{option} is for targets, which {name} has not; they are those of {', '.join(SMOOTHED)}"
            )
    smooth = smooth_real, smooth_fake
    makers: dict[str, Callable[[], Objective | PairedObjective]] = {
        "non-saturating": lambda: cross_entropy(False, *smooth),
        "minimax": lambda: cross_entropy(True, *smooth),
        "least-squares": lambda: least_squares(*smooth),
        "hinge": hinge,
        "wasserstein": wasserstein,
        "relativistic": relativistic,
    }
    return makers[name]()
