"""One training step: the discriminator learns to tell real from generated images, the generator learns to fool it.

The comments number the steps as the tutorial does: five for the generator, four for the discriminator.
"""

from collections.abc import Callable
from typing import Any

from rawgan.autograd import grad, no_grad
from rawgan.device import to_device
from rawgan.gan.conditional import DiscriminatorOutput, Labels
from rawgan.gan.loss_config import DEFAULT_LOSS, LossConfig
from rawgan.gan.objectives import PairedLosses
from rawgan.gan.penalties import PENALTIES
from rawgan.gan.state import GAN, GANState
from rawgan.gan.step_metrics import StepMetrics
from rawgan.ops import mean, sigmoid
from rawgan.random import make_rng
from rawgan.tensor import Tensor

Discriminate = Callable[[Tensor], DiscriminatorOutput]
"""D in one step: images (N, H, W, C) → its output."""


def train_step(
    gan: GAN, real: Tensor, z: Tensor, config: LossConfig = DEFAULT_LOSS, index: int = 0, labels: Labels | None = None
) -> StepMetrics:
    """Update D once, then G once. `index` is the number of the step, from 0.

    G's images are made once. D sees them twice: before its update, to train D, and after it, to train G.

    A conditional GAN takes the labels of the real images, and makes an image of each of these classes. So classes have
    the same shares as in the data, and a pair of images, or a penalty between two images, is about one class.

    The average of G's weights stays as it is: `GAN.update_average` moves it.

    Shapes: real (N, H, W, C) in [−1, 1], z (N, noise_size), labels (N,)
    """
    fake = gan.generator(gan.latent(z, labels))  # G 1: draw noise: z. G 2: generate images.
    of_d = discriminator_step(gan, real, fake.detach(), config, index, labels)
    of_g = generator_step(gan, fake, real, config, index, labels)
    return StepMetrics(**of_d, **of_g)


def discriminator_step(
    gan: GANState, real: Tensor, fake: Tensor, config: LossConfig = DEFAULT_LOSS, index: int = 0, given: Any = None
) -> dict[str, Tensor]:
    """Update D, and nothing of G: `fake` is detached, so no gradient reaches G. `given` is what D and G are told of the
    images: labels, or source images.

    Each half of the loss is walked back before the next begins, so only one batch's activations are in memory; a paired
    objective needs both batches at once. Returns D's figures by their names in `StepMetrics`.
    """
    losses, parameters = config.losses, gan.d_optimizer.parameters
    discriminate = _discriminate(gan, config, index, "instance noise of D", gan.d_optimizer.steps, given)
    values, gradients = [], []
    outputs: list[DiscriminatorOutput] = []
    if isinstance(losses, PairedLosses):
        pair = discriminate(real), discriminate(fake)
        values.append(losses.discriminator(*(output.logits for output in pair)))
        gradients.append(grad(_with_classes(values[0], *pair), parameters))
        outputs += map(_detached, pair)
    else:
        for images, loss in ((real, losses.real), (fake, losses.fake)):  # D 1: take real and generated images.
            output = discriminate(images)  # D 2: discriminate, apart, so that batch norm does not average over both.
            values.append(loss(output.logits))  # D 3: cross-entropy, or the loss of another objective.
            gradients.append(grad(_with_classes(values[-1], output), parameters))
            outputs.append(_detached(output))
    figures = {}
    if config.penalty is not None and index % config.penalty_every == 0:
        figures["penalty"], of_penalty = _penalty(gan, discriminate, real, fake, config)
        gradients.append(of_penalty)
    gan.d_optimizer.step([_sum(of_one) for of_one in zip(*gradients, strict=True)])  # D 4: update D.
    for name, output in zip(("real", "fake"), outputs, strict=True):
        figures[f"d_{name}"] = mean(sigmoid(output.logits))
        if output.class_loss is not None:
            figures[f"class_{name}"] = output.class_loss
    return {"d_loss": _sum([value.detach() for value in values]), **figures}


def generator_step(
    gan: GANState, fake: Tensor, real: Tensor, config: LossConfig = DEFAULT_LOSS, index: int = 0, given: Any = None
) -> dict[str, Tensor]:
    """Update G, and nothing of D: only gradients of G's parameters are computed.

    Returns G's figures by their names in `StepMetrics`.
    """
    loss, total = generator_loss(gan, fake, real, config, index, given)
    gradients, figures = grad(total, gan.g_optimizer.parameters), {"g_loss": loss.detach()}
    if config.g_penalty is not None and index % config.g_penalty_every == 0:
        assert isinstance(gan, GAN)
        figures["g_penalty"], of_penalty = _penalty_on_g(gan, len(fake), config, given)
        gradients = [_sum(of_one) for of_one in zip(gradients, of_penalty, strict=True)]
    gan.g_optimizer.step(gradients)  # G 5: update G.
    return figures


def generator_loss(
    gan: GANState, fake: Tensor, real: Tensor, config: LossConfig = DEFAULT_LOSS, index: int = 0, given: Any = None
) -> tuple[Tensor, Tensor]:
    """G's loss by the objective, and the total with the class loss of an auxiliary D. D's buffers are frozen."""
    losses = config.losses
    discriminate = _discriminate(gan, config, index, "instance noise of G", gan.g_optimizer.steps, given)
    with gan.discriminator.frozen_buffers():
        output = discriminate(fake)  # G 3: discriminate again, as D has just changed.
        if isinstance(losses, PairedLosses):
            with no_grad():
                real_logits = discriminate(real).logits
            loss = losses.generator(output.logits, real_logits)
        else:
            loss = losses.generator(output.logits)  # G 4: cross-entropy, or the loss of another objective.
    return loss, _with_classes(loss, output)


def _penalty(
    gan: GANState, discriminate: Discriminate, real: Tensor, fake: Tensor, config: LossConfig
) -> tuple[Tensor, list[Tensor]]:
    """The weighted penalty, and its gradients for D's parameters: 0 for the biases of the last layer, which have no
    part in a slope."""
    assert config.penalty is not None
    penalty = PENALTIES.find(config.penalty)
    rng = make_rng(config.seed, "penalty", gan.d_optimizer.steps)
    with gan.discriminator.frozen_buffers():
        value = penalty.value(lambda images: discriminate(images).logits, real, fake, rng)
    weighted = value * (config.penalty_weight * config.penalty_every)
    return weighted.detach(), grad(weighted, gan.d_optimizer.parameters, unconnected="zero")


def _penalty_on_g(gan: GAN, batch_size: int, config: LossConfig, labels: Labels | None) -> tuple[Tensor, list[Tensor]]:
    """The weighted penalty on G and its gradients, from half as many images as a batch has, of noise of their own."""
    assert gan.g_penalty is not None
    count, update = (batch_size + 1) // 2, gan.g_optimizer.steps
    z = gan.noise(config.seed, "penalty on G", count, update)
    with gan.generator.frozen_buffers():
        latent = gan.latent(z, None if labels is None else labels[:count])
        value = gan.g_penalty.value(gan.generator, latent, make_rng(config.seed, "directions", update))
    weighted = value * (config.g_penalty_weight * config.g_penalty_every)
    return weighted.detach(), grad(weighted, gan.g_optimizer.parameters, unconnected="zero")


def _discriminate(
    gan: GANState, config: LossConfig, index: int, purpose: str, update: int, given: Any
) -> Discriminate:  # fmt: skip
    """D with the instance noise of step `index`. Each update draws other noise."""
    spread = config.instance_noise * max(0.0, 1.0 - index / config.noise_steps)
    if not spread:
        return lambda images: gan.discriminate(images, given)
    rng = make_rng(config.seed, purpose, update)

    def noisy(images: Tensor) -> DiscriminatorOutput:
        noise = spread * rng.standard_normal(images.shape)
        return gan.discriminate(images + Tensor(to_device(noise.astype(images.dtype), images.device)), given)

    return noisy


def _detached(output: DiscriminatorOutput) -> DiscriminatorOutput:
    """The same numbers, without the graph, whose memory can then be freed."""
    return DiscriminatorOutput(*(x.detach() for x in output if x is not None))


def _with_classes(loss: Tensor, *outputs: DiscriminatorOutput) -> Tensor:
    """The loss, plus the class losses of an auxiliary D."""
    return _sum([loss, *(output.class_loss for output in outputs if output.class_loss is not None)])


def _sum(tensors: list[Tensor] | tuple[Tensor, ...]) -> Tensor:
    total = tensors[0]
    for tensor in tensors[1:]:
        total = total + tensor
    return total
