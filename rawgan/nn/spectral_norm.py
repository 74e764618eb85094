"""Spectral normalisation of a layer's weights."""

from typing import Any

import numpy as np

from rawgan import ops
from rawgan.autograd.checks import check_writable
from rawgan.errors import ArgumentError
from rawgan.nn.conv import Conv2d, ConvTranspose2d
from rawgan.nn.linear import Linear
from rawgan.nn.module import Buffer, Module
from rawgan.nn.registry import example, layer
from rawgan.ops.arguments import checked_generator
from rawgan.ops.registry import normal
from rawgan.tensor import Tensor
from rawgan_kernels import array_module

TINY = 1e-12
"""Weights that are all smaller are left as they are: divided by their largest singular value, they would be noise."""


@layer(
    example("of Linear", normal(4, 3), make=lambda rng: SpectralNorm(Linear(3, 2, rng=rng), rng=rng)),
    example("of Conv2d", normal(2, 3, 3, 2), make=lambda rng: SpectralNorm(Conv2d(2, 3, 2, rng=rng), rng=rng)),
)
class SpectralNorm(Module):
    """A layer whose weights are divided by their largest singular value σ, so that it stretches nothing.

    σ is estimated by one step of power iteration in each forward pass; in training, the next pass starts from the
    resulting vector u. A kernel of a convolution counts as the matrix (all axes but the outputs, outputs). Weights all
    smaller than 1e-12, such as those that begin at zero, stay as they are: there σ counts as 1.

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
                f"SpectralNorm: {type(layer).__name__} has its own forward, which would not be called\n"
                f"  put SpectralNorm around a plain {_plain(layer)}, and the rest of that forward into another layer"
            )
        self.layer = layer
        start = checked_generator("SpectralNorm", rng).normal(size=layer.w.shape[-1])
        self.u = Buffer((start / np.linalg.norm(start)).astype(np.float32))

    def forward(self, x: Tensor, slope: float = 1.0) -> Tensor:
        """The layer's result with normalised weights; then LeakyReLU, if the slope is below 1."""
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
        """Start of the iteration: u, or the row with the largest weight if the matrix maps u to mere rounding errors.

        Shapes: matrix (rows, outputs) → (outputs, 1)
        """
        xp, u, flat = array_module(matrix), self.u._array, matrix.reshape(-1)
        seen = matrix @ u  # (rows, outputs) @ (outputs,)
        lost = seen @ seen <= xp.finfo(matrix.dtype).eps * (flat @ flat) * (u @ u)
        return xp.where(lost, matrix[widest], u).reshape(-1, 1)

    def describe_options(self) -> str:
        return f"{type(self.layer).__name__}({self.layer.describe_options()})"


def _plain(layer: Linear | Conv2d | ConvTranspose2d) -> str:
    """Name of the layer that this one is derived from."""
    return next(each.__name__ for each in (Linear, Conv2d, ConvTranspose2d) if isinstance(layer, each))
