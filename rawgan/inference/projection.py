"""Projection: the latent vector whose image is nearest to a given picture, found by gradient descent."""

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rawgan import nn, ops
from rawgan.autograd import grad, no_grad
from rawgan.data import to_uint8
from rawgan.data.image_set import Progress
from rawgan.errors import ArgumentError
from rawgan.gan import GAN, Labels
from rawgan.inference.latents import LatentSpace, Vectors
from rawgan.metrics.figures.psnr import psnr
from rawgan.nn import Parameter
from rawgan.optim import Adam
from rawgan.random import make_rng
from rawgan.tensor import Tensor
from rawgan_kernels import array_module

CANDIDATES = 256
"""Random vectors of which the nearest ones are the starts."""
AT_ONCE = 64
"""Most vectors that are moved at a time, and most images whose features are compared at a time."""
RATE = 0.1
"""Learning rate of Adam, relative to the standard deviation of vectors. Source: Karras et al. 2020"""
RISE, FALL = 0.05, 0.25
"""Shares of the steps in which the learning rate rises at first, and falls at last. Source: Karras et al. 2020"""
JITTER, JITTERED = 0.05, 0.75
"""Standard deviation of the noise on vectors, relative to theirs, which falls to 0 in this share of the steps. Source:
Karras et al. 2020"""
TINY = 1e-8


@dataclass(frozen=True)
class Projection:
    """The vector found for a picture, its image, and the way there."""

    vector: Vectors
    """Shape (size,)"""
    label: int | None
    """Class of the image, if the generator needs to be told."""
    psnr: float
    """Peak signal-to-noise ratio of the image, in dB."""
    path: dict[int, NDArray[Any]]
    """Images by the number of steps taken, from 0, the start, to the last one. Shapes: (H, W, C)"""

    @property
    def image(self) -> NDArray[Any]:
        """The image that is nearest. Shape (H, W, C)"""
        return self.path[max(self.path)]


def project(
    gan: GAN, picture: NDArray[Any], label: int | None = None, *, steps: int = 300, starts: int = 4, seed: int = 0,
    perceptual_weight: float = 0.1, shown: Sequence[int] = (), on_progress: Progress = lambda done, total: None,
) -> Projection:  # fmt: skip
    """Find the latent vector whose image is nearest to a picture: mapped, if G has a mapping network, else noise.

    The nearest `starts` of 256 random vectors are moved by Adam, all at once, and the best of them wins. The loss is
    the mean squared difference of pixels, plus `perceptual_weight` times the difference in the features of D: those of
    each hidden layer, scaled to length 1 at each place, as in LPIPS, but of the run's own discriminator and with equal
    weights. Jitter on the vectors, which fades, lets them leave poor optima. After each step, noise is brought back to
    a likely length: with any other, G makes images that it never made in training.

    Without a label, a GAN whose images need one tries all classes. The path has the images after the `shown` steps.

    Shapes: picture (H, W, C) in [−1, 1]
    Raises: ArgumentError for a picture of another shape
    Source: Karras et al. 2020 (projection); Menon et al. 2020 (length); Zhang et al. 2018 (LPIPS)

    >>> from rawgan.gan import ImageSpec, build
    >>> gan = build("dcgan", ImageSpec(8), width=4, noise_size=2)
    >>> target = LatentSpace.of(gan).images(np.ones((1, 2), np.float32))[0]
    >>> found = project(gan, target, steps=100)
    >>> found.psnr > 40, found.vector.round(1)
    (True, array([1., 1.], dtype=float32))
    """
    if picture.shape != gan.spec.shape:
        raise ArgumentError(f"project: a picture of shape {picture.shape}, but images have shape {gan.spec.shape}")
    space = LatentSpace.of(gan)
    with ExitStack() as stack:
        for network in (gan.sampler, gan.discriminator):
            stack.enter_context(network.evaluating())
        distance = _Distance(gan, picture.astype(np.float32), perceptual_weight)
        vectors, labels, spread = _starts(space, distance, label, starts, seed)
        return _descended(space, distance, vectors, labels, spread, steps, seed, shown, on_progress)


def _starts(
    space: LatentSpace, distance: "_Distance", label: int | None, starts: int, seed: int
) -> tuple[Vectors, Labels | None, float]:
    """The candidates that are nearest, the centre among them; their classes; standard deviation of all of them."""
    gan = space.gan
    given = None if label is None else np.full(CANDIDATES, label)
    labels = gan.cyclic_labels(CANDIDATES) if given is None else given
    vectors = space.draw(seed, "project", CANDIDATES, labels)
    spread = float(vectors.std(axis=0).mean())
    if not space.takes_labels:
        vectors, labels = np.concatenate([vectors, space.centre[None]]), None
    with no_grad():
        found = [
            distance(space.rest(space.inputs(*_part(space, vectors, labels, begin)))).numpy()
            for begin in range(0, len(vectors), AT_ONCE)
        ]
    nearest = np.argsort(np.concatenate(found), kind="stable")[:starts]
    return space.kept(vectors[nearest]), None if labels is None else labels[nearest], spread


def _part(space: LatentSpace, vectors: Vectors, labels: Labels | None, begin: int) -> tuple[Tensor, Labels | None]:
    """Some of the vectors, with their classes, on the device of the networks."""
    part = slice(begin, begin + AT_ONCE)
    return Tensor(vectors[part]).to(space.device), None if labels is None else labels[part]


def _descended(
    space: LatentSpace, distance: "_Distance", vectors: Vectors, labels: Labels | None, spread: float, steps: int,
    seed: int, shown: Sequence[int], on_progress: Progress,
) -> Projection:  # fmt: skip
    """Move vectors to where their images are near, and choose the best."""
    x = Parameter(vectors)
    x.take_over(Tensor(vectors).to(space.device)._array.copy())
    adam = Adam([x], RATE * spread)
    path = {0: space.images(vectors, labels)}
    for step in range(steps):
        done = step / steps
        width = JITTER * spread * max(0.0, 1 - done / JITTERED) ** 2
        noise = width * make_rng(seed, "jitter", step).standard_normal(x.shape)
        moved = x + Tensor(noise.astype(np.float32)).to(space.device)
        (slope,) = grad(ops.sum(distance(space.rest(space.inputs(moved, labels)))), [x])
        with adam.slowed(_rate(done)):
            adam.step([slope])
        x[...] = array_module(x._array).asarray(space.kept(x.numpy()))
        if step + 1 in shown or step + 1 == steps:
            path[step + 1] = space.images(x.numpy(), labels)
        on_progress(step + 1, steps)
    with no_grad():
        final = distance(space.rest(space.inputs(Tensor(x._array), labels))).numpy()
    best = int(final.argmin())
    ours, theirs = (to_uint8(image[None]) for image in (path[steps][best], distance.picture))
    return Projection(
        x.numpy()[best].copy(), None if labels is None else int(labels[best]),
        float(psnr(ours, theirs, finite=True)[0]), {step: images[best] for step, images in path.items()},
    )  # fmt: skip


def _rate(done: float) -> float:
    """Factor of the learning rate: it rises linearly, stays, and falls as a cosine.

    >>> [round(_rate(share), 2) for share in (0.0, 0.025, 0.5, 0.875)]
    [0.02, 0.52, 1.0, 0.5]
    """
    fall = min(1.0, (1 - done) / FALL)
    return min(1.0, (done + 0.001) / RISE) * (0.5 - 0.5 * math.cos(math.pi * fall))


class _Distance:
    """Distance of images to a picture: pixels, and features of D. Shapes: images (N, H, W, C) → (N,)"""

    def __init__(self, gan: GAN, picture: NDArray[Any], weight: float) -> None:
        self.picture, self._weight, self._gan = picture, weight, gan
        self._layers = _hidden_layers(gan.discriminator)
        self._target = Tensor(picture[None]).to(gan.g_optimizer.parameters[0].device)
        with no_grad():
            self._features = [*self._features_of(self._target)] if weight else []

    def __call__(self, images: Tensor) -> Tensor:
        total = _mean((images - self._target) ** 2)
        if self._weight and self._features:
            pairs = zip(self._features_of(images), self._features, strict=True)
            apart = [_mean((ours - theirs) ** 2) * ours.shape[-1] for ours, theirs in pairs]  # sum over channels
            total = total + sum(apart[1:], apart[0]) * (self._weight / len(apart))
        return total

    def _features_of(self, images: Tensor) -> Iterator[Tensor]:
        """Results of D's hidden layers, each scaled to length 1 at each place."""
        x = images if self._gan.pack == 1 else ops.concatenate([images] * self._gan.pack, axis=3)
        for layer, is_hidden in self._layers:
            x = layer(x)
            if is_hidden:
                yield x * (ops.sum(x * x, axis=-1, keepdims=True) + TINY) ** -0.5


def _mean(x: Tensor) -> Tensor:
    """Mean of all but the first axis. Shapes: (N, …) → (N,)"""
    return ops.mean(x, axis=tuple(range(1, x.ndim)))


def _hidden_layers(discriminator: nn.Sequential) -> list[tuple[nn.Module, bool]]:
    """Layers of D up to the last one whose result is compared; True for these.

    They are those behind an activation or a residual block, as long as there are places; if there are no places, as in
    `tutorial`, all before the last layer. None compares the images of a batch.
    """
    found = list[tuple[nn.Module, bool]]()
    for layer in discriminator.layers[:-1]:
        ends_places = isinstance(layer, nn.Flatten) and any(is_hidden for _, is_hidden in found)
        if ends_places or any(each.compares_samples for _, each in layer.modules()):
            break
        found.append((layer, isinstance(layer, nn.LeakyReLU | nn.ReLU | nn.Tanh | nn.Residual)))
    while found and not found[-1][1]:
        found.pop()
    return found
