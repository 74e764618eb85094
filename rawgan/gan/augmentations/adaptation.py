"""The probability p of an adaptive augmentation, which follows how much D overfits."""

import numpy as np

from rawgan import nn
from rawgan.autograd.checks import check_writable
from rawgan.device import to_device
from rawgan.ops import mean, sign
from rawgan.tensor import Tensor

EVERY = 4
"""Updates of D from one move of p to the next, over which r_t is averaged."""
TARGET = 0.6
"""Value at which r_t is kept."""
IMAGES = 500_000
"""Training images that D sees while p goes from 0 to 1, at the fastest."""


class AdaptiveProbability(nn.Module):
    """p, moved every four updates of D: up if r_t is above its target, down if it is below.

    r_t = E[sign(D(real))] is the share of training images that D calls real, minus the share that it does not: 0 if D
    guesses, 1 if it knows all of them. p begins at 0 and stays in [0, 1]. Each move is so large that p can go from 0 to
    1 within `images` training images.

    p lies on the CPU, where random numbers are drawn. `signs`, the sum of the means since the last move, lies where D
    is, which has to be waited for only when p moves.

    Source: Karras et al. 2020 (ADA), equation 1
    """

    def __init__(self, device: str = "cpu") -> None:
        self.p = nn.Buffer(np.zeros((), np.float32))
        self.signs = nn.Buffer(to_device(np.zeros((), np.float32), device))

    def follow(self, r: Tensor, update: int, batch_size: int, target: float = TARGET, images: int = IMAGES) -> None:
        """Take notice of r_t in update `update` of D, counted from 0, which saw `batch_size` training images.

        >>> p = AdaptiveProbability()
        >>> for update in range(8):
        ...     p.follow(Tensor(1.0), update, batch_size=64, images=2560)
        >>> p.p
        Tensor(0.2, float32)
        """
        check_writable("ADA", p=self.p, signs=self.signs)
        self.signs[...] = self.signs._array + r._array
        if update % EVERY == EVERY - 1:
            above = np.sign(self.signs.item() / EVERY - target)
            self.p[...] = np.clip(self.p.item() + above * EVERY * batch_size / images, 0.0, 1.0)
            self.signs[...] = 0.0


def sign_of_real(real: Tensor, fake: Tensor, centred: bool) -> Tensor:
    """r_t of a batch, from D's logits of real and of generated images.

    Where only differences between logits mean something (not `centred`), 0 is taken to be half-way between the means of
    both.

    Shapes: real (N, …), fake (M, …) → ()

    >>> sign_of_real(Tensor([3.0, 1.0, 5.0, -1.0]), Tensor([-3.0]), centred=True)
    Tensor(0.5, float32)
    """
    real, fake = real.detach(), fake.detach()
    return mean(sign(real if centred else real - 0.5 * (mean(real) + mean(fake))))
