"""A training step on pairs of a source image and its target: pix2pix and enhancers."""

from collections.abc import Callable
from dataclasses import dataclass

from rawgan import ops
from rawgan.autograd import grad
from rawgan.gan.loss_config import DEFAULT_LOSS, LossConfig
from rawgan.gan.parts import G1, G2, G5, begin, show
from rawgan.gan.step import discriminator_step, generator_loss
from rawgan.gan.step_metrics import StepMetrics
from rawgan.gan.translation.translator import Translator
from rawgan.tensor import Tensor

FeatureMap = Callable[[Tensor], Tensor]
"""A differentiable feature extractor: images (N, H, W, C) → features (N, …)."""


@dataclass(frozen=True)
class PairWeights:
    """Weights of the parts of G's loss."""

    pixel: float = 100.0
    """Weight of the mean absolute difference of pixels. Source: Isola et al. 2017"""
    feature: float = 0.0
    """Weight of the mean absolute difference of features. Source: Johnson, Alahi, Fei-Fei 2016"""
    feature_map: FeatureMap | None = None
    """Network that extracts the features."""
    adversarial: float = 1.0
    """Weight of G's objective. With 0, D learns, but has no effect on G."""


def translation_step(
    gan: Translator, source: Tensor, target: Tensor, config: LossConfig = DEFAULT_LOSS,
    weights: PairWeights | None = None, index: int = 0,
) -> StepMetrics:  # fmt: skip
    """Update D once, then G once, on pairs. `index` is the number of the step, from 0.

    G minimises adversarial · (its objective) + pixel · mean |fake − target| + feature · mean |φ(fake) − φ(target)|.

    Shapes: source (N, h, w, sources), target (N, H, W, channels), both in [−1, 1]
    Source: Isola et al. 2017
    """
    weights = weights or PairWeights()
    given = source if gan.paired else None
    begin(G1)
    show(source=source)
    begin(G2)
    fake = gan.generator(source)
    show(generated=fake)
    of_d = discriminator_step(gan, target, fake.detach(), config, index, given)
    g_loss, total = generator_loss(gan, fake, target, config, index, given)
    pixel, feature = ops.l1(fake, target), None
    total = weights.adversarial * total + weights.pixel * pixel
    if weights.feature_map is not None and weights.feature:
        feature = ops.l1(weights.feature_map(fake), weights.feature_map(target).detach())
        total = total + weights.feature * feature
        show(feature=feature)
    show(pixel=pixel)
    begin(G5)
    gan.g_optimizer.step(grad(total, gan.g_optimizer.parameters))
    return StepMetrics(
        g_loss=g_loss.detach(), pixel=pixel.detach(), feature=None if feature is None else feature.detach(), **of_d
    )
