"""Latent vectors of a generator: where they lie, how they are moved, and the images that are made of them.

A generator with a mapping network (`style`) is moved by its mapped vectors, every other one by its noise. Mapped
vectors are less entangled, and have the class in them. They fill no sphere, so walks between them are straight. Noise
of D numbers has a length of about √D: it is kept near that length, where the generator was trained, and walks follow
the sphere.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rawgan import nn
from rawgan.autograd import no_grad
from rawgan.data.image_set import Progress
from rawgan.gan import GAN, Labels, generate
from rawgan.gan.mapping import with_mapping_apart
from rawgan.inference.interpolation import slerp
from rawgan.tensor import Tensor

NOISE, MAPPED = "noise", "mapped"
SHELL = 2.0
"""Half of the thickness of the shell in which noise is kept. Its length has a standard deviation of 0.7."""
BATCH = 1024
"""Vectors that are mapped at a time."""

Vectors = NDArray[Any]
"""Latent vectors (N, size) of floats, on the CPU."""


@dataclass(frozen=True)
class LatentSpace:
    """The space in which the images of a GAN are moved.

    >>> from rawgan.gan import ImageSpec, build
    >>> style = LatentSpace.of(build("style", ImageSpec(8), width=2, noise_size=3))
    >>> style.name, style.size, style.draw(0, "test", 5).shape
    ('mapped', 4, (5, 4))
    >>> plain = LatentSpace.of(build("dcgan", ImageSpec(8), width=2, noise_size=3))
    >>> plain.name, plain.size, plain.images(plain.draw(0, "test", 5)).shape
    ('noise', 3, (5, 8, 8, 1))
    """

    gan: GAN
    mapping: nn.Sequential
    """Layers that turn noise into mapped vectors; none if there is no mapping network."""
    rest: nn.Sequential
    """Layers that make images."""

    @classmethod
    def of(cls, gan: GAN) -> "LatentSpace":
        """The latent space of the sampler of a GAN."""
        return cls(gan, *with_mapping_apart(gan.sampler))

    @property
    def name(self) -> str:
        """`noise` or `mapped`."""
        return MAPPED if self.mapping.layers else NOISE

    @property
    def centre(self) -> Vectors:
        """Average of all vectors: 0 for noise, that of training for mapped vectors. Shape (size,)"""
        if self.mapping.layers:
            truncation = self.mapping.layers[-1]
            assert isinstance(truncation, nn.Truncation)
            return truncation.average.numpy().copy()
        return np.zeros(self.gan.noise_size, np.float32)

    @property
    def size(self) -> int:
        """Numbers of a vector."""
        return len(self.centre)

    @property
    def takes_labels(self) -> bool:
        """True if an image is made of a vector and a class. Mapped vectors have the class in them."""
        return bool(self.gan.classes) and self.name == NOISE

    def draw(self, seed: int, purpose: str, count: int, labels: Labels | None = None, step: int = 0) -> Vectors:
        """Vectors of random images; those of a conditional GAN are of the given classes, or of all in turn.

        Shapes: labels (N,) → (N, size)
        """
        return self.mapped(self.gan.noise(seed, purpose, count, step), labels)

    def mapped(self, noise: Tensor, labels: Labels | None = None) -> Vectors:
        """Vectors of images that are made of this noise. Shapes: noise (N, noise_size) → (N, size)"""
        if self.name == NOISE:
            return noise.numpy() * np.float32(self.gan.truncation)
        labels = self.gan.cyclic_labels(len(noise)) if labels is None else labels
        latent = self.gan.latent(noise, labels)
        parts = [latent[start : start + BATCH] for start in range(0, len(latent), BATCH)]
        with no_grad(), self.mapping.evaluating():
            return np.concatenate([self.mapping(part).numpy() for part in parts])

    def inputs(self, vectors: Tensor, labels: Labels | None) -> Tensor:
        """Input of `rest`. Shapes: vectors (N, size), labels (N,) → (N, size), or with one-hot classes behind"""
        return self.gan.latent(vectors, labels) if self.takes_labels else vectors

    def images(
        self, vectors: Vectors, labels: Labels | None = None, on_progress: Progress = lambda done, total: None
    ) -> NDArray[Any]:
        """Images of vectors; noise of a conditional GAN is of the given classes, or of all in turn.

        Shapes: vectors (N, size) → (N, H, W, C) in [−1, 1]
        """
        if labels is None and self.takes_labels:
            labels = self.gan.cyclic_labels(len(vectors))
        x = Tensor(np.ascontiguousarray(vectors, np.float32)).to(self.device)
        return generate(self.rest, self.inputs(x, labels), on_progress=on_progress)

    @property
    def device(self) -> str:
        """Device of the networks."""
        return self.gan.g_optimizer.parameters[0].device

    def kept(self, vectors: Vectors) -> Vectors:
        """Noise of unlikely length, brought back to the nearest likely one; mapped vectors as they are.

        Shapes: (N, size) → (N, size)
        """
        if self.name == MAPPED:
            return vectors
        radius = math.sqrt(self.size)
        lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
        likely = np.clip(lengths, max(0.0, radius - SHELL), radius + SHELL)
        return (vectors * (likely / np.maximum(lengths, 1e-12))).astype(vectors.dtype)

    def between(self, start: Vectors, end: Vectors, times: Vectors) -> Vectors:
        """Walk from one vector to another: along the sphere for noise, straight for mapped vectors.

        Shapes: start and end (..., size), times (T,) → (..., T, size)
        """
        times = np.asarray(times, np.float64)
        if self.name == NOISE:
            return slerp(start[..., None, :], end[..., None, :], times)
        shares = times[:, None].astype(start.dtype)
        return start[..., None, :] * (1 - shares) + end[..., None, :] * shares

    def combined(self, base: Vectors, added: Sequence[Vectors], subtracted: Sequence[Vectors]) -> Vectors:
        """base + Σ added − Σ subtracted, each relative to the centre; noise is brought back to a likely length.

        Shapes: all (size,) → (size,)
        Source: Radford, Metz, Chintala 2016 (arithmetic on noise)
        """
        centre = self.centre
        total = base + sum((x - centre for x in added), np.zeros_like(base))
        total = total - sum((x - centre for x in subtracted), np.zeros_like(base))
        return self.kept(total[None].astype(base.dtype))[0]
