"""Spectral normalisation of a layer's weights."""

from typing import Any

import numpy as np

import rawgan_kernels as kernels
from rawgan import ops
from rawgan.autograd import Gradients, Op, grad, is_recording
from rawgan.autograd.checks import check_writable
from rawgan.nn.base.module import Buffer, Module
from rawgan.nn.conv import Conv2d
from rawgan.nn.linear import Embedding, Linear
from rawgan.nn.registry import example, layer
from rawgan.nn.reparametrization import Reparametrized, power_of_two
from rawgan.ops.arguments import checked_generator
from rawgan.ops.reduce import unbroadcast
from rawgan.ops.registry import constant, normal
from rawgan.tensor import Tensor
from rawgan_kernels import array_module

TINY = 1e-12
"""Weights that are all smaller are left as they are: divided by their largest singular value, they would be noise."""


class OverSigma(Op):
    """y = m / σ, with one step of power iteration from a constant column c.

    v = m c;  r = vᵀ / ‖v‖;  u = r m;  σ = ‖u‖

    Differentiated as a whole, the step of the iteration included: exact however far u is from where it goes.

    Shapes:   m (rows, outputs), c (outputs, 1) → y (rows, outputs); v (rows, 1), r (1, rows), u (1, outputs)
    Backward: gm = gy / σ + rᵀ gu + gv cᵀ, with the derivatives gu and gv of σ by the rules of its parts
    """

    keeps_output = True

    def __init__(self, column: Any, extra: Any) -> None:
        self.column, self.extra = column, extra

    def forward(self, m: Any) -> Any:
        """m / σ; `extra` is added under both roots."""
        xp = array_module(m)
        self.v = kernels.matmul(m, self.column)
        self.length = xp.sqrt((self.v * self.v).sum(axis=(0, 1)) + self.extra)
        self.row = (self.v / self.length).reshape(1, -1)
        self.u = kernels.matmul(self.row, m)
        self.sigma = xp.sqrt((self.u * self.u).sum(axis=(0, 1)) + self.extra)
        return m / self.sigma

    def backward(self, gy: Tensor) -> Gradients:
        (m,) = self.inputs
        if is_recording():
            return tuple(grad(self.by_parts(m), [m], [gy], create_graph=True))
        sigma, y, v = self.sigma, self.output._array, self.v
        gm = gy._array / sigma
        g_sigma = _total(-gm * y)
        gu = g_sigma / (2 * sigma) * self.u
        gu = gu + gu
        gm = gm + kernels.matmul(self.row.T, gu)
        gv = kernels.matmul(gu, m._array.T).reshape(-1, 1) / self.length
        g_length = _total(-gv * (v / self.length))
        more = g_length / (2 * self.length) * v
        return (Tensor.wrap(gm + kernels.matmul(gv + more + more, self.column.T)),)

    def by_parts(self, m: Tensor) -> Tensor:
        """The same of other ops, for second derivatives: bit-identical, and many times slower."""
        extra = Tensor.wrap(array_module(m._array).asarray(self.extra))
        v = ops.matmul(m, Tensor.wrap(self.column))
        row = ops.reshape(v / ops.sqrt(ops.sum(v * v) + extra), (1, -1))
        u = ops.matmul(row, m)
        return m / ops.sqrt(ops.sum(u * u) + extra)


def _total(x: Any) -> Any:
    """Sum of all numbers, with the roundings of the gradient of a division."""
    return unbroadcast(Tensor.wrap(x), ())._array


@layer(
    example("of Linear", normal(4, 3), make=lambda rng: SpectralNorm(Linear(3, 2, rng=rng), rng=rng)),
    example("of Conv2d", normal(2, 3, 3, 2), make=lambda rng: SpectralNorm(Conv2d(2, 3, 2, rng=rng), rng=rng)),
    example(
        "of Embedding",
        constant([3, 0, 3]),
        make=lambda rng: SpectralNorm(Embedding(4, 3, rng=rng), axis=0, rng=rng),
    ),
)
class SpectralNorm(Reparametrized):
    """A layer whose weights are divided by their largest singular value σ, so that it stretches nothing.

    σ is estimated by one step of power iteration in each forward pass; in training, the next pass starts from the
    resulting vector u. A kernel of a convolution counts as the matrix (all axes but `axis`, `axis`). Weights all
    smaller than 1e-12, such as those that begin at zero, stay as they are: there σ counts as 1.

    Any layer with a parameter `name` can be inside: see `rawgan.nn.reparametrization`. axis −1 counts the outputs of
    Linear and Conv2d, and the inputs of ConvTranspose2d, whose outputs are axis −2.

    Shapes: as the layer; u (length of `axis`,)
    Source: Miyato et al. 2018

    >>> from rawgan import nn
    >>> rng = np.random.default_rng(0)
    >>> SpectralNorm(nn.Linear(3, 2, rng=rng), rng=rng)(np.ones((5, 3), "float32")).shape
    (5, 2)
    """

    applies_slope = True

    def __init__(self, layer: Module, *, rng: np.random.Generator, name: str = "w", axis: int = -1) -> None:
        super().__init__(layer, name=name, axis=axis)
        start = checked_generator("SpectralNorm", rng).normal(size=self.parameter.shape[self.axis])
        self.u = Buffer((start / np.linalg.norm(start)).astype(np.float32))

    def weight(self) -> Tensor:
        """The weights divided by σ, by one step of power iteration."""
        last = self.parameter.ndim - 1
        if self.axis == last:
            return self._normalized(self.parameter)
        order = tuple(axis for axis in range(last + 1) if axis != self.axis)
        back = tuple(sorted(range(last + 1), key=(*order, self.axis).__getitem__))
        return ops.transpose(self._normalized(ops.transpose(self.parameter, (*order, self.axis))), back)

    def _normalized(self, w: Tensor) -> Tensor:
        """w / σ, whose last axis counts the outputs."""
        xp = array_module(w._array)
        sizes = xp.abs(w._array).reshape(-1)
        at = sizes.argmax()
        largest = sizes[at]
        # w / σ is the same for all multiples of w, so a constant factor leaves value and derivatives as they are.
        tiny = largest < TINY
        matrix = ops.reshape(w / Tensor.wrap(xp.asarray(power_of_two(largest, tiny), w.dtype)), (-1, w.shape[-1]))
        column = self._start(matrix._array, at // w.shape[-1])
        # One more under the roots of weights that are all but zero makes their σ 1.
        step = OverSigma(column, xp.asarray(tiny, w.dtype))
        y = step(matrix)
        if self.training and not self.buffers_frozen:
            check_writable("SpectralNorm", u=self.u)
            self.u[...] = xp.where(tiny, self.u._array, (step.u / step.sigma).reshape(-1))
        return ops.reshape(y, w.shape)

    def _start(self, matrix: Any, widest: Any) -> Any:
        """Start of the iteration: u, or the row with the largest weight if the matrix maps u to mere rounding errors.

        Shapes: matrix (rows, outputs) → (outputs, 1)
        """
        xp, u, flat = array_module(matrix), self.u._array, matrix.reshape(-1)
        seen = matrix @ u  # (rows, outputs) @ (outputs,)
        lost = seen @ seen <= xp.finfo(matrix.dtype).eps * (flat @ flat) * (u @ u)
        return xp.where(lost, matrix[widest], u).reshape(-1, 1)
