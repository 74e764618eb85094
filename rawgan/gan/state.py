"""State of a GAN in training: two networks, an optimiser for each, and the running average of G's weights."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from rawgan import nn, ops, optim
from rawgan.errors import ArgumentError
from rawgan.gan.augmentations.adaptation import AdaptiveProbability
from rawgan.gan.conditional import DiscriminatorOutput, Labels, LatentGrid, discriminator_output, with_classes
from rawgan.gan.penalties.penalty import PenaltyOnG
from rawgan.gan.specs import DataSpec
from rawgan.random import make_rng
from rawgan.tensor import Tensor


@dataclass(frozen=True, kw_only=True)
class GANState(ABC):
    """Two networks, and an optimiser for each."""

    model: str
    generator: nn.Sequential
    discriminator: nn.Sequential
    g_optimizer: optim.Optimizer
    d_optimizer: optim.Optimizer
    ema: optim.EMA[nn.Sequential] | None = None
    """Running average of G's weights and running statistics."""
    g_penalty: PenaltyOnG | None = None
    """The penalty on G, with its running mean."""
    augmentation: AdaptiveProbability | None = None
    """The probability of an adaptive augmentation."""

    @property
    def average(self) -> nn.Sequential | None:
        """The generator whose weights are the running average of G's, if there is one."""
        return None if self.ema is None else self.ema.module

    @property
    def sampler(self) -> nn.Sequential:
        """The generator to make images with: the average, if there is one."""
        return self.generator if self.average is None else self.average

    @abstractmethod
    def discriminate(self, images: Tensor, given: Any = None) -> DiscriminatorOutput:
        """D's output for images, and for the labels or source images that belong to them."""

    @property
    def networks(self) -> dict[str, nn.Module]:
        """Both networks by name."""
        return {"generator": self.generator, "discriminator": self.discriminator}

    @property
    def optimizers(self) -> dict[str, optim.Optimizer]:
        """Both optimisers by name."""
        return {"g_optimizer": self.g_optimizer, "d_optimizer": self.d_optimizer}

    @property
    def kept(self) -> dict[str, nn.Module]:
        """Modules by name whose tensors a checkpoint keeps: the networks; the average, the penalty on G and the
        probability of an augmentation, if any."""
        others = {"average": self.average, "g_penalty": self.g_penalty, "augmentation": self.augmentation}
        return self.networks | {name: module for name, module in others.items() if module is not None}

    def update_average(self, index: int) -> None:
        """Move the average, if there is one, towards G after step `index`, counted from 0."""
        if self.ema is not None:
            self.ema.update(index)


@dataclass(frozen=True, kw_only=True)
class GAN(GANState):
    """Networks that make images, or points, out of noise, and discriminate them from real ones."""

    spec: DataSpec
    noise_size: int
    pack: int = 1
    """Number of images that D sees together, as channels of one, so that it notices when all are alike (PacGAN)."""
    conditional: str = "none"
    """Kind of conditional GAN; see `rawgan.gan.conditional`."""
    classes: int = 0
    """Number of classes; 0 if G is not conditional."""
    truncation: float = 1.0
    """Factor of the noise that `latent` takes; see `rawgan.gan.sampling.truncate`."""

    def discriminate(self, images: Tensor, given: Labels | None = None) -> DiscriminatorOutput:
        """D's output for images, or points, that are, or should be, of the given classes.

        Shapes: images (N, H, W, C), N a multiple of `pack`; given (N,), if conditional → logits (N / pack, 1)
        Source of packing: Lin et al. 2018
        """
        self._check(given)
        return discriminator_output(self.conditional, self.discriminator(self._packed(images)), given)

    def _packed(self, images: Tensor) -> Tensor:
        if self.pack == 1:
            return images
        n, *places, channels = images.shape
        if n % self.pack:
            raise ArgumentError(f"{n} images cannot be packed by {self.pack}; take a multiple")
        apart = ops.reshape(images, (n // self.pack, self.pack, *places, channels))
        last = apart.ndim - 1
        beside = ops.transpose(apart, (0, *range(2, last), 1, last))  # each pixel has the channels of all
        return ops.reshape(beside, (n // self.pack, *places, self.pack * channels))

    def noise(self, seed: int, purpose: str, count: int, step: int = 0) -> Tensor:
        """Standard normal noise (count, noise_size), a pure function of seed, purpose and step.

        >>> from rawgan.gan import ImageSpec, build
        >>> gan = build("dcgan", ImageSpec(8), width=4)
        >>> gan.noise(0, "train", 2, step=7).shape
        (2, 100)
        """
        _, first = next(iter(self.generator.named_parameters()))
        draw = make_rng(seed, purpose, step).standard_normal((count, self.noise_size))
        return Tensor(draw.astype(first.dtype)).to(first.device)

    def latent(self, z: Tensor, labels: Labels | None) -> Tensor:
        """G's input: the noise, times `truncation`, and of a conditional GAN the one-hot class of each row behind it.

        Shapes: z (N, noise_size), labels (N,), or None without classes → (N, noise_size + classes)
        Raises: ArgumentError for labels without classes, classes without labels, or labels outside the classes
        """
        self._check(labels)
        z = z if self.truncation == 1 else z * self.truncation
        return z if labels is None else with_classes(z, labels, self.classes)

    def cyclic_labels(self, count: int) -> Labels | None:
        """Labels 0, 1, 2, … over and over, `count` in all; None without classes."""
        return np.arange(count) % self.classes if self.classes else None

    def grid(self, seed: int, purpose: str, count: int) -> LatentGrid:
        """G's input for a picture of about `count` images: a row for each class, with the same noise in each column.

        Without classes, noise for each image.

        >>> from rawgan.gan import ImageSpec, build
        >>> gan = build("dcgan", ImageSpec(8), width=4, conditional="projection", classes=3)
        >>> gan.grid(0, "samples", 7).labels
        array([0, 0, 1, 1, 2, 2])
        """
        if not self.classes:
            return LatentGrid(self.latent(self.noise(seed, purpose, count), None), None, None)
        rows = min(self.classes, count)
        columns = count // rows
        labels = np.repeat(np.arange(rows), columns)
        z = ops.concatenate([self.noise(seed, purpose, columns)] * rows)
        return LatentGrid(self.latent(z, labels), labels, columns)

    def _check(self, labels: Labels | None) -> None:
        if labels is not None and not self.classes:
            raise ArgumentError(
                f"this {self.model} has no classes, so it takes no labels\n"
                "  train it with --conditional projection, or build(…, conditional='projection', classes=…)"
            )
        if labels is None and self.classes:
            raise ArgumentError(
                f"this {self.model} is conditional, so it needs labels: which of {self.classes} classes images are of"
            )
