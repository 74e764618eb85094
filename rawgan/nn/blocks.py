"""Modules made of modules, and layers that keep a discriminator in bounds."""

from typing import Any

import numpy as np

from rawgan import ops
from rawgan.autograd.checks import check_writable
from rawgan.errors import ArgumentError, ShapeError, shapes
from rawgan.nn.layers import Conv2d, ConvTranspose2d, Linear, Sequential
from rawgan.nn.module import Buffer, Module, check_modules
from rawgan.ops._arguments import checked_generator, whole
from rawgan.tensor import Tensor
from rawgan_kernels import array_module

TINY = 1e-12
"""Weights all smaller than that have no direction that their largest singular value could be divided out of."""


class Residual(Module):
    """y = main(x) + shortcut(x); without a shortcut, x itself.

    Shapes: main and shortcut make the same of x
    Source: He et al. 2016

    >>> from rawgan import nn
    >>> Residual(nn.Sequential(nn.ReLU()))(np.array([[-1.0, 2.0]]))
    Tensor([[-1., 4.]], float64)
    """

    def __init__(self, main: Sequential, shortcut: Sequential | None = None) -> None:
        check_modules("Residual", "layer", [main] if shortcut is None else [main, shortcut])
        self.main, self.shortcut = main, shortcut

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return self.joined([self.main(x), x if self.shortcut is None else self.shortcut(x)])

    def joined(self, made: list[Tensor]) -> Tensor:
        """The sum of what the two make. Raises: ShapeError if that is not of one shape."""
        main, shortcut = made
        if main.shape != shortcut.shape:
            listing = shapes(main=main, shortcut=shortcut)
            raise ShapeError(f"Residual: main and shortcut must make the same shape\n{listing}")
        return main + shortcut


class Branches(Module):
    """What each of some layers makes of the same x, side by side along the last axis.

    Shapes: x, as the layers take it → (N, …, sum of what they make)

    >>> from rawgan import nn
    >>> Branches(nn.ReLU(), nn.LeakyReLU(0.5))(np.array([[1.0, -2.0]]))
    Tensor([[ 1.,  0.,  1., -1.]], float64)
    """

    def __init__(self, *branches: Module) -> None:
        check_modules("Branches", "layer", branches)
        if not branches:
            raise ArgumentError("Branches: there are no layers; give at least one")
        self.branches = branches

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return self.joined([branch(x) for branch in self.branches])

    def joined(self, made: list[Tensor]) -> Tensor:
        """What they make, side by side."""
        return ops.concatenate(made, axis=made[0].ndim - 1)

    def describe_options(self) -> str:
        """Every branch."""
        return ", ".join(f"{type(each).__name__}({each.describe_options()})" for each in self.branches)


class SpectralNorm(Module):
    """A layer whose weights are divided by their largest singular value σ, so that it stretches nothing.

    σ is estimated by a step of power iteration in each forward pass; in training, the vector that it comes to is kept,
    for the next one to start from.
    A kernel of a convolution counts as the matrix (all axes but the outputs, outputs). Weights all smaller than 1e-12,
    such as those that begin at zero, stay as they are: there σ counts as 1.

    Shapes: as the layer; u (outputs,)
    Source: Miyato et al. 2018

    >>> from rawgan import nn
    >>> rng = np.random.default_rng(0)
    >>> SpectralNorm(nn.Linear(3, 2, rng=rng), rng=rng)(np.ones((5, 3), "float32")).shape
    (5, 2)
    """

    applies_slope = True

    def __init__(self, layer: Linear | Conv2d | ConvTranspose2d, *, rng: np.random.Generator) -> None:
        if not isinstance(layer, Linear | Conv2d | ConvTranspose2d):
            raise ArgumentError(
                f"SpectralNorm: layer must be Linear, Conv2d or ConvTranspose2d, not {type(layer).__name__}"
            )
        if type(layer).forward not in (Linear.forward, Conv2d.forward, ConvTranspose2d.forward):
            raise ArgumentError(
                f"SpectralNorm: {type(layer).__name__} has a forward of its own, which would not be called\n"
                f"  put SpectralNorm around a plain {_plain(layer)}, and what is added to it into a layer of its own"
            )
        self.layer = layer
        start = checked_generator("SpectralNorm", rng).normal(size=layer.w.shape[-1])
        self.u = Buffer((start / np.linalg.norm(start)).astype(np.float32))

    def forward(self, x: Tensor, slope: float = 1.0) -> Tensor:
        """See the class; then LeakyReLU, if the slope is below 1."""
        return self.layer._with_weight(x, self.normalized(), slope)

    def normalized(self) -> Tensor:
        """The weights divided by σ, by one step of power iteration."""
        w = self.layer.w
        xp = array_module(w._array)
        sizes = xp.abs(w._array).reshape(-1)
        at = sizes.argmax()
        largest = sizes[at]
        # w / σ is the same for all multiples of w, so a constant factor leaves value and derivatives as they are. With
        # the largest weight near 1, no square overflows or vanishes; a power of two changes no digit.
        tiny = largest < TINY
        unit = xp.exp2(xp.floor(xp.log2(xp.where(tiny, 1, largest))))
        matrix = ops.reshape(w / Tensor.wrap(xp.asarray(unit, w.dtype)), (-1, w.shape[-1]))
        column = self._start(matrix._array, at // w.shape[-1])
        # Differentiated as a whole, the step of the iteration included: exact however far u is from where it goes.
        # One more under the roots of weights that are all but zero makes their σ 1.
        extra = Tensor.wrap(xp.asarray(tiny, w.dtype))
        v = ops.matmul(matrix, Tensor.wrap(column))  # (rows, outputs) @ (outputs, 1)
        row = ops.reshape(v / ops.sqrt(ops.sum(v * v) + extra), (1, -1))
        u = ops.matmul(row, matrix)  # (1, rows) @ (rows, outputs)
        sigma = ops.sqrt(ops.sum(u * u) + extra)
        if self.training and not self.buffers_frozen:
            check_writable("SpectralNorm", u=self.u)
            self.u[...] = xp.where(tiny, self.u._array, (u._array / sigma._array).reshape(-1))
        return ops.reshape(matrix / sigma, w.shape)

    def _start(self, matrix: Any, widest: Any) -> Any:
        """Where the iteration starts: from u; or, if the matrix makes nothing of that but rounding errors, from its row
        with the largest weight. Shapes: matrix (rows, outputs) → (outputs, 1)"""
        xp, u, flat = array_module(matrix), self.u._array, matrix.reshape(-1)
        seen = matrix @ u  # (rows, outputs) @ (outputs,)
        lost = seen @ seen <= xp.finfo(matrix.dtype).eps * (flat @ flat) * (u @ u)
        return xp.where(lost, matrix[widest], u).reshape(-1, 1)

    def describe_options(self) -> str:
        """The layer."""
        return f"{type(self.layer).__name__}({self.layer.describe_options()})"


class MinibatchStd(Module):
    """One more channel: how much images differ within a group of the batch, so that D sees when all are alike.

    For each group of `group` images, the standard deviation of every number over the group, averaged to one.

    Shapes: x (N, H, W, C) → (N, H, W, C + 1); N a multiple of the group, or smaller
    Raises: ShapeError if it is neither
    Source: Karras et al. 2018

    >>> MinibatchStd(2)(np.ones((4, 2, 2, 3), "float32")).shape
    (4, 2, 2, 4)
    """

    compares_samples = True

    def __init__(self, group: int = 4) -> None:
        self.group = whole("MinibatchStd", "group", group, 2)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        if x is None or x.ndim != 4 or (len(x) > self.group and len(x) % self.group):
            raise ShapeError(f"MinibatchStd: x must be (N, H, W, C), N a multiple of {self.group}\n{shapes(x=x)}")
        n, height, width, channels = x.shape
        size = min(self.group, n)
        groups = ops.reshape(x, (n // size, size, height, width, channels))
        away = groups - ops.mean(groups, axis=1, keepdims=True)
        deviations = ops.sqrt(ops.mean(away * away, axis=1) + 1e-8)
        one = ops.mean(deviations, axis=(1, 2, 3), keepdims=True)  # (N / group, 1, 1, 1)
        each = ops.broadcast_to(ops.reshape(one, (n // size, 1, 1, 1, 1)), (n // size, size, height, width, 1))
        return ops.concatenate([x, ops.reshape(each, (n, height, width, 1))], axis=3)

    def describe_options(self) -> str:
        """Group."""
        return f"{self.group}"


def _plain(layer: Linear | Conv2d | ConvTranspose2d) -> str:
    """The name of the layer that this one is derived from."""
    return next(each.__name__ for each in (Linear, Conv2d, ConvTranspose2d) if isinstance(layer, each))
