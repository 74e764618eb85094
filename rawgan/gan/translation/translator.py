"""A generator that translates images, a discriminator that scores patches, and the optimisers of both."""

from dataclasses import dataclass

from rawgan import ops, optim
from rawgan.errors import ArgumentError
from rawgan.gan.conditional import DiscriminatorOutput
from rawgan.gan.specs import TranslationSpec
from rawgan.gan.spectral_norm import spectrally_normed
from rawgan.gan.state import GANState
from rawgan.gan.translation.networks import TRANSLATORS, patchgan
from rawgan.random import make_rng
from rawgan.tensor import Tensor


@dataclass(frozen=True, kw_only=True)
class Translator(GANState):
    """Networks that translate images, and discriminate them from real ones, beside their sources or alone."""

    spec: TranslationSpec
    width: int
    """Channels of G next to the image."""
    stride: int
    """Height and width of source images are multiples of it, in pixels."""
    reach: int | None
    """Distance, in pixels of the source image, beyond which it does not affect an output pixel; None: unlimited."""
    paired: bool
    """True if D sees the source image, too."""

    def discriminate(self, images: Tensor, given: Tensor | None = None) -> DiscriminatorOutput:
        """D's logit for each patch of images, beside the source images that belong to them, if given.

        Shapes: images (N, H, W, channels), given (N, h, w, sources) → logits (N, I, J, 1)
        """
        return DiscriminatorOutput(self.discriminator(self.discriminator_input(images, given)))

    def discriminator_input(self, images: Tensor, given: Tensor | None) -> Tensor:
        """Source images and images, as channels of one. Shapes: as `discriminate` → (N, H, W, sources + channels)"""
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
    """Build both networks of a translator, with weights drawn from the seed and the purpose, and an Adam for each.

    `width` is the number of channels of G next to the image, `d_width` that of D, if it differs.

    Raises: ArgumentError for an unknown model, or an image size that it cannot make

    >>> import numpy as np
    >>> translator = build_translator("unet", TranslationSpec(28, 1, 1), width=4, patch=16)
    >>> images = Tensor(np.zeros((2, 28, 28, 1), np.float32))
    >>> translator.discriminate(images, given=images).logits.shape
    (2, 12, 12, 1)
    """
    chosen = TRANSLATORS.find(model)
    if chosen.enlarges and spec.sources != spec.channels:
        raise ArgumentError(f"{model} enlarges images of {spec.sources} channels, and cannot give them {spec.channels}")
    stride = chosen.stride(spec)
    size = spec.size // spec.enlarged
    if size % stride or size < 2 * stride:
        raise ArgumentError(
            f"{model}: height and width must be multiples of {stride}, at least {2 * stride} pixels, but are {size}"
        )
    d_width = width if d_width is None else d_width

    generator = chosen.build(spec, width, make_rng(seed, f"weights of G, {purpose}"))
    seen = spec.channels + (spec.sources if paired else 0)
    discriminator = patchgan(seen, d_width, patch, make_rng(seed, f"weights of D, {purpose}"))
    if spectral_norm:
        discriminator = spectrally_normed(discriminator, make_rng(seed, f"singular vectors, {purpose}"))
    rate = chosen.learning_rate if learning_rate is None else learning_rate
    g_optimizer, d_optimizer = (
        optim.Adam(network.to(device).parameters(), each, chosen.betas)
        for network, each in ((generator, rate), (discriminator, d_learning_rate or rate))
    )
    return Translator(
        model=model, spec=spec, width=width, stride=stride, reach=chosen.reach(spec), paired=paired,
        generator=generator, discriminator=discriminator, g_optimizer=g_optimizer, d_optimizer=d_optimizer,
        ema=optim.EMA(generator, average_decay) if average_decay else None,
    )  # fmt: skip
