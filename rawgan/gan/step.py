"""One training step: the discriminator learns to tell real from generated images, the generator learns to fool it.

`begin` says which part of the step begins, numbered as the tutorial does: five for the generator, four for the
discriminator. `show` shows what it has made. See `rawgan.gan.parts`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from rawgan.autograd import grad, no_grad
from rawgan.device import to_device
from rawgan.errors import ArgumentError
from rawgan.gan.augmentations import AUGMENTATIONS
from rawgan.gan.augmentations.adaptation import sign_of_real
from rawgan.gan.conditional import DiscriminatorOutput, Labels
from rawgan.gan.loss_config import DEFAULT_LOSS, LossConfig
from rawgan.gan.objectives import OBJECTIVES, PairedLosses
from rawgan.gan.parts import D1, D2, D3, D4, D_PENALTY, G1, G2, G3, G4, G5, G_PENALTY, begin, show
from rawgan.gan.penalties import PENALTIES
from rawgan.gan.specs import ImageSpec
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
    begin(G1)
    latent = gan.latent(z, labels)
    show(noise=latent)
    begin(G2)
    fake = gan.generator(latent)
    show(generated=fake)
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
    losses, parameters, update = config.losses, gan.d_optimizer.parameters, gan.d_optimizer.steps
    discriminate = _discriminate(gan, config, index, "D", update, given)
    values, gradients = [], []
    outputs: list[DiscriminatorOutput] = []
    if isinstance(losses, PairedLosses):
        begin(D1)
        show(real=real, generated=fake)
        begin(D2)
        pair = discriminate(real), discriminate(fake)
        begin(D3)
        values.append(losses.discriminator(*(output.logits for output in pair)))
        show(real_logits=pair[0].logits, generated_logits=pair[1].logits, d_loss=values[0])
        begin(D4)
        gradients.append(grad(_with_classes(values[0], *pair), parameters))
        outputs += map(_detached, pair)
    else:
        for name, images, loss in (("real", real, losses.real), ("generated", fake, losses.fake)):
            begin(D1)
            show(**{name: images})
            begin(D2)  # real and generated images apart, so that batch norm does not average over both
            output = discriminate(images)
            begin(D3)
            values.append(loss(output.logits))
            show(**{f"{name}_logits": output.logits, f"d_loss_{name}": values[-1]})
            begin(D4)
            gradients.append(grad(_with_classes(values[-1], output), parameters))
            outputs.append(_detached(output))
    figures = {}
    if config.penalty is not None and index % config.penalty_every == 0:
        begin(D_PENALTY)
        figures["penalty"], of_penalty = _penalty(gan, discriminate, real, fake, config)
        show(penalty=figures["penalty"])
        gradients.append(of_penalty)
    begin(D4)
    gan.d_optimizer.step([_sum(of_one) for of_one in zip(*gradients, strict=True)])
    for name, output in zip(("real", "fake"), outputs, strict=True):
        figures[f"d_{name}"] = mean(sigmoid(output.logits))
        if output.class_loss is not None:
            figures[f"class_{name}"] = output.class_loss
    if config.augment is not None and gan.augmentation is not None:
        figures |= _adapt(gan, config, len(real), update, *(output.logits for output in outputs))
    return {"d_loss": _sum([value.detach() for value in values]), **figures}


def generator_step(
    gan: GANState, fake: Tensor, real: Tensor, config: LossConfig = DEFAULT_LOSS, index: int = 0, given: Any = None
) -> dict[str, Tensor]:
    """Update G, and nothing of D: only gradients of G's parameters are computed.

    Returns G's figures by their names in `StepMetrics`.
    """
    loss, total = generator_loss(gan, fake, real, config, index, given)
    begin(G5)
    gradients, figures = grad(total, gan.g_optimizer.parameters), {"g_loss": loss.detach()}
    if config.g_penalty is not None and index % config.g_penalty_every == 0:
        assert isinstance(gan, GAN)
        begin(G_PENALTY)
        figures["g_penalty"], of_penalty = _penalty_on_g(gan, len(fake), config, given)
        show(g_penalty=figures["g_penalty"])
        gradients = [_sum(of_one) for of_one in zip(gradients, of_penalty, strict=True)]
        begin(G5)
    gan.g_optimizer.step(gradients)
    return figures


def generator_loss(
    gan: GANState, fake: Tensor, real: Tensor, config: LossConfig = DEFAULT_LOSS, index: int = 0, given: Any = None
) -> tuple[Tensor, Tensor]:
    """G's loss by the objective, and the total with the class loss of an auxiliary D. D's buffers are frozen."""
    losses = config.losses
    discriminate = _discriminate(gan, config, index, "G", gan.g_optimizer.steps, given)
    with gan.discriminator.frozen_buffers():
        begin(G3)
        output = discriminate(fake)
        if isinstance(losses, PairedLosses):
            with no_grad():
                real_logits = discriminate(real).logits
            begin(G4)
            loss = losses.generator(output.logits, real_logits)
        else:
            begin(G4)
            loss = losses.generator(output.logits)
        show(generated_logits=output.logits, g_loss=loss)
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


def logits_as_trained(
    gan: GANState, images: Tensor, config: LossConfig, index: int, draw: int = 0, given: Any = None
) -> Tensor:
    """D's logits for images as it sees them in step `index`: augmented, and with instance noise.

    The numbers that are drawn depend on the step and on `draw`, and are not those of training.

    Shapes: images (N, H, W, C) → as `GANState.discriminate`
    """
    return _discriminate(gan, config, index, f"a look at D, {draw}", index, given)(images).logits


def _discriminate(
    gan: GANState, config: LossConfig, index: int, who: str, update: int, given: Any
) -> Discriminate:  # fmt: skip
    """D behind the augmentation and the instance noise of step `index`. Each update of `who`, D or G, draws anew."""
    spread = config.instance_noise * max(0.0, 1.0 - index / config.noise_steps)
    augment = None if config.augment is None else _augmentation(gan, config.augment)
    if not spread and augment is None:
        return lambda images: gan.discriminate(images, given)
    draws, noises = (make_rng(config.seed, f"{what} of {who}", update) for what in ("augmentation", "instance noise"))

    def discriminate(images: Tensor) -> DiscriminatorOutput:
        seen = images if augment is None else augment(images, draws)
        if spread:
            noise = spread * noises.standard_normal(images.shape)
            seen = seen + Tensor(to_device(noise.astype(images.dtype), images.device))
        return gan.discriminate(seen, given)

    return discriminate


def _augmentation(gan: GANState, name: str) -> Callable[[Tensor, np.random.Generator], Tensor]:
    """The augmentation of that name, with the probability that the GAN has by now.

    Raises: ArgumentError for an unknown name, for points and translated images, or without the state of an adaptive one
    """
    augmentation, p = AUGMENTATIONS.find(name), 1.0
    if not (isinstance(gan, GAN) and isinstance(gan.spec, ImageSpec)):
        raise ArgumentError(f"augment {name} is for images that are made from noise, not for {gan.model}; leave it out")
    if augmentation.adaptive:
        if gan.augmentation is None:
            raise ArgumentError(f"augment {name} needs a probability that it adapts: build(…, augment={name!r})")
        p = gan.augmentation.p.item()
    return lambda images, rng: augmentation.apply(images, rng, p)


def _adapt(
    gan: GANState, config: LossConfig, batch_size: int, update: int, real: Tensor, fake: Tensor
) -> dict[str, Tensor]:
    """Let the probability of an adaptive augmentation follow D's logits. Returns its figures."""
    assert gan.augmentation is not None
    r = sign_of_real(real, fake, OBJECTIVES.find(config.objective).centred)
    gan.augmentation.follow(r, update, batch_size, config.augment_target, config.augment_images)
    p = np.asarray(gan.augmentation.p.item(), real.dtype)
    return {"augment_p": Tensor(to_device(p, real.device)), "r_t": r}


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
