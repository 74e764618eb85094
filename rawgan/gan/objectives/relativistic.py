"""Cross-entropy of pairs of a real and a generated image."""

from rawgan.gan.objectives.objective import Objective, PairedLosses
from rawgan.ops import mean, softplus


def relativistic() -> PairedLosses:
    """D: log(1 + e^(fake − real));  G: log(1 + e^(real − fake)). Real images must score higher than the generated
    images beside them, so a generator that covers a single mode always has a gradient.

    Source: Jolicoeur-Martineau 2019 (RpGAN); Sun, Fang, Schwing 2020
    """
    return PairedLosses(
        discriminator=lambda real, fake: mean(softplus(fake - real)),
        generator=lambda fake, real: mean(softplus(real - fake)),
    )


RELATIVISTIC = Objective(
    name="relativistic",
    summary="cross-entropy of pairs of a real and a generated image",
    losses=relativistic,
    in_nats=True,
    centred=False,
)
