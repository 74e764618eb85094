"""Normalisation layers."""

import numpy as np

from rawgan import ops
from rawgan.errors import ArgumentError, ShapeError, shapes
from rawgan.nn.base.module import Buffer, Module, Parameter
from rawgan.nn.registry import example, layer
from rawgan.ops.arguments import flag, whole
from rawgan.ops.registry import normal
from rawgan.tensor import Tensor


class Affine(Module):
    """Base class of norms with a scale gamma and a shift beta, or with neither."""

    gamma: Parameter | None
    beta: Parameter | None

    def _begin_scales(self, shape: tuple[int, ...], affine: bool) -> None:
        """Let gamma be ones and beta zeros, or let there be none."""
        wanted = flag(type(self).__name__, "affine", affine)
        self.gamma = Parameter(np.ones(shape, np.float32)) if wanted else None
        self.beta = Parameter(np.zeros(shape, np.float32)) if wanted else None


@layer(
    example("vectors", normal(6, 3), channels=3),
    example("images", normal(3, 2, 2, 3), channels=3),
    example("sequences, not affine", normal(4, 3, 2), channels=2, affine=False),
)
class BatchNorm(Affine):
    """Normalise each channel over the batch and the pixels; see `rawgan.ops.batch_norm`.

    Training mode uses the batch's statistics, evaluation mode the running ones. `momentum` is the share of the new
    batch in the running statistics: 0.1 here is momentum 0.9 in Keras. With `affine=False` there are no gamma and beta.

    Shapes: x (N, …, C), such as images (N, H, W, C) → the same; gamma, beta, running_mean, running_var (C,)
    Source: Ioffe and Szegedy 2015

    >>> BatchNorm(3)(np.random.default_rng(0).normal(size=(8, 3)).astype("float32")).shape
    (8, 3)
    """

    applies_slope = True

    def __init__(self, channels: int, *, momentum: float = 0.1, eps: float = 1e-5, affine: bool = True) -> None:
        channels = whole(type(self).__name__, "channels", channels, 1)
        self._begin_scales((channels,), affine)
        self.running_mean = Buffer(np.zeros(channels, np.float32))
        self.running_var = Buffer(np.ones(channels, np.float32))
        self.momentum, self.eps = momentum, eps

    def forward(self, x: Tensor, slope: float = 1.0) -> Tensor:
        """The normalised x; then LeakyReLU, if the slope is below 1."""
        return self._normalized(x, self.gamma, self.beta, slope)

    def _normalized(self, x: Tensor, gamma: Tensor | None, beta: Tensor | None, slope: float = 1.0) -> Tensor:
        moved = not (self.training and self.buffers_frozen)
        return ops.batch_norm(
            x,
            gamma,
            beta,
            self.running_mean if moved else None,
            self.running_var if moved else None,
            training=self.training,
            momentum=self.momentum,
            eps=self.eps,
            slope=slope,
        )

    def describe_options(self) -> str:
        return f"{self.running_mean.size}{_note(self.gamma)}"


@layer(
    example("vectors", normal(4, 5), shape=5),
    example("images", normal(2, 2, 2, 3), shape=(2, 2, 3)),
    example("not affine", normal(4, 2, 5), shape=5, affine=False),
)
class LayerNorm(Affine):
    """Normalise each sample over its trailing axes of the given shape; see `rawgan.ops.layer_norm`.

    With `affine=False` there are no gamma and beta.

    Shapes: x (N, …, *shape) → the same; gamma, beta `shape`
    Source: Ba, Kiros, Hinton 2016

    >>> LayerNorm((3,))(np.ones((8, 3), "float32")).shape
    (8, 3)
    """

    def __init__(self, shape: int | tuple[int, ...], *, eps: float = 1e-5, affine: bool = True) -> None:
        numbers = shape if isinstance(shape, tuple | list) else (shape,)
        self.shape = tuple(whole("LayerNorm", "shape", n, 1) for n in numbers)
        self._begin_scales(self.shape, affine)
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        if self.gamma is None and np.shape(x)[-len(self.shape) :] != self.shape:
            raise ShapeError(f"LayerNorm: x must have trailing axes {self.shape}\n{shapes(x=x)}")
        axis = tuple(range(-len(self.shape), 0)) if self.gamma is None else None
        return ops.layer_norm(x, self.gamma, self.beta, axis=axis, eps=self.eps)

    def describe_options(self) -> str:
        return f"{', '.join(str(n) for n in self.shape)}{_note(self.gamma)}"


@layer(
    example("images", normal(2, 3, 2, 2), channels=2),
    example("sequences, not affine", normal(2, 4, 2), channels=2, affine=False),
)
class InstanceNorm(Affine):
    """Normalise each channel of each image over its pixels; see `rawgan.ops.instance_norm`.

    With `affine=False` there are no gamma and beta.

    Shapes: x (N, …, C), such as images (N, H, W, C) → the same; gamma, beta (C,)
    Source: Ulyanov, Vedaldi, Lempitsky 2016

    >>> InstanceNorm(3)(np.ones((2, 4, 4, 3), "float32")).shape
    (2, 4, 4, 3)
    """

    def __init__(self, channels: int, *, eps: float = 1e-5, affine: bool = True) -> None:
        self.channels = whole("InstanceNorm", "channels", channels, 1)
        self._begin_scales((self.channels,), affine)
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return ops.instance_norm(x, self.gamma, self.beta, eps=self.eps)

    def describe_options(self) -> str:
        return f"{self.channels}{_note(self.gamma)}"


@layer(
    example("images", normal(2, 2, 3, 6), groups=3, channels=6),
    example("vectors, not affine", normal(3, 4), groups=2, channels=4, affine=False),
)
class GroupNorm(Affine):
    """Normalise each group of neighbouring channels of each image; see `rawgan.ops.group_norm`.

    It does not depend on the batch, which may be of any size. With `affine=False` there are no gamma and beta.

    Shapes: x (N, …, C), such as images (N, H, W, C) → the same; gamma, beta (C,)
    Raises: ArgumentError unless `groups` divides `channels`
    Source: Wu and He 2018

    >>> GroupNorm(2, 4)(np.ones((2, 8, 8, 4), "float32")).shape
    (2, 8, 8, 4)
    """

    applies_slope = True

    def __init__(self, groups: int, channels: int, *, eps: float = 1e-5, affine: bool = True) -> None:
        self.groups = whole("GroupNorm", "groups", groups, 1)
        self.channels = whole("GroupNorm", "channels", channels, 1)
        if channels % groups:
            raise ArgumentError(
                f"GroupNorm: groups must divide channels, but channels is {channels} and groups {groups}"
            )
        self._begin_scales((self.channels,), affine)
        self.eps = eps

    def forward(self, x: Tensor, slope: float = 1.0) -> Tensor:
        """The normalised x; then LeakyReLU, if the slope is below 1."""
        return ops.group_norm(x, self.groups, self.gamma, self.beta, eps=self.eps, slope=slope)

    def describe_options(self) -> str:
        return f"{self.channels} in {self.groups}{_note(self.gamma)}"


def _note(gamma: Tensor | None) -> str:
    """Remark for `describe_options` if there are no gamma and beta."""
    return ", not affine" if gamma is None else ""
