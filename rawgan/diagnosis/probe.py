"""A probe: measurements of a GAN at one moment, without changing it, in which the doctor looks for symptoms."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from rawgan import nn
from rawgan.autograd import Observer, grad, no_grad, observing
from rawgan.diagnosis.layers import layer_places
from rawgan.gan import GANState, LossConfig
from rawgan.gan.objectives import Losses, PairedLosses
from rawgan.nn import Module
from rawgan.tensor import Tensor

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Layer:
    """One layer, as a batch passed through it. "rms" is the root of the mean square of all elements."""

    place: str
    """Network, position, type."""
    activation: float
    """rms of the output, after an activation that is applied in the same pass."""
    gradient: float
    """rms of the gradient of a single image's loss by the output."""
    gain: float | None
    """rms of the output divided by the rms of the input; None for a layer without weights."""
    gradient_gain: float | None
    """rms of the gradient by the input divided by the rms of the gradient by the output; None without weights."""
    dead: float | None
    """Per cent of channels that are the same number for all images and pixels; None without a ReLU or LeakyReLU."""
    channels: int
    """Channels, or units, of the output."""
    shift: float | None
    """Distance from the running mean to the batch's, in the batch's deviations, mean over channels; batch norm only."""
    stretch: float | None
    """Running and batch's deviation, the larger divided by the smaller, mean over channels; batch norm only."""


@dataclass(frozen=True)
class Probe:
    """Measurements of both networks on one batch."""

    real: Array
    fake: Array
    """G's images, made as in training, with the batch's statistics. Shapes: as real"""
    evaluated: Array
    """G's images from the same latents, made with the running statistics. Shapes: as real"""
    samples: Array
    """Samples from the same latents, as a person gets them: by the average of G's weights, if there is one. Shapes: as
    real"""
    dimensions: int
    """Degrees of freedom of an image: the size of the latent, or of the image if that is smaller."""
    pull: float
    """Mean |slope of G's loss by a logit|, relative to that against a D that guesses."""
    layers: list[Layer]
    """G's, then D's on real images, as they were called."""
    updates: dict[str, float]
    """rms of the gradient of G's loss by each of its weights, by place. Not by biases: in front of a batch norm, theirs
    are 0."""
    eps: float
    """ε of G's optimiser, which it adds to a gradient's rms before dividing by that; 0 if it has none."""
    tanh: bool
    """True if G ends in a tanh."""


def probe(gan: GANState, real: Tensor, latent: Tensor, loss_config: LossConfig, given: Any = None) -> Probe:
    """Take G's step, and of D's the half with the real images, up to the gradients; measure every layer on the way.

    D's layers are looked at with real images: with those of a G that is stuck on one, all would look dead. Instance
    noise and class losses are left out. Nothing of the GAN changes: no weight, statistic, mode or random number.

    Shapes: real (N, …); latent, what G takes: (N, noise_size), of a conditional GAN what `GAN.asked` makes of it, or
        source images (N, h, w, C); given, what D is told: labels of the real images (N,), source images, or nothing
    """
    play, of_g, of_d = (
        loss_config.losses,
        _Watch("generator", gan.generator),
        _Watch("discriminator", gan.discriminator),
    )
    with unchanged(gan):
        with observing(of_g):
            fake = gan.generator(latent)
        with observing(of_d):
            real_logits = gan.discriminate(real, given).logits
        fake_logits = gan.discriminate(fake, given).logits
        g_loss = _generator_loss(play, fake_logits, real_logits.detach())
        if isinstance(play, PairedLosses):
            d_loss = play.discriminator(real_logits, fake_logits.detach())
        else:
            d_loss = play.real(real_logits)
        named = {f"generator, {name}": p for name, p in gan.generator.named_parameters() if p.ndim > 1}
        g_layers, updates = of_g.measure(g_loss, list(named.values()))
        d_layers, _ = of_d.measure(d_loss, [])
        with no_grad(), gan.generator.evaluating(), gan.sampler.evaluating():
            evaluated = gan.generator(latent)
            samples = evaluated if gan.sampler is gan.generator else gan.sampler(latent)
    return Probe(
        real.numpy(),
        fake.numpy(),
        evaluated.numpy(),
        samples.numpy(),
        min(x.size // len(x) for x in (latent, real)),
        _pull(play, fake_logits, real_logits),
        g_layers + d_layers,
        dict(zip(named, updates, strict=True)),
        gan.g_optimizer.param_groups[0].get("eps", 0.0),
        ends_in_tanh(gan),
    )


def ends_in_tanh(gan: GANState) -> bool:
    """True if G's numbers lie in [−1, 1]."""
    return isinstance(gan.generator.layers[-1], nn.Tanh)


class _Watch(Observer):
    """Keeps what goes into the layers of a network and comes out of them, to measure it when the gradients are known.

    Only layers that call no other: a block is its layers.
    """

    def __init__(self, name: str, network: Module) -> None:
        self.calls: list[tuple[str, Module, Tensor, Tensor, bool]] = []
        self._places = layer_places({name: network})
        self._within: list[int] = []  # of each layer that is at work, the number of layers that it has called

    def before_layer(self, layer: Module, inputs: tuple[Any, ...], options: dict[str, Any]) -> None:
        if self._within:
            self._within[-1] += 1
        self._within.append(0)

    def after_layer(
        self, layer: Module, inputs: tuple[Any, ...], options: dict[str, Any], result: Tensor | None
    ) -> None:
        if self._within.pop() == 0 and result is not None and layer in self._places:
            bent = "slope" in options or isinstance(layer, nn.ReLU | nn.LeakyReLU)
            self.calls.append((self._places[layer], layer, inputs[0], result, bent))

    def measure(self, loss: Tensor, parameters: list[Tensor]) -> tuple[list[Layer], list[float]]:
        """Walk back from the loss, and measure every layer; and the gradients by the parameters."""
        tensors = [x for _, _, before, after, _ in self.calls for x in (before, after) if x.requires_grad]
        found = grad(loss, [*tensors, *parameters], unconnected="zero")
        slopes = {id(x): _rms(g.numpy()) for x, g in zip(tensors, found, strict=False)}
        return [_layer(*call, slopes) for call in self.calls], [_rms(g.numpy()) for g in found[len(tensors) :]]


def _layer(place: str, module: Module, x: Tensor, y: Tensor, bent: bool, slopes: dict[int, float]) -> Layer:
    """One layer, by the gradients' rms of what it takes and gives."""
    output = y.numpy()
    channels = output.reshape(-1, output.shape[-1])
    weighted = any(p.ndim > 1 for p in module.parameters())
    shift, stretch = _drift(module, x.numpy()) if isinstance(module, nn.BatchNorm) else (None, None)
    activation, gradient, behind = _rms(output), slopes.get(id(y), 0.0), slopes.get(id(x))
    return Layer(
        place,
        activation,
        gradient * len(output),
        _ratio(activation, _rms(x.numpy())) if weighted else None,
        _ratio(behind, gradient) if weighted and behind is not None else None,
        float(100 * (channels.min(0) == channels.max(0)).mean()) if bent else None,
        output.shape[-1],
        shift,
        stretch,
    )


def _drift(norm: nn.BatchNorm, x: Array) -> tuple[float, float]:
    """Differences between the running statistics and those of the batch x: shift and stretch."""
    pixels = x.reshape(-1, x.shape[-1])
    deviation = np.sqrt(pixels.var(0) + norm.eps)
    running = np.sqrt(norm.running_var.numpy() + norm.eps)
    shift = np.abs(norm.running_mean.numpy() - pixels.mean(0)) / deviation
    return float(shift.mean()), float(np.maximum(running / deviation, deviation / running).mean())


def _generator_loss(play: Losses | PairedLosses, fake: Tensor, real: Tensor) -> Tensor:
    return play.generator(fake, real) if isinstance(play, PairedLosses) else play.generator(fake)


def _pull(play: Losses | PairedLosses, fake: Tensor, real: Tensor) -> float:
    """Mean |slope of G's loss| by a logit, in those where all logits are 0."""

    def slope(factor: float) -> float:
        logits = Tensor(fake.data * factor, requires_grad=True)
        (g,) = grad(_generator_loss(play, logits, real.detach() * factor), logits)
        return float(np.abs(g.numpy()).mean())

    return slope(1.0) / slope(0.0)


def _rms(x: Array) -> float:
    with np.errstate(over="ignore"):  # an exploding layer's may be infinite
        return float(np.sqrt(np.square(x).mean(dtype=np.float64)))


def _ratio(a: float, b: float) -> float | None:
    return a / b if b else None


@contextmanager
def unchanged(gan: GANState) -> Iterator[None]:
    """Let both networks work as in training, without keeping statistics; random numbers are drawn again afterwards."""
    with ExitStack() as stack:
        for network in (gan.generator, gan.discriminator):
            stack.enter_context(network.in_training())
            stack.enter_context(network.frozen_buffers())
            for _, module in network.modules():
                if isinstance(module, nn.Dropout):
                    bits = module.rng.bit_generator
                    stack.callback(setattr, bits, "state", bits.state)
        yield
