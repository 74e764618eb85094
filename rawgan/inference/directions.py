"""Directions in the latent space of a generator, along which its images vary most.

With a mapping network, they are the principal components of mapped vectors, as GANSpace finds them.

Noise has no principal components: it is as wide in every direction. GANSpace takes the components of the first layer's
results, and finds noise for them by regression. Here, that layer is linear in every model, so this would be the
singular vectors of its weights, which say nothing of the layers behind it. The networks are small enough for a better
answer, the directions of noise that change *images* most: eigenvectors of the mean of JᵀJ, J being the Jacobian of the
image by the noise. Of a linear generator, both are the principal components of its images. JᵀJ is the covariance of Jᵀy
for random images y of unit variance, and Jᵀy takes one backward pass.
"""

from dataclasses import dataclass

import numpy as np

from rawgan import ops
from rawgan.autograd import grad
from rawgan.data.image_set import Progress
from rawgan.device import to_device
from rawgan.inference.latents import NOISE, LatentSpace, Vectors
from rawgan.random import make_rng
from rawgan.tensor import Tensor

SAMPLES = 10_000
"""Mapped vectors whose components are found. GANSpace takes 10⁵ to 10⁶; these are narrower networks."""
SLOPES = 4096
"""Slopes Jᵀy from which the directions of noise are found."""
AT_ONCE = 64
"""Images that are differentiated at a time."""


@dataclass(frozen=True)
class Directions:
    """Directions of a latent space, the one along which images vary most first."""

    vectors: Vectors
    """Of length 1. Shape (K, size)"""
    deviations: Vectors
    """Standard deviation of latent vectors along each. Shape (K,)"""
    shares: Vectors
    """Share of the variance, of mapped vectors or of images, that is along each. Shape (K,)"""

    def moved(self, base: Vectors, times: Vectors) -> Vectors:
        """Vectors moved along each direction by multiples of its standard deviation.

        Shapes: base (size,), times (T,) → (K, T, size)

        >>> directions = Directions(np.eye(2), np.array([3.0, 1.0]), np.array([0.9, 0.1]))
        >>> directions.moved(np.zeros(2), np.array([-1.0, 2.0])).tolist()
        [[[-3.0, 0.0], [6.0, 0.0]], [[0.0, -1.0], [0.0, 2.0]]]
        """
        steps = self.deviations[:, None] * np.asarray(times)  # (K, T)
        return base + steps[..., None] * self.vectors[:, None]


def directions_of(
    space: LatentSpace, count: int, seed: int = 0, on_progress: Progress = lambda done, total: None
) -> Directions:
    """The first directions of a latent space, at most as many as it has dimensions.

    The sign of each is such that its largest number is positive.

    Source: Härkönen et al. 2020 (GANSpace); Ramesh, Choi, LeCun 2018 (Jacobian); Constantine 2015 (active subspaces)
    """
    if space.name == NOISE:
        spectrum = _slopes(space, seed, on_progress)
        values, vectors = _components(spectrum)
        deviations = np.ones(len(values))
    else:
        drawn = space.draw(seed, "components", SAMPLES)
        on_progress(1, 1)
        values, vectors = _components(drawn - drawn.mean(axis=0))
        deviations = np.sqrt(values)
    shares = values / max(values.sum(), np.finfo(float).tiny)
    return Directions(vectors[:count], deviations[:count], shares[:count])


def _slopes(space: LatentSpace, seed: int, on_progress: Progress) -> Vectors:
    """Jᵀy of random noise and random images y. Shapes: → (SLOPES, size)"""
    found, rng = [], make_rng(seed, "slopes")
    with space.rest.evaluating():
        for start in range(0, SLOPES, AT_ONCE):
            z = Tensor(space.draw(seed, "slopes of", AT_ONCE, step=start)).to(space.device)
            z.requires_grad = True
            labels = space.gan.cyclic_labels(AT_ONCE) if space.takes_labels else None
            images = space.rest(space.inputs(z, labels))
            y = rng.standard_normal(images.shape, np.float32)
            (slope,) = grad(ops.sum(images * Tensor(to_device(y, images.device))), [z])
            found.append(slope.numpy())
            on_progress(start + AT_ONCE, SLOPES)
    return np.concatenate(found)


def _components(rows: Vectors) -> tuple[Vectors, Vectors]:
    """Mean squares along the principal axes of rows, the largest first, and the axes. Shapes: (N, D) → (D,), (D, D)

    >>> values, axes = _components(np.array([[3.0, 4.0], [-3.0, -4.0], [0.8, -0.6], [-0.8, 0.6]]))
    >>> values.round(3).tolist(), axes.round(3).tolist()
    ([12.5, 0.5], [[0.6, 0.8], [0.8, -0.6]])
    """
    rows = rows.astype(np.float64)
    values, axes = np.linalg.eigh(rows.T @ rows / len(rows))  # (D, N) @ (N, D) → (D, D)
    axes = axes.T[::-1]
    signs = np.sign(np.take_along_axis(axes, np.abs(axes).argmax(axis=1, keepdims=True), axis=1))
    return np.maximum(values[::-1], 0), axes * signs
