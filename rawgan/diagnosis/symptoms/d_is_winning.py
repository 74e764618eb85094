"""D is winning: it is always right, and G no longer learns in which direction to go."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from rawgan.diagnosis.probe import Probe
from rawgan.diagnosis.symptom import Symptom, SymptomCheck
from rawgan.gan import LossConfig
from rawgan.gan.objectives import PairedLosses, losses_of
from rawgan.tensor import Tensor

NAME = "D is winning"
RECENT = 100
"""Latest steps over which D's loss is averaged."""
LEAST_D_LOSS = 0.1
"""Per cent of the loss of a D that guesses. Healthy: 1 and more at the worst moment; a D that has won: below 0.01."""
LEAST_PULL = 2.0
"""Per cent of the slope of G's loss against a D that guesses. Only minimax goes flat: where D(fake) is below 1 %."""


def d_is_winning(seen: Probe, loss_config: LossConfig, recent: Sequence[Mapping[str, Any]]) -> list[Symptom]:
    """D's loss relative to a D that guesses, and the slope of G's loss relative to that against such a D.

    The loss of a critic (wasserstein) has no lowest value: the better it is, the better for G.
    """
    found = []
    remedy = "--d-learning-rate, a quarter of G's; --instance-noise 0.2; or a --penalty, with --model residual"
    if loss_config.objective == "minimax":
        remedy = f"--objective non-saturating; {remedy}"
    if loss_config.objective != "wasserstein":
        best, guess = _bounds(loss_config.objective, loss_config.smooth_real, loss_config.smooth_fake)
        keys = "d_loss", "d_real", "d_fake"
        loss, real, fake = (float(np.mean([record.get(key, np.nan) for record in recent])) for key in keys)
        place = f"discriminator, D(real) {real:.3f}, D(fake) {fake:.3f}"
        figure = f"loss over {len(recent)} steps, relative to a D that guesses"
        if guess - best > 1e-6:  # targets smoothed to one half leave nothing to win
            share = 100 * (loss - best) / (guess - best)
            found.append(Symptom(NAME, figure, place, share, " %", LEAST_D_LOSS, None, remedy))
    figure = "slope of G's loss, relative to that against a D that guesses"
    return [*found, Symptom(NAME, figure, "generator", 100 * seen.pull, " %", LEAST_PULL, None, remedy)]


@cache
def _bounds(name: str, smooth_real: float, smooth_fake: float) -> tuple[float, float]:
    """The lowest loss of a D that is always right, and that of a D that guesses: by logits that depend on the image,
    and by logits that do not."""
    losses, grid = losses_of(name, smooth_real, smooth_fake), np.linspace(-30, 30, 601)
    if isinstance(losses, PairedLosses):
        pairs = losses.discriminator
        return pairs(Tensor([30.0]), Tensor([-30.0])).item(), pairs(Tensor([0.0]), Tensor([0.0])).item()
    real, fake = (np.array([loss(Tensor([x])).item() for x in grid]) for loss in (losses.real, losses.fake))
    return float(real.min() + fake.min()), float((real + fake).min())


CHECK = SymptomCheck(NAME, "D is always right", lambda it: d_is_winning(it.seen, it.loss_config, it.records[-RECENT:]))
