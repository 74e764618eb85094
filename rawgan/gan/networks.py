"""A GAN: two networks with the optimiser of each, built for a model."""

from dataclasses import dataclass

import numpy as np

from rawgan import nn, ops, optim
from rawgan.errors import ArgumentError
from rawgan.gan.models import MODELS, ImageKind, Pair
from rawgan.random import generator as random_generator
from rawgan.tensor import Tensor


@dataclass(frozen=True)
class GAN:
    """Two networks, and the optimiser of each."""

    model: str
    image: ImageKind
    noise_size: int
    generator: nn.Sequential
    discriminator: nn.Sequential
    g_optimizer: optim.Optimizer
    d_optimizer: optim.Optimizer
    pack: int = 1
    """How many images D judges at a time, as channels of one: so that it sees when all are alike (PacGAN)."""
    average: nn.Sequential | None = None
    """A generator whose weights are the running average of G's, and its running statistics with them."""
    average_decay: float = 0.0
    """The share of the old weights in that average."""

    @property
    def sampler(self) -> nn.Sequential:
        """The generator to make images with: the average, where there is one."""
        return self.generator if self.average is None else self.average

    def judge(self, images: Tensor) -> Tensor:
        """D's logits. Shapes: images (N, H, W, C), N a multiple of `pack` → (N / pack, 1)

        Source of packing: Lin et al. 2018
        """
        if self.pack == 1:
            return self.discriminator(images)
        n, height, width, channels = images.shape
        if n % self.pack:
            raise ArgumentError(f"{n} images cannot be judged {self.pack} at a time; take a multiple")
        apart = ops.reshape(images, (n // self.pack, self.pack, height, width, channels))
        return self.discriminator(
            ops.reshape(ops.transpose(apart, (0, 2, 3, 1, 4)), (n // self.pack, height, width, self.pack * channels))
        )

    def follow(self, index: int) -> None:
        """Move the average towards G, after step `index`: faster in the first steps, whose weights are soon outdated.

        Source: Yazıcı et al. 2019
        """
        if self.average is None:
            return
        decay = min(self.average_decay, (1 + index) / (10 + index))
        now = self.generator.state_tensors()
        for name, x in self.average.state_tensors().items():
            x.data *= decay
            x.data += (1 - decay) * now[name].data

    def noise(self, seed: int, purpose: str, count: int, step: int = 0) -> Tensor:
        """Standard normal noise (count, noise_size), a pure function of seed, purpose and step.

        >>> gan = build("dcgan", ImageKind(8), width=4)
        >>> gan.noise(0, "train", 2, step=7).shape
        (2, 100)
        """
        first = self.generator.parameters()[0]
        draw = random_generator(seed, purpose, step).standard_normal((count, self.noise_size))
        return Tensor(draw.astype(first.dtype)).to(first.device)


def build(
    model: str,
    image: ImageKind,
    *,
    noise_size: int = 100,
    width: int = 64,
    learning_rate: float | None = None,
    d_learning_rate: float | None = None,
    pack: int = 1,
    average_decay: float = 0.0,
    spectral_norm: bool = False,
    seed: int = 0,
    device: str = "cpu",
) -> GAN:
    """Make both networks of a model, with weights drawn from the seed, and an Adam for each with the model's constants.

    `width` is the number of channels (`tutorial`: the smallest number of units) of the narrowest layer. None for
    `learning_rate` is the model's own; D has the same, unless `d_learning_rate` says otherwise. With `spectral_norm`,
    D's weights are divided by their largest singular values.

    Raises: ArgumentError for an unknown model, an image size it cannot make, or a count out of range

    >>> build("dcgan", ImageKind(28), width=8).generator
    Sequential()
      0: Linear(100 → 784, no bias)                            w (100, 784)
      1: Reshape(7, 7, 16)
      2: BatchNorm(16)                                         gamma (16,)  beta (16,)
      3: ReLU()
      4: ConvTranspose2d(16 → 8, 4×4, stride 2, padding 1, no bias) w (4, 4, 8, 16)
      5: BatchNorm(8)                                          gamma (8,)  beta (8,)
      6: ReLU()
      7: ConvTranspose2d(8 → 1, 4×4, stride 2, padding 1)      w (4, 4, 1, 8)  b (1,)
      8: Tanh()
    80,625 parameters in 8 arrays
    """
    if model not in MODELS:
        raise ArgumentError(f"there is no model {model!r}; choose one of: {', '.join(MODELS)}")
    if not 1 <= image.channels <= 4:
        raise ArgumentError(f"{model}: images have 1 to 4 channels, not {image.channels}")
    for name, value in (("noise_size", noise_size), ("width", width), ("pack", pack)):
        if value < 1:
            raise ArgumentError(f"{model}: {name} must be at least 1, but is {value}")
    if not 0 <= average_decay < 1:
        raise ArgumentError(f"{model}: average_decay must be at least 0 and less than 1, but is {average_decay}")
    recipe = MODELS[model]

    def networks() -> Pair:
        return recipe.networks(image, pack, noise_size, width, random_generator(seed, "weights"))

    generator, discriminator = networks()
    if spectral_norm:
        discriminator = _spectrally_normed(discriminator, random_generator(seed, "singular vectors"))
    average = networks()[0].to(device) if average_decay else None
    rate = recipe.learning_rate if learning_rate is None else learning_rate
    rates = rate, rate if d_learning_rate is None else d_learning_rate
    g_optimizer, d_optimizer = (
        optim.Adam(network.to(device).parameters(), rate, recipe.betas, recipe.eps)
        for network, rate in zip((generator, discriminator), rates, strict=True)
    )
    return GAN(
        model, image, noise_size, generator, discriminator, g_optimizer, d_optimizer, pack, average, average_decay
    )


def _spectrally_normed(network: nn.Sequential, rng: np.random.Generator) -> nn.Sequential:
    """The same layers, those with weights inside a SpectralNorm."""

    def normed(layer: nn.Module) -> nn.Module:
        if isinstance(layer, nn.Linear | nn.Conv2d):
            return nn.SpectralNorm(layer, rng=rng)
        if isinstance(layer, nn.Residual):
            shortcut = None if layer.shortcut is None else _spectrally_normed(layer.shortcut, rng)
            return nn.Residual(_spectrally_normed(layer.main, rng), shortcut)
        return layer

    return nn.Sequential(*map(normed, network.layers))
