"""One training step: the discriminator learns to tell, then the generator learns to fool.

The comments number the steps as the tutorial does: five for the generator, four for the discriminator.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from rawgan.autograd import grad, no_grad
from rawgan.device import to_device
from rawgan.gan.conditional import DiscriminatorOutput, Labels
from rawgan.gan.networks import GAN, GANState
from rawgan.gan.objectives import Objective, PairedObjective, objective
from rawgan.gan.penalties import penalty
from rawgan.ops import mean, sigmoid
from rawgan.random import make_rng
from rawgan.tensor import Tensor

Judge = Callable[[Tensor], DiscriminatorOutput]
"""D: images (N, H, W, C) → what it says of them."""


class StepMetrics(NamedTuple):
    """What a step leaves to look at, each a single number still on its device."""

    d_loss: Tensor
    """What D plays for, without penalty and class losses. Cross-entropy, in nats: 2 · log 2 = 1.39 is a D that
    guesses."""
    g_loss: Tensor
    """What G plays for, without class loss. Cross-entropy: log 2 = 0.69 against a D that guesses (minimax: −0.69)."""
    d_real: Tensor
    """D's mean probability that the real images are real."""
    d_fake: Tensor
    """D's mean probability that the generated images are real, before its update."""
    class_real: Tensor | None = None
    """Of an auxiliary D: the cross-entropy of the classes that it names in real images. log(classes) is a guess."""
    class_fake: Tensor | None = None
    """The same of generated images, whose classes are those that G was asked for; before its update."""
    pixel: Tensor | None = None
    """Of a translator: mean absolute difference of what G makes and what it should, in pixels from −1 to 1."""
    feature: Tensor | None = None
    """The same of what a classifier sees in both."""
    cycle: Tensor | None = None
    """Of two translators: mean absolute difference of images and what becomes of them there and back, the sum of both
    sides."""
    identity: Tensor | None = None
    """The same of images and what a translator makes of them that makes such images already, the sum of both."""

    def by_name(self) -> dict[str, Tensor]:
        """All that there is."""
        return {name: value for name, value in self._asdict().items() if value is not None}


@dataclass(frozen=True)
class LossConfig:
    """How the two play. `objective` and `penalty` are those of `objectives` and `penalties`.

    Raises: ArgumentError for names that there are not, when they are first needed
    """

    objective: str = "non-saturating"
    smooth_real: float = 0.0
    """D's target for real images is so much below 1."""
    smooth_fake: float = 0.0
    """D's target for generated images is so much above 0."""
    penalty: str | None = None
    penalty_weight: float = 1.0
    penalty_every: int = 1
    """Steps from one penalty to the next, which then counts as many times as much."""
    instance_noise: float = 0.0
    """Standard deviation of the noise that is added to all that D judges, in the first step; not to what it was made
    of."""
    noise_steps: int = 1
    """Steps in which that noise fades away."""
    seed: int = 0

    @cached_property
    def losses(self) -> Objective | PairedObjective:
        """The objective itself."""
        return objective(self.objective, self.smooth_real, self.smooth_fake)


PLAIN = LossConfig()
"""The objective that GANs are known for, and nothing else."""


def train_step(
    gan: GAN, real: Tensor, z: Tensor, loss_config: LossConfig = PLAIN, index: int = 0, labels: Labels | None = None
) -> StepMetrics:
    """Update D once, then G once. `index` counts the steps, from 0.

    G's images are made once and judged twice: by D as it was, to train D, and by D as it has become, to train G.

    A conditional GAN takes the labels of the real images, and makes an image of each of these classes: so classes have
    their shares of the data, and a pair, or a penalty between two images, is about one class.

    An average of G's weights stays where it is, until `GAN.follow` moves it.

    Shapes: real (N, H, W, C) in [−1, 1], z (N, noise_size), labels (N,)
    """
    fake = gan.generator(gan.latent(z, labels))  # G 1: draw noise: z. G 2: generate images.
    d_loss, d_real, d_fake, *classes = discriminator_step(gan, real, fake.detach(), loss_config, index, labels)
    g_loss = generator_step(gan, fake, real, loss_config, index, labels)
    return StepMetrics(d_loss, g_loss, d_real, d_fake, *classes)


def discriminator_step(
    gan: GANState, real: Tensor, fake: Tensor, loss_config: LossConfig = PLAIN, index: int = 0, given: Any = None
) -> tuple[Tensor, ...]:
    """Update D, and nothing of G: `fake` is detached, so no gradient goes there. D is told what was given to G.

    Each half is walked back before the next begins: so the activations of one batch are in memory, not of two. Pairs
    are judged together. Returns the loss, D(real), D(fake) and, of an auxiliary D, the class losses of both.
    """
    play, parameters = loss_config.losses, gan.d_optimizer.parameters
    judge = _judge(gan, loss_config, index, "instance noise of D", gan.d_optimizer.steps, given)
    losses, gradients = [], []
    verdicts: list[DiscriminatorOutput] = []
    if isinstance(play, PairedObjective):
        pair = judge(real), judge(fake)
        losses.append(play.discriminator(*(verdict.logits for verdict in pair)))
        gradients.append(grad(_with_classes(losses[0], *pair), parameters))
        verdicts += map(_detached, pair)
    else:
        for images, loss in ((real, play.real), (fake, play.fake)):  # D 1: take real images, and the generated ones.
            verdict = judge(images)  # D 2: judge them, apart, so that batch norm does not average over both.
            losses.append(loss(verdict.logits))  # D 3: cross-entropy, or whatever the objective says.
            gradients.append(grad(_with_classes(losses[-1], verdict), parameters))
            verdicts.append(_detached(verdict))
    if loss_config.penalty is not None and index % loss_config.penalty_every == 0:
        gradients.append(_penalty_gradients(gan, judge, real, fake, loss_config))
    gan.d_optimizer.step([_sum(of_one) for of_one in zip(*gradients, strict=True)])  # D 4: update D.
    probabilities = [mean(sigmoid(verdict.logits)) for verdict in verdicts]
    classes = [verdict.class_loss for verdict in verdicts if verdict.class_loss is not None]
    return _sum([loss.detach() for loss in losses]), *probabilities, *classes


def generator_step(
    gan: GANState, fake: Tensor, real: Tensor, loss_config: LossConfig = PLAIN, index: int = 0, given: Any = None
) -> Tensor:
    """Update G, and nothing of D: gradients are asked for G's parameters alone."""
    loss, whole = generator_loss(gan, fake, real, loss_config, index, given)
    gan.g_optimizer.step(grad(whole, gan.g_optimizer.parameters))  # G 5: update G.
    return loss.detach()


def generator_loss(
    gan: GANState, fake: Tensor, real: Tensor, loss_config: LossConfig = PLAIN, index: int = 0, given: Any = None
) -> tuple[Tensor, Tensor]:
    """What G plays for, and that with what else it minimises; D's statistics are frozen."""
    play, judge = (
        loss_config.losses,
        _judge(gan, loss_config, index, "instance noise of G", gan.g_optimizer.steps, given),
    )
    with gan.discriminator.frozen_buffers():
        verdict = judge(fake)  # G 3: judge the images, anew, as D has just changed.
        if isinstance(play, PairedObjective):
            with no_grad():
                real_logits = judge(real).logits
            loss = play.generator(verdict.logits, real_logits)
        else:
            loss = play.generator(verdict.logits)  # G 4: cross-entropy, or whatever the objective says.
    return loss, _with_classes(loss, verdict)


def _penalty_gradients(
    gan: GANState, judge: Judge, real: Tensor, fake: Tensor, loss_config: LossConfig
) -> list[Tensor]:
    """What the penalty adds to D's gradients. Biases behind the last bend have no part in a slope: theirs are 0."""
    assert loss_config.penalty is not None
    rng = make_rng(loss_config.seed, "penalty", gan.d_optimizer.steps)
    with gan.discriminator.frozen_buffers():
        price = penalty(loss_config.penalty)(lambda images: judge(images).logits, real, fake, rng)
    weight = loss_config.penalty_weight * loss_config.penalty_every
    return grad(price * weight, gan.d_optimizer.parameters, unconnected="zero")


def _judge(gan: GANState, loss_config: LossConfig, index: int, purpose: str, update: int, given: Any) -> Judge:
    """D, on images made of what is given, with the noise of a step, of which each update has its own."""
    spread = loss_config.instance_noise * max(0.0, 1.0 - index / loss_config.noise_steps)
    if not spread:
        return lambda images: gan.discriminate(images, given)
    rng = make_rng(loss_config.seed, purpose, update)

    def noisy(images: Tensor) -> DiscriminatorOutput:
        noise = spread * rng.standard_normal(images.shape)
        return gan.discriminate(images + Tensor(to_device(noise.astype(images.dtype), images.device)), given)

    return noisy


def _detached(verdict: DiscriminatorOutput) -> DiscriminatorOutput:
    """The same numbers, which keep no graph in memory."""
    return DiscriminatorOutput(*(x.detach() for x in verdict if x is not None))


def _with_classes(loss: Tensor, *verdicts: DiscriminatorOutput) -> Tensor:
    """What a network minimises: what it plays for and, beside an auxiliary D, the class losses."""
    return _sum([loss, *(verdict.class_loss for verdict in verdicts if verdict.class_loss is not None)])


def _sum(tensors: list[Tensor] | tuple[Tensor, ...]) -> Tensor:
    total = tensors[0]
    for tensor in tensors[1:]:
        total = total + tensor
    return total
