"""The GANs of `rawgan.gan` written a third time, in Keras on TensorFlow: a rival of the benchmarks.

They are written from the descriptions of the models, as a user of Keras would write them: images are NHWC, as in
rawgan; layers, losses and Adam are Keras's own; a step is one `tf.function`. Only `load_rawgan` knows both sides.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import layers


class StepMetrics(NamedTuple):
    """Metrics of a step, as in rawgan: both losses, and D's mean probability for real and for generated images."""

    d_loss: Any
    g_loss: Any
    d_real: Any
    d_fake: Any


@dataclass(frozen=True)
class TensorflowGAN:
    """Both networks, and the optimiser of each."""

    generator: Any
    discriminator: Any
    g_optimizer: Any
    d_optimizer: Any


class Branches(layers.Layer):
    """Outputs of several layers on the same x, concatenated."""

    def __init__(self, *branches: Any) -> None:
        super().__init__()
        self.branches = branches

    def build(self, shape: Any) -> None:
        for branch in self.branches:
            branch.build(shape)

    def call(self, x: Any, training: bool | None = None) -> Any:
        return keras.ops.concatenate([branch(x, training=training) for branch in self.branches], axis=1)


def _up(channels: int, bias: bool = False) -> Any:
    return layers.Conv2DTranspose(channels, 4, strides=2, padding="same", use_bias=bias)


def tutorial(size: int, channels: int, width: int) -> tuple[list[Any], list[Any]]:
    """The tutorial's networks, all in Keras's defaults. See `torch_networks.tutorial`."""
    base, doublings = _start(size)
    filters = [width * 2**k for k in range(doublings)][::-1]

    def normalized() -> list[Any]:
        return [layers.BatchNormalization(), layers.LeakyReLU(0.3)]

    generator = [
        layers.Dense(filters[0] * base * base, use_bias=False),
        *normalized(),
        layers.Reshape((base, base, filters[0])),
    ]
    for outputs in filters[1:]:
        generator += [_up(outputs), *normalized()]
    discriminator = [layers.Flatten()]
    for outputs in (8 * width, 4 * width, 2 * width, width):
        discriminator += [layers.Dense(outputs, use_bias=False), *normalized()]
    return [*generator, *_image(channels)], [*discriminator, layers.Dense(1, use_bias=False, dtype="float32")]


def dcgan(size: int, channels: int, width: int) -> tuple[list[Any], list[Any]]:
    """A generator of transposed convolutions, and a discriminator that mirrors it. See `torch_networks.dcgan`."""
    base, doublings = _start(size)
    filters = [width * min(2**k, 8) for k in range(doublings)][::-1]

    def norm() -> Any:
        return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)

    generator = [
        layers.Dense(filters[0] * base * base, use_bias=False),
        layers.Reshape((base, base, filters[0])),
        norm(),
        layers.ReLU(),
    ]
    for outputs in filters[1:]:
        generator += [_up(outputs), norm(), layers.ReLU()]
    discriminator = [layers.Conv2D(filters[-1], 4, strides=2, padding="same"), layers.LeakyReLU(0.2)]
    for _, outputs in itertools.pairwise(filters[::-1]):
        discriminator += [
            layers.Conv2D(outputs, 4, strides=2, padding="same", use_bias=False),
            norm(),
            layers.LeakyReLU(0.2),
        ]
    discriminator += [
        layers.Flatten(),
        Branches(keras.Sequential([layers.Dense(width, use_bias=False), norm()]), layers.Dense(width)),
        layers.LeakyReLU(0.2),
        layers.Dense(1, dtype="float32"),
    ]
    return [*generator, *_image(channels)], discriminator


MODELS = {"tutorial": tutorial, "dcgan": dcgan}
ADAM: dict[str, dict[str, float]] = {  # each model's constants
    "tutorial": {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
    "dcgan": {"beta_1": 0.5, "beta_2": 0.999, "epsilon": 1e-8},
}


def build(
    model: str, size: int, channels: int, *, learning_rate: float, noise_size: int = 100, width: int = 64
) -> TensorflowGAN:
    """Build both networks of a model, with an Adam for each, in Keras's global policy of precision."""
    networks = []
    for sequence, shape in zip(
        MODELS[model](size, channels, width), ((noise_size,), (size, size, channels)), strict=True
    ):
        networks.append(keras.Sequential(sequence))
        networks[-1].build((None, *shape))
    optimizers = [keras.optimizers.Adam(learning_rate, **ADAM[model]) for _ in networks]
    for network, optimizer in zip(networks, optimizers, strict=True):
        optimizer.build(network.trainable_variables)
    return TensorflowGAN(*networks, *optimizers)


def make_step(gan: TensorflowGAN) -> Callable[[Any, Any], StepMetrics]:
    """Compile the training step of `torch_networks`: D on real and on generated images apart, G with the new D.

    Weight gradients of D in G's step are not asked for. Keras's batch norms move their running statistics there, on
    which no loss of training depends.
    """
    g_weights, d_weights = gan.generator.trainable_variables, gan.discriminator.trainable_variables

    def loss(logits: Any, target: Callable[[Any], Any]) -> Any:
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(target(logits), logits))

    @tf.function
    def step(real: Any, z: Any) -> StepMetrics:
        with tf.GradientTape() as g_tape:
            fake = gan.generator(z, training=True)
        with tf.GradientTape() as d_tape:
            real_logits = gan.discriminator(real, training=True)
            fake_logits = gan.discriminator(fake, training=True)
            d_loss = loss(real_logits, tf.ones_like) + loss(fake_logits, tf.zeros_like)
        gan.d_optimizer.apply(d_tape.gradient(d_loss, d_weights), d_weights)
        with g_tape:
            g_loss = loss(gan.discriminator(fake, training=True), tf.ones_like)
        gan.g_optimizer.apply(g_tape.gradient(g_loss, g_weights), g_weights)
        d_real, d_fake = (tf.reduce_mean(tf.sigmoid(logits)) for logits in (real_logits, fake_logits))
        return StepMetrics(d_loss, g_loss, d_real, d_fake)

    return step


def load_rawgan(network: Any, state: Mapping[str, np.ndarray]) -> None:
    """Copy every weight and running statistic from the `state_dict()` of rawgan's network. Axes are in the same order.

    Raises: KeyError if the networks differ
    """
    variables = {name: variable for place, layer in _placed(network.layers) for name, variable in _named(place, layer)}
    if variables.keys() != state.keys():
        raise KeyError(f"TensorFlow's network and rawgan's differ in {sorted(variables.keys() ^ state.keys())}")
    for name, variable in variables.items():
        variable.assign(state[name])


def _placed(sequence: list[Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every layer with its name in rawgan."""
    for position, layer in enumerate(sequence):
        for number, branch in enumerate(layer.branches if isinstance(layer, Branches) else ()):
            place = f"{prefix}{position}.branches.{number}"
            if isinstance(branch, keras.Sequential):
                yield from _placed(branch.layers, f"{place}.")
            else:
                yield place, branch
        yield f"{prefix}{position}", layer


def _named(place: str, layer: Any) -> Iterator[tuple[str, Any]]:
    """A layer's own variables by their names in rawgan."""
    match layer:
        case layers.BatchNormalization():
            found = {
                "gamma": layer.gamma,
                "beta": layer.beta,
                "running_mean": layer.moving_mean,
                "running_var": layer.moving_variance,
            }
        case layers.Dense() | layers.Conv2D() | layers.Conv2DTranspose():
            found = {"w": layer.kernel, "b": layer.bias}
        case _:
            found = {}
    return ((f"{place}.{name}", variable) for name, variable in found.items() if variable is not None)


def _image(channels: int) -> list[Any]:
    """The layers next to an image: in float32, whatever the precision of the others."""
    return [_up(channels, bias=True), layers.Activation("tanh", dtype="float32")]


def _start(size: int) -> tuple[int, int]:
    """Size of the generator's first image, 4 to 7 pixels, and number of doublings up to `size`."""
    doublings = 0
    while size > 7:
        size, doublings = size // 2, doublings + 1
    return size, doublings
