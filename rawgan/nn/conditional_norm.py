"""Normalisation whose scales and shifts depend on a class, or on a style."""

from typing import Any, cast

import numpy as np

from rawgan import ops
from rawgan.arrays import plain
from rawgan.errors import DTypeError, ShapeError, described, shapes
from rawgan.nn.base.module import Module, Parameter
from rawgan.nn.linear import Linear
from rawgan.nn.norm import BatchNorm
from rawgan.nn.registry import example, layer
from rawgan.ops.arguments import checked_generator, is_whole, whole
from rawgan.ops.registry import constant, normal
from rawgan.ops.taking import numbers_of
from rawgan.tensor import Tensor


@layer(
    example("images", normal(3, 2, 2, 2), constant([2, 0, 2]), channels=2, classes=3),
    example("vectors", normal(4, 3), constant([1, 0, 1, 1]), channels=3, classes=2),
)
class ConditionalBatchNorm(BatchNorm):
    """Batch norm with a gamma and a beta for each class: y = gamma[label] · x̂ + beta[label].

    All classes share the statistics.

    Shapes: x (N, …, C), labels (N,) integers → as x; gamma, beta (classes, C); running_mean, running_var (C,)
    Source: Dumoulin, Shlens, Kudlur 2017; de Vries et al. 2017

    >>> layer = ConditionalBatchNorm(3, classes=10)
    >>> layer(np.ones((2, 4, 4, 3), "float32"), np.array([7, 1])).shape
    (2, 4, 4, 3)
    """

    def __init__(self, channels: int, classes: int, *, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__(channels, momentum=momentum, eps=eps, affine=False)
        self.classes = whole("ConditionalBatchNorm", "classes", classes, 1)
        shape = self.classes, self.running_mean.size
        self.gamma = Parameter(np.ones(shape, np.float32))
        self.beta = Parameter(np.zeros(shape, np.float32))

    def as_input(self, x: Any) -> Any:
        """Convert an input to what forward takes; integers in a list are labels."""
        labels = isinstance(x, list | tuple) and all(map(is_whole, x))
        return plain(x, "ConditionalBatchNorm: labels") if labels else super().as_input(x)

    def forward(self, x: Tensor, labels: Any) -> Tensor:  # type: ignore[override]  # one input more
        """The normalised x, scaled and shifted as the label of each sample says."""
        _check_floats("ConditionalBatchNorm", x=x)
        if isinstance(labels, Tensor):
            raise DTypeError(
                f"ConditionalBatchNorm: labels must be integers, but are {labels.dtype}\n"
                f"{shapes(x=x, labels=labels)}   give an array of integers: np.array([0, 1])"
            )
        # Labels out of range are refused here, before the statistics move.
        labels = numbers_of("ConditionalBatchNorm: labels", cast(Tensor, self.gamma), 0, labels, from_end=False)
        if labels.shape != x.shape[:1]:
            raise ShapeError(f"ConditionalBatchNorm: each sample needs one label\n{shapes(x=x, labels=labels)}")
        gamma, beta = ops.take(self.gamma, labels), ops.take(self.beta, labels)
        return _scaled(self._normalized(x, None, None), gamma, beta)

    def describe_options(self) -> str:
        return f"{self.running_mean.size}, {self.classes} classes"


@layer(
    example("images", normal(2, 2, 3, 2), normal(2, 3), make=lambda rng: AdaIN(2, 3, rng=rng)),
)
class AdaIN(Module):
    """Adaptive instance norm: the style says how the normalised channels of its image are scaled and shifted.

    y = (1 + scale) · x̂ + shift, with scale and shift = a linear layer of the style, side by side. For a style's own
    mean and deviation, as in style transfer, write `ops.instance_norm(x) * deviation + mean`.

    Shapes: x (N, …, C), style (N, style) → as x; style.w (style, 2·C), style.b (2·C,)
    Source: Huang and Belongie 2017; Karras, Laine, Aila 2019

    >>> layer = AdaIN(3, style=8, rng=np.random.default_rng(0))
    >>> layer(np.ones((2, 4, 4, 3), "float32"), np.ones((2, 8), "float32")).shape
    (2, 4, 4, 3)
    """

    def __init__(self, channels: int, style: int, *, rng: np.random.Generator, eps: float = 1e-5) -> None:
        self.channels = whole("AdaIN", "channels", channels, 1)
        style, rng = whole("AdaIN", "style", style, 1), checked_generator("AdaIN", rng)
        self.style = Linear(style, 2 * self.channels, rng=rng)
        self.eps = eps

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """The normalised x, scaled and shifted as the style of each sample says."""
        _check_floats("AdaIN", x=x, style=style)
        if style.shape != (*x.shape[:1], self.style.w.shape[0]):
            raise ShapeError(
                f"AdaIN: each sample needs a style of {self.style.w.shape[0]} numbers\n{shapes(x=x, style=style)}"
            )
        normalized = ops.instance_norm(x, eps=self.eps)
        made = self.style(style)  # (N, 2·C)
        return _scaled(normalized, 1 + made[:, : self.channels], made[:, self.channels :])

    def describe_options(self) -> str:
        return f"{self.channels}, style {self.style.w.shape[0]}"


def _check_floats(layer: str, **inputs: Any) -> None:
    """Raise a DTypeError unless all are Tensors."""
    for name, x in inputs.items():
        if not isinstance(x, Tensor):
            raise DTypeError(f"{layer}: {name} must be a Tensor of floats, but is {described(x)}")


def _scaled(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    """x (N, …, C) times gamma plus beta, both (N, C)."""
    shape = x.shape[0], *(1,) * (x.ndim - 2), x.shape[-1]
    return x * ops.reshape(gamma, shape) + ops.reshape(beta, shape)
