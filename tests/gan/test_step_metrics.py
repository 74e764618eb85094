"""Figures of a step: the gradient penalty is among them, and each is declared with all that readers need."""

import numpy as np
import pytest

from rawgan import Tensor
from rawgan.gan import (
    PENALTIES,
    STEP_METRICS,
    CycleWeights,
    History,
    ImageSpec,
    LossConfig,
    PairWeights,
    StepMetrics,
    TranslationSpec,
    build,
    build_translator,
    cycle_step,
    discriminator_step,
    train_step,
    translation_step,
)
from rawgan.gan.step_metrics import PANELS, guesses, units
from rawgan.gan.translation import Cycle
from rawgan.random import make_rng


def images(count=4, seed=0):
    return Tensor(make_rng(seed, "images").uniform(-1, 1, (count, 8, 8, 1)).astype(np.float32))


def small(**options):
    return build("residual", ImageSpec(8), width=2, noise_size=3, **options)


@pytest.mark.parametrize("name", PENALTIES)
@pytest.mark.parametrize("every", [1, 4])
def test_the_penalty_is_reported_as_it_is_added_to_the_loss(name, every):
    gan, twin = small(), small()
    config = LossConfig(penalty=name, penalty_weight=0.5, penalty_every=every, seed=2)
    real, fake = images(), images(seed=1)
    found = discriminator_step(gan, real, fake, config, index=4)
    value = PENALTIES[name].value(lambda x: twin.discriminate(x).logits, real, fake, make_rng(2, "penalty", 0))
    assert found["penalty"].item() == pytest.approx(0.5 * every * value.item(), rel=1e-5)
    assert not found["penalty"].requires_grad


def test_a_step_without_a_penalty_reports_none():
    real, z = images(), Tensor(np.zeros((4, 3), np.float32))
    lazy = LossConfig(penalty="r1", penalty_every=2)
    assert "penalty" not in train_step(small(), real, z).by_name()
    assert "penalty" not in train_step(small(), real, z, lazy, index=1).by_name()
    assert "penalty" in train_step(small(), real, z, lazy, index=2).by_name()


def test_a_cycle_reports_the_mean_penalty_of_both_directions():
    def cycle():
        forth, back = (
            build_translator("unet", TranslationSpec(8, 1, 1), width=2, patch=16, paired=False, purpose=name)
            for name in ("forth", "back")
        )
        return Cycle(forth, back, (History(0, (8, 8, 1)), History(0, (8, 8, 1))))

    one, other = cycle(), cycle()
    a, b, config = images(), images(seed=1), LossConfig(penalty="r1")
    found = cycle_step(one, a, b, config, CycleWeights())
    apart = [
        discriminator_step(side, real, side.generator(source).detach(), config)["penalty"].item()
        for side, real, source in ((other.forth, b, a), (other.back, a, b))
    ]
    assert found.penalty.item() == pytest.approx(np.mean(apart), rel=1e-5)


def test_a_translator_reports_the_penalty():
    gan = build_translator("unet", TranslationSpec(8, 1, 1), width=2, patch=16)
    found = translation_step(gan, images(), images(seed=1), LossConfig(penalty="r2"), PairWeights())
    assert found.penalty.item() > 0


def test_every_figure_is_declared_for_logs_and_plots():
    assert tuple(STEP_METRICS) == StepMetrics._fields
    for metric in STEP_METRICS.values():
        assert metric.panel in PANELS
        assert float(f"{0.25:{metric.format}}") == 0.25
        assert not metric.meaning.endswith(".")
    for panel in PANELS:
        shown = [metric for metric in STEP_METRICS.values() if metric.panel is panel]
        assert shown
    assert len({metric.label for metric in STEP_METRICS.values()}) == len(STEP_METRICS)


@pytest.mark.parametrize("objective", ["non-saturating", "hinge", "relativistic"])
def test_guesses_are_the_figures_of_a_discriminator_that_guesses(objective):
    gan, config = small(conditional="auxiliary", classes=3), LossConfig(objective)
    for p in gan.discriminator.parameters():
        p[...] = 0
    labels = np.array([0, 1, 2, 0])
    found = train_step(gan, images(), gan.noise(0, "z", 4), config, labels=labels)
    expected = guesses(config, classes=3)
    for name in ("d_loss", "d_real", "d_fake", "class_real", "class_fake"):  # D moves before G's loss
        assert found.by_name()[name].item() == pytest.approx(expected[name], abs=1e-6)
    assert units(config)["d_loss"] == ("" if objective == "hinge" else "nats")
