"""Images out of images: what pix2pix, enhancers and CycleGANs are made of, and a training step of each.

G is a network of `rawgan.gan.translators`, D judges patches. All that `rawgan.gan.step` does for noise it does here for
source images: objectives, penalties and the rest are the same.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from rawgan import nn, ops, optim
from rawgan.autograd import grad
from rawgan.errors import ArgumentError
from rawgan.gan.conditional import DiscriminatorOutput
from rawgan.gan.networks import GANState, spectrally_normed
from rawgan.gan.step import PLAIN, LossConfig, StepMetrics, discriminator_step, generator_loss
from rawgan.gan.translators import patchgan, resnet, subpixel, unet
from rawgan.paper import blank
from rawgan.random import make_rng
from rawgan.tensor import Tensor

BLOCKS = 4
"""Residual blocks of `resnet` and `subpixel`."""
LEARNING_RATE, BETAS = 1e-3, (0.5, 0.999)
"""Adam's constants. Source: Isola et al. 2017, but for the rate: theirs, 2e-4, is for one image a step, not for 64."""

FeatureMap = Callable[[Tensor], Tensor]
"""What sees features in images: (N, H, W, C) → (N, …)."""


@dataclass(frozen=True)
class TranslationSpec:
    """What a translator takes, and what it makes of it.

    >>> TranslationSpec(28, 2, 1, enlarged=1).source_shape
    (28, 28, 2)
    """

    size: int
    """Height and width of what it makes, in pixels, in training: other sizes go, too, in steps of `stride`."""
    sources: int
    """Channels of what it takes."""
    channels: int
    """Channels of what it makes."""
    enlarged: int = 1
    """How many pixels it makes of one, in each direction: a power of 2."""
    masked: bool = False
    """Whether the last channel of what it takes says what is missing, by what is above 0; the rest stays as it is."""

    @property
    def source_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of what it takes."""
        return self.size // self.enlarged, self.size // self.enlarged, self.sources


@dataclass(frozen=True, kw_only=True)
class Translator(GANState):
    """Networks that make images out of images, and judge them beside what they were made of, or by themselves."""

    spec: TranslationSpec
    width: int
    """Channels of G next to the image."""
    stride: int
    """Height and width of what G takes are multiples of it, in pixels."""
    reach: int | None
    """How far off, in pixels of what G takes, the image still has a say in what G makes; None: anywhere."""
    paired: bool
    """Whether D sees the source, too."""

    def discriminate(self, images: Tensor, given: Tensor | None = None) -> DiscriminatorOutput:
        """What D says of each patch of images, beside the source images that they were, or should have been, made of.

        Shapes: images (N, H, W, channels), given (N, h, w, sources) → logits (N, I, J, 1)
        """
        return DiscriminatorOutput(self.discriminator(self.discriminator_input(images, given)))

    def discriminator_input(self, images: Tensor, given: Tensor | None) -> Tensor:
        """What D looks at. Shapes: as `judge` → (N, H, W, sources + channels)"""
        if given is None:
            return images
        given = ops.upsample_nearest(given, self.spec.enlarged) if self.spec.enlarged > 1 else given
        return ops.concatenate([given, images], axis=3)


def build_translator(
    model: str,
    spec: TranslationSpec,
    *,
    paired: bool = True,
    width: int = 32,
    d_width: int | None = None,
    patch: int = 34,
    learning_rate: float | None = None,
    d_learning_rate: float | None = None,
    average_decay: float = 0.0,
    spectral_norm: bool = False,
    purpose: str = "translator",
    seed: int = 0,
    device: str = "cpu",
) -> Translator:
    """Make both networks of a translator, with weights drawn from the seed and the purpose, and an Adam for each.

    `width` is the number of channels of G next to the image, `d_width` that of D, if it is another.

    Raises: ArgumentError for an unknown model, or an image size that it cannot make

    >>> translator = build_translator("unet", TranslationSpec(28, 1, 1), width=4, patch=16)
    >>> images = Tensor(np.zeros((2, 28, 28, 1), np.float32))
    >>> translator.discriminate(images, given=images).logits.shape
    (2, 12, 12, 1)
    """
    if model not in TRANSLATORS:
        raise ArgumentError(f"there is no translator {model!r}; choose one of: {', '.join(TRANSLATORS)}")
    if model == "subpixel" and spec.sources != spec.channels:
        raise ArgumentError(
            f"subpixel enlarges images of {spec.sources} channels, and cannot give them {spec.channels}"
        )
    stride = stride_of(model, spec)
    size = spec.size // spec.enlarged
    if size % stride or size < 2 * stride:
        raise ArgumentError(
            f"{model}: height and width must be multiples of {stride}, at least {2 * stride} pixels, but are {size}"
        )
    d_width = width if d_width is None else d_width

    def made() -> nn.Sequential:
        return TRANSLATORS[model](spec, width, make_rng(seed, f"weights of G, {purpose}")).to(device)

    generator = made()
    judged = spec.channels + (spec.sources if paired else 0)
    discriminator = patchgan(judged, d_width, patch, make_rng(seed, f"weights of D, {purpose}"))
    if spectral_norm:
        discriminator = spectrally_normed(discriminator, make_rng(seed, f"singular vectors, {purpose}"))
    rate = LEARNING_RATE if learning_rate is None else learning_rate
    g_optimizer, d_optimizer = (
        optim.Adam(network.to(device).parameters(), each, BETAS)
        for network, each in ((generator, rate), (discriminator, d_learning_rate or rate))
    )
    return Translator(
        model=model, spec=spec, width=width, stride=stride, reach=reach_of(model, spec), paired=paired,
        generator=generator, discriminator=discriminator, g_optimizer=g_optimizer, d_optimizer=d_optimizer,
        average=made() if average_decay else None, average_decay=average_decay,
    )  # fmt: skip


def stride_of(model: str, spec: TranslationSpec) -> int:
    """Height and width of what the model takes are multiples of it, in pixels.

    >>> stride_of("unet", TranslationSpec(28, 1, 1)), stride_of("unet", TranslationSpec(64, 1, 1))
    (4, 16)
    """
    if model == "unet":
        return 1 << _halvings(spec.size)
    return 4 if model == "resnet" else 1


def reach_of(model: str, spec: TranslationSpec) -> int | None:
    """How far off, in pixels of what the model takes, the image has a say in what it makes; None: anywhere, as
    instance norm takes the whole image's mean.

    >>> reach_of("unet", TranslationSpec(28, 1, 1)), reach_of("subpixel", TranslationSpec(28, 1, 1, 4))
    (11, 11)
    """
    if model == "resnet":
        return None
    if model == "unet":
        return 3 * stride_of(model, spec) - 1  # 1 at each end; each halving: 1 pixel at its size, and 1 of the next one
    return 2 * BLOCKS + 3  # 1 before the blocks, and less than 2 where the image grows


def _halvings(size: int) -> int:
    """How often a U-Net halves an image: as often as it can, and more than 3 pixels are left; up to 5 times."""
    count = 0
    while count < 5 and size % 2 == 0 and size > 7:
        size, count = size // 2, count + 1
    return max(count, 1)


def _subpixel(spec: TranslationSpec, width: int, rng: np.random.Generator) -> nn.Sequential:
    return subpixel(spec.channels, width, BLOCKS, spec.enlarged.bit_length() - 1, rng)


TRANSLATORS: dict[str, Callable[[TranslationSpec, int, np.random.Generator], nn.Sequential]] = {
    "unet": lambda spec, width, rng: unet(spec.sources, spec.channels, width, _halvings(spec.size), rng),
    "resnet": lambda spec, width, rng: resnet(spec.sources, spec.channels, width, BLOCKS, rng),
    "subpixel": _subpixel,
}
"""By the name that --model takes."""


@dataclass(frozen=True)
class PairWeights:
    """How much it counts that images are what they should be, beside what G plays for."""

    pixel: float = 100.0
    """Weight of the mean absolute difference of pixels. Source: Isola et al. 2017"""
    feature: float = 0.0
    """Weight of that of features. Source: Johnson, Alahi, Fei-Fei 2016"""
    feature_map: FeatureMap | None = None
    """What sees features."""
    adversarial: float = 1.0
    """Weight of what G plays for; with 0, D learns, but G does not listen."""


def translation_step(
    gan: Translator, source: Tensor, target: Tensor, loss_config: LossConfig = PLAIN,
    weights: PairWeights | None = None, index: int = 0,
) -> StepMetrics:  # fmt: skip
    """Update D once, then G once, by pairs. `index` counts the steps, from 0.

    G minimises adversarial · (what it plays for) + pixel · mean |fake − target| + feature · mean |φ(fake) − φ(target)|.

    Shapes: source (N, h, w, sources), target (N, H, W, channels), both in [−1, 1]
    Source: Isola et al. 2017
    """
    weights = weights or PairWeights()
    given = source if gan.paired else None
    fake = gan.generator(source)
    d_loss, d_real, d_fake = discriminator_step(gan, target, fake.detach(), loss_config, index, given)
    g_loss, whole = generator_loss(gan, fake, target, loss_config, index, given)
    pixel, feature = ops.l1(fake, target), None
    whole = weights.adversarial * whole + weights.pixel * pixel
    if weights.feature_map is not None and weights.feature:
        feature = ops.l1(weights.feature_map(fake), weights.feature_map(target).detach())
        whole = whole + weights.feature * feature
    gan.g_optimizer.step(grad(whole, gan.g_optimizer.parameters))
    return StepMetrics(
        d_loss, g_loss.detach(), d_real, d_fake, pixel=pixel.detach(),
        feature=None if feature is None else feature.detach(),
    )  # fmt: skip


class History(nn.Module):
    """Generated images of earlier steps, of which D sees some again: so it does not forget what G no longer makes.

    As long as it is not full, images go in, and out again at once; then half of them, by chance, change places with
    earlier ones.

    Source: Shrivastava et al. 2017

    >>> history = History(1, (1, 1, 1))
    >>> [history.exchange(np.full((1, 1, 1, 1), n, "float32"), np.random.default_rng(n)).item() for n in range(4)]
    [0.0, 1.0, 0.0, 2.0]
    """

    def __init__(self, capacity: int, shape: tuple[int, int, int]) -> None:
        self.images = nn.Buffer(blank((capacity, *shape)))
        """(capacity, H, W, C)."""
        self.count = nn.Buffer(np.zeros(1, np.float32))
        """How many there are."""

    def exchange(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """These images, or earlier ones in their places.

        Shapes: (N, H, W, C) → the same
        """
        found, kept, count = images.copy(), self.images.data, self.count.data
        for n, image in enumerate(images):
            held = int(count[0])
            if held < len(kept):
                kept[held] = image
                count += 1
            elif held and rng.random() < 0.5:
                place = rng.integers(held)
                found[n], kept[place] = kept[place].copy(), image
        return found


@dataclass(frozen=True)
class Cycle:
    """Two translators, there and back, and what each made in earlier steps."""

    forth: Translator
    """From A to B."""
    back: Translator
    """From B to A."""
    histories: tuple[History, History]
    """Images of B, and of A."""

    def update_average(self, index: int) -> None:
        """Move the averages of both generators, after step `index`."""
        self.forth.update_average(index)
        self.back.update_average(index)


@dataclass(frozen=True)
class CycleWeights:
    """How much it counts what becomes of images, beside what the generators play for.

    Source: Zhu et al. 2017, whose generators play for (f − 1)², where `least-squares` has ½ (f − 1)²
    """

    cycle: float = 10.0
    """There and back again."""
    identity: float = 5.0
    """By the translator that makes such images already."""


def cycle_step(
    cycle: Cycle,
    a: Tensor,
    b: Tensor,
    loss_config: LossConfig = PLAIN,
    weights: CycleWeights | None = None,
    index: int = 0,
) -> StepMetrics:
    """Update both D, then both G, by images of both kinds that do not belong together. `index` counts the steps.

    Both G minimise, together, what each plays for + cycle · (mean |A − back(forth(A))| + mean |B − forth(back(B))|)
    + identity · (mean |B − forth(B)| + mean |A − back(A)|).

    Running statistics are of the images that each is for: what is made of made ones, or of those that should stay as
    they are, leaves them alone. Each D has instance noise and penalties of its own.

    Shapes: a and b (N, H, W, C), in [−1, 1]
    Source: Zhu et al. 2017
    """
    weights, forth, back = weights or CycleWeights(), cycle.forth, cycle.back
    fake_b, fake_a = forth.generator(a), back.generator(b)
    another = replace(loss_config, seed=int(make_rng(loss_config.seed, "seed of the way back").integers(2**31)))
    sides = (forth, b, fake_b, loss_config), (back, a, fake_a, another)
    outcomes = []
    for number, (side, real, fake, own) in enumerate(sides):
        rng = make_rng(loss_config.seed, f"history {number}", index)
        earlier = Tensor(cycle.histories[number].exchange(fake.numpy(), rng)).to(fake.device)
        outcomes.append(discriminator_step(side, real, earlier, own, index))
    (b_loss, b_whole), (a_loss, a_whole) = (
        generator_loss(side, fake, real, own, index) for side, real, fake, own in sides
    )
    with forth.generator.frozen_buffers(), back.generator.frozen_buffers():
        cycled = ops.l1(back.generator(fake_b), a) + ops.l1(forth.generator(fake_a), b)
        whole, identity = b_whole + a_whole + weights.cycle * cycled, None
        if weights.identity:
            identity = ops.l1(forth.generator(b), b) + ops.l1(back.generator(a), a)
            whole = whole + weights.identity * identity
    optimizers = forth.g_optimizer, back.g_optimizer
    gradients = grad(whole, [p for optimizer in optimizers for p in optimizer.parameters])
    border = len(forth.g_optimizer.parameters)
    forth.g_optimizer.step(gradients[:border])
    back.g_optimizer.step(gradients[border:])
    d_loss, d_real, d_fake = (_half_sum(*pair) for pair in zip(*outcomes, strict=True))
    return StepMetrics(
        d_loss, _half_sum(b_loss, a_loss).detach(), d_real, d_fake, cycle=cycled.detach(),
        identity=None if identity is None else identity.detach(),
    )  # fmt: skip


def _half_sum(a: Tensor, b: Tensor) -> Tensor:
    return 0.5 * (a + b)
