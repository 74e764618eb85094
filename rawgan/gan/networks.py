"""A GAN: two networks with the optimiser of each, built for a model."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from rawgan import nn, ops, optim
from rawgan.checks import check_writable
from rawgan.errors import ArgumentError
from rawgan.gan.conditional import (
    DiscriminatorOutput,
    Labels,
    LatentGrid,
    check_conditional,
    verdict,
    with_classes,
    with_scores,
)
from rawgan.gan.models import MODELS, DataSpec, ImageSpec, Pair, models_for
from rawgan.random import make_rng
from rawgan.tensor import Tensor


@dataclass(frozen=True, kw_only=True)
class GANState(ABC):
    """Two networks, and the optimiser of each."""

    model: str
    generator: nn.Sequential
    discriminator: nn.Sequential
    g_optimizer: optim.Optimizer
    d_optimizer: optim.Optimizer
    average: nn.Sequential | None = None
    """A generator whose weights are the running average of G's, and its running statistics with them."""
    average_decay: float = 0.0
    """The share of the old weights in that average."""

    @property
    def sampler(self) -> nn.Sequential:
        """The generator to make images with: the average, where there is one."""
        return self.generator if self.average is None else self.average

    @abstractmethod
    def discriminate(self, images: Tensor, given: Any = None) -> DiscriminatorOutput:
        """What D says of images that were, or should have been, made of what is given: labels, or source images."""

    def update_average(self, index: int) -> None:
        """Move the average towards G, after step `index`: faster in the first steps, whose weights are soon outdated.

        Source: Yazıcı et al. 2019
        """
        if self.average is None:
            return
        decay = min(self.average_decay, (1 + index) / (10 + index))
        now, average = self.generator.state_tensors(), self.average.state_tensors()
        check_writable("the average", **average)
        for name, x in average.items():
            x[...] = decay * x._array + (1 - decay) * now[name]._array  # one write, which Ctrl-C cannot halve


@dataclass(frozen=True, kw_only=True)
class GAN(GANState):
    """Networks that make images, or points, out of noise, and judge them."""

    spec: DataSpec
    noise_size: int
    pack: int = 1
    """How many images D judges at a time, as channels of one: so that it sees when all are alike (PacGAN)."""
    conditional: str = "none"
    """How D learns which class was asked for; see `rawgan.gan.conditional`."""
    classes: int = 0
    """How many classes G can be asked for; 0 if none."""

    def discriminate(self, images: Tensor, given: Labels | None = None) -> DiscriminatorOutput:
        """What D says of images, or points, that are, or should be, of the given classes.

        Shapes: images (N, H, W, C), N a multiple of `pack`; given (N,), if conditional → logits (N / pack, 1)
        Source of packing: Lin et al. 2018
        """
        self._check(given)
        return verdict(self.conditional, self.discriminator(self._packed(images)), given)

    def _packed(self, images: Tensor) -> Tensor:
        if self.pack == 1:
            return images
        n, *places, channels = images.shape
        if n % self.pack:
            raise ArgumentError(f"{n} images cannot be judged {self.pack} at a time; take a multiple")
        apart = ops.reshape(images, (n // self.pack, self.pack, *places, channels))
        last = apart.ndim - 1
        beside = ops.transpose(apart, (0, *range(2, last), 1, last))  # each place has the channels of all
        return ops.reshape(beside, (n // self.pack, *places, self.pack * channels))

    def noise(self, seed: int, purpose: str, count: int, step: int = 0) -> Tensor:
        """Standard normal noise (count, noise_size), a pure function of seed, purpose and step.

        >>> gan = build("dcgan", ImageSpec(8), width=4)
        >>> gan.noise(0, "train", 2, step=7).shape
        (2, 100)
        """
        _, first = next(iter(self.generator.named_parameters()))
        draw = make_rng(seed, purpose, step).standard_normal((count, self.noise_size))
        return Tensor(draw.astype(first.dtype)).to(first.device)

    def latent(self, z: Tensor, labels: Labels | None) -> Tensor:
        """G's input: noise and, of a conditional GAN, the class to make of each row; otherwise the noise itself.

        Shapes: z (N, noise_size), labels (N,), or None if there are no classes → (N, noise_size + classes)
        Raises: ArgumentError for labels without classes, classes without labels, or labels that are no classes
        """
        self._check(labels)
        return z if labels is None else with_classes(z, labels, self.classes)

    def cyclic_labels(self, count: int) -> Labels | None:
        """So many labels, one class after the other; None if there are no classes."""
        return np.arange(count) % self.classes if self.classes else None

    def grid(self, seed: int, purpose: str, count: int) -> LatentGrid:
        """What G makes a picture of about `count` images of: a row for each class, the same noise in each column.

        Without classes, noise for each image.

        >>> gan = build("dcgan", ImageSpec(8), width=4, conditional="projection", classes=3)
        >>> gan.grid(0, "samples", 7).labels
        array([0, 0, 1, 1, 2, 2])
        """
        if not self.classes:
            return LatentGrid(self.noise(seed, purpose, count), None, None)
        rows = min(self.classes, count)
        columns = count // rows
        labels = np.repeat(np.arange(rows), columns)
        z = ops.concatenate([self.noise(seed, purpose, columns)] * rows)
        return LatentGrid(self.latent(z, labels), labels, columns)

    def _check(self, labels: Labels | None) -> None:
        if labels is not None and not self.classes:
            raise ArgumentError(
                f"this {self.model} knows no classes, so it cannot be asked for one\n"
                "  train it with --conditional projection, or build(…, conditional='projection', classes=…)"
            )
        if labels is None and self.classes:
            raise ArgumentError(
                f"this {self.model} is conditional, so it must be said which of {self.classes} classes images are of"
            )


def build(
    model: str,
    spec: DataSpec,
    *,
    noise_size: int = 100,
    width: int = 64,
    d_width: int | None = None,
    learning_rate: float | None = None,
    d_learning_rate: float | None = None,
    pack: int = 1,
    average_decay: float = 0.0,
    spectral_norm: bool = False,
    conditional: str = "none",
    classes: int = 0,
    seed: int = 0,
    device: str = "cpu",
) -> GAN:
    """Make both networks of a model, with weights drawn from the seed, and an Adam for each with the model's constants.

    `width` is the number of channels (`tutorial` and `mlp`: of units) of the narrowest hidden layer, `d_width` that of
    D, if it is another. None for `learning_rate` is the model's own; D has the same (of `mlp`, twice as much), unless
    `d_learning_rate` says otherwise. With `spectral_norm`, D's weights are divided by their largest singular values. A
    `conditional` GAN is asked for one of `classes`.

    Raises: ArgumentError for an unknown model, a kind or an image size it cannot make, or a count out of range

    >>> build("dcgan", ImageSpec(28), width=8).generator
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
    d_width = width if d_width is None else d_width
    if model not in MODELS:
        raise ArgumentError(f"there is no model {model!r}; choose one of: {', '.join(MODELS)}")
    loss_config = MODELS[model]
    if not isinstance(spec, loss_config.spec):
        raise ArgumentError(
            f"{model} makes {loss_config.spec.name}, not {spec.name}; take one of: {', '.join(models_for(spec))}"
        )
    if isinstance(spec, ImageSpec) and not 1 <= spec.channels <= 4:
        raise ArgumentError(f"{model}: images have 1 to 4 channels, not {spec.channels}")
    for name, value in (("noise_size", noise_size), ("width", width), ("d_width", d_width), ("pack", pack)):
        if value < 1:
            raise ArgumentError(f"{model}: {name} must be at least 1, but is {value}")
    if not 0 <= average_decay < 1:
        raise ArgumentError(f"{model}: average_decay must be at least 0 and less than 1, but is {average_decay}")
    check_conditional(conditional, pack)
    if (classes < 2) if conditional != "none" else classes:
        raise ArgumentError(f"{model}: conditional {conditional} is for 2 classes or more, none for 0, not {classes}")

    def networks() -> Pair:
        return loss_config.networks(spec, pack, noise_size + classes, width, d_width, make_rng(seed, "weights"))

    generator, discriminator = networks()
    if classes:
        discriminator = with_scores(discriminator, conditional, classes, make_rng(seed, "scores"))
    if spectral_norm:
        discriminator = spectrally_normed(discriminator, make_rng(seed, "singular vectors"))
    average = networks()[0].to(device) if average_decay else None
    rate = loss_config.learning_rate if learning_rate is None else learning_rate
    rates = rate, rate * loss_config.d_rate if d_learning_rate is None else d_learning_rate
    g_optimizer, d_optimizer = (
        optim.Adam(network.to(device).parameters(), rate, loss_config.betas, loss_config.eps)
        for network, rate in zip((generator, discriminator), rates, strict=True)
    )
    return GAN(
        model=model, spec=spec, noise_size=noise_size, generator=generator, discriminator=discriminator,
        g_optimizer=g_optimizer, d_optimizer=d_optimizer, average=average, average_decay=average_decay, pack=pack,
        conditional=conditional, classes=classes,
    )  # fmt: skip


def spectrally_normed(network: nn.Sequential, rng: np.random.Generator) -> nn.Sequential:
    """The same layers, those with weights inside a SpectralNorm."""

    def normed(layer: nn.Module) -> nn.Module:
        if isinstance(layer, nn.Linear | nn.Conv2d):
            return nn.SpectralNorm(layer, rng=rng)
        if isinstance(layer, nn.Sequential):
            return spectrally_normed(layer, rng)
        if isinstance(layer, nn.Branches):
            return nn.Branches(*map(normed, layer.branches))
        if isinstance(layer, nn.Residual):
            shortcut = None if layer.shortcut is None else spectrally_normed(layer.shortcut, rng)
            return nn.Residual(spectrally_normed(layer.main, rng), shortcut)
        return layer

    return nn.Sequential(*map(normed, network.layers))
