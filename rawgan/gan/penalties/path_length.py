"""Path length: steps of one length in G's input shall change images by one length."""

import numpy as np

from rawgan import nn
from rawgan.autograd import grad
from rawgan.autograd.checks import check_writable
from rawgan.device import to_device
from rawgan.gan.mapping import with_mapping_apart
from rawgan.gan.penalties.penalty import GeneratorPenalty, PenaltyOnG
from rawgan.gan.penalties.slopes import TINY
from rawgan.ops import maximum, mean, sqrt, sum
from rawgan.tensor import Tensor

MOVED = 0.01
"""Share by which the running mean moves towards the mean of a batch. Source: Karras et al. 2020"""


class PathLength(PenaltyOnG):
    """(‖Jᵀ y‖ − a)², with the Jacobian J of an image by the vector that it is made of, and random images y of unit
    variance per image: J then stretches all directions alike, by a.

    The vector is the result of the mapping network if there is one, else G's input. The target a is the running mean of
    these lengths, a constant as the penalty is differentiated.

    Shapes: latent (N, …), G's input → (), the mean over images; target ()
    Source: Karras et al. 2020 (StyleGAN2)
    """

    def __init__(self) -> None:
        self.target = nn.Buffer(np.zeros((), np.float32))

    def value(self, generator: nn.Sequential, latent: Tensor, rng: np.random.Generator) -> Tensor:
        """The penalty for images of this input; the target moves towards their lengths first."""
        mapping, rest = with_mapping_apart(generator)
        vectors = mapping(latent)
        if not vectors.requires_grad:  # G's input
            vectors = vectors.detach()
            vectors.requires_grad = True
        images = rest(vectors)
        scale = 1 / np.sqrt(np.prod(images.shape[1:-1]))
        directions = (rng.standard_normal(images.shape) * scale).astype(images.dtype)
        (slopes,) = grad(sum(images * Tensor(to_device(directions, images.device))), [vectors], create_graph=True)
        lengths = sqrt(maximum(sum(slopes * slopes, axis=1), TINY))
        check_writable("path length", target=self.target)
        now = self.target._array
        self.target[...] = now + (lengths._array.mean() - now) * MOVED
        away = lengths - self.target.detach()
        return mean(away * away)


PATH_LENGTH = GeneratorPenalty(
    "path-length", "steps of one length in G's input change images by one length", PathLength, weight=2.0
)
