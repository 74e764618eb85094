"""The earth mover's distance between real and generated images."""

from rawgan.gan.objectives.objective import Losses, Objective
from rawgan.ops import mean


def wasserstein() -> Losses:
    """D: −real + fake;  G: −fake. Estimates the earth mover's distance, if a penalty bounds D's slope.

    Source: Arjovsky, Chintala, Bottou 2017
    """
    return Losses(real=lambda logits: -mean(logits), fake=mean, generator=lambda logits: -mean(logits))


WASSERSTEIN = Objective(
    name="wasserstein",
    summary="the earth mover's distance, with --penalty wgan-gp",
    losses=wasserstein,
    centred=False,
)
