"""Normalisation layers."""

import numpy as np

from rawgan import ops
from rawgan.nn.module import Buffer, Module, Parameter
from rawgan.nn.registry import example, layer
from rawgan.ops.arguments import whole
from rawgan.ops.registry import normal
from rawgan.tensor import Tensor


@layer(example("vectors", normal(6, 3), channels=3), example("images", normal(3, 2, 2, 3), channels=3))
class BatchNorm(Module):
    """Normalise each channel over the batch and the pixels; see `rawgan.ops.batch_norm`.

    Training mode uses the batch's statistics, evaluation mode the running ones. `momentum` is the share of the new
    batch in the running statistics: 0.1 here is momentum 0.9 in Keras.

    Shapes: x (N, C) or (N, H, W, C) → the same; gamma, beta, running_mean, running_var (C,)
    Source: Ioffe and Szegedy 2015

    >>> BatchNorm(3)(np.random.default_rng(0).normal(size=(8, 3)).astype("float32")).shape
    (8, 3)
    """

    applies_slope = True

    def __init__(self, channels: int, *, momentum: float = 0.1, eps: float = 1e-5) -> None:
        channels = whole("BatchNorm", "channels", channels, 1)
        self.gamma = Parameter(np.ones(channels, np.float32))
        self.beta = Parameter(np.zeros(channels, np.float32))
        self.running_mean = Buffer(np.zeros(channels, np.float32))
        self.running_var = Buffer(np.ones(channels, np.float32))
        self.momentum, self.eps = momentum, eps

    def forward(self, x: Tensor, slope: float = 1.0) -> Tensor:
        """The normalised x; then LeakyReLU, if the slope is below 1."""
        moved = not (self.training and self.buffers_frozen)
        return ops.batch_norm(
            x,
            self.gamma,
            self.beta,
            self.running_mean if moved else None,
            self.running_var if moved else None,
            training=self.training,
            momentum=self.momentum,
            eps=self.eps,
            slope=slope,
        )

    def describe_options(self) -> str:
        return f"{self.gamma.size}"


@layer(example("vectors", normal(4, 5), shape=5), example("images", normal(2, 2, 2, 3), shape=(2, 2, 3)))
class LayerNorm(Module):
    """Normalise each sample over its trailing axes of the given shape; see `rawgan.ops.layer_norm`.

    Shapes: x (N, …, *shape) → the same; gamma, beta `shape`
    Source: Ba, Kiros, Hinton 2016

    >>> LayerNorm((3,))(np.ones((8, 3), "float32")).shape
    (8, 3)
    """

    def __init__(self, shape: int | tuple[int, ...], *, eps: float = 1e-5) -> None:
        numbers = shape if isinstance(shape, tuple | list) else (shape,)
        shape = tuple(whole("LayerNorm", "shape", n, 1) for n in numbers)
        self.gamma = Parameter(np.ones(shape, np.float32))
        self.beta = Parameter(np.zeros(shape, np.float32))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return ops.layer_norm(x, self.gamma, self.beta, eps=self.eps)

    def describe_options(self) -> str:
        return ", ".join(str(n) for n in self.gamma.shape)


@layer(example("images", normal(2, 3, 2, 2), channels=2))
class InstanceNorm(Module):
    """Normalise each channel of each image over its pixels; see `rawgan.ops.instance_norm`.

    Shapes: x (N, H, W, C) → the same; gamma, beta (C,)
    Source: Ulyanov, Vedaldi, Lempitsky 2016

    >>> InstanceNorm(3)(np.ones((2, 4, 4, 3), "float32")).shape
    (2, 4, 4, 3)
    """

    def __init__(self, channels: int, *, eps: float = 1e-5) -> None:
        channels = whole("InstanceNorm", "channels", channels, 1)
        self.gamma = Parameter(np.ones(channels, np.float32))
        self.beta = Parameter(np.zeros(channels, np.float32))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return ops.instance_norm(x, self.gamma, self.beta, eps=self.eps)

    def describe_options(self) -> str:
        return f"{self.gamma.size}"
