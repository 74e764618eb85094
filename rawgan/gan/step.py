"""One training step: the discriminator learns to tell, then the generator learns to fool.

The comments number the steps as the tutorial does: five for the generator, four for the discriminator.
"""

from collections.abc import Callable
from typing import NamedTuple

from rawgan.autograd import grad
from rawgan.gan.networks import GAN
from rawgan.ops import bce_with_logits, mean, sigmoid
from rawgan.tensor import Tensor


class Outcome(NamedTuple):
    """What a step leaves to look at, each a single number still on its device."""

    d_loss: Tensor
    """In nats: 2 · log 2 = 1.39 is a discriminator that guesses."""
    g_loss: Tensor
    """In nats: log 2 = 0.69 against a discriminator that guesses (minimax: −0.69)."""
    d_real: Tensor
    """D's mean probability that the real images are real."""
    d_fake: Tensor
    """D's mean probability that the generated images are real, before its update."""


def non_saturating(logits: Tensor) -> Tensor:
    """What G minimises: −E log D(G(z)). It wants its images called real. Strong gradients while D sees through them.

    Source: Goodfellow et al. 2014; the tutorial's code
    """
    return bce_with_logits(logits, 1.0)


def minimax(logits: Tensor) -> Tensor:
    """What G minimises: E log(1 − D(G(z))), the other side of D's own game. Flat while D sees through its images.

    Source: Goodfellow et al. 2014; the tutorial's formula
    """
    return -bce_with_logits(logits, 0.0)


OBJECTIVES: dict[str, Callable[[Tensor], Tensor]] = {"non-saturating": non_saturating, "minimax": minimax}


def train_step(gan: GAN, real: Tensor, z: Tensor, objective: str = "non-saturating") -> Outcome:
    """Update D once, then G once.

    G's images are made once and judged twice: by D as it was, to train D, and by D as it has become, to train G.

    Shapes: real (N, H, W, C) in [−1, 1], z (N, noise_size)
    """
    fake = gan.generator(z)  # G 1: draw noise: z. G 2: generate images.
    d_loss, d_real, d_fake = discriminator_step(gan, real, fake.detach())
    g_loss = generator_step(gan, fake, objective)
    return Outcome(d_loss, g_loss, d_real, d_fake)


def discriminator_step(gan: GAN, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Update D, and nothing of G: `fake` is detached, so no gradient goes there. Returns the loss, D(real), D(fake).

    Each half is walked back before the next begins: so the activations of one batch are in memory, not of two.
    """
    losses, gradients, verdicts = [], [], []
    for images, target in ((real, 1.0), (fake, 0.0)):  # D 1: take real images, and the generated ones.
        logits = gan.discriminator(images)  # D 2: judge them, apart, so that batch norm does not average over both.
        loss = bce_with_logits(logits, target)  # D 3: cross-entropy.
        gradients.append(grad(loss, gan.d_optimizer.parameters))
        losses.append(loss.detach())
        verdicts.append(mean(sigmoid(logits.detach())))
    gan.d_optimizer.step([of_real + of_fake for of_real, of_fake in zip(*gradients, strict=True)])  # D 4: update D.
    return losses[0] + losses[1], verdicts[0], verdicts[1]


def generator_step(gan: GAN, fake: Tensor, objective: str) -> Tensor:
    """Update G, and nothing of D: gradients are asked for G's parameters alone, D's statistics are frozen."""
    with gan.discriminator.frozen_buffers():
        logits = gan.discriminator(fake)  # G 3: judge the images, anew, as D has just changed.
    loss = OBJECTIVES[objective](logits)  # G 4: cross-entropy.
    gan.g_optimizer.step(grad(loss, gan.g_optimizer.parameters))  # G 5: update G.
    return loss.detach()
