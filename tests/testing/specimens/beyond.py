"""Wrong specimens that no check can catch, because it makes no call that shows the fault.

Where other inputs or an option of the check would show it, a specimen of the other modules does so.
"""

import numpy as np

from rawgan import Op, Tensor, nn, ops
from specimens.items import BEYOND, function, layer, normal, op
from specimens.kernels import kernel, reference
from specimens.wrong_layers import X, norm, scale


def double(self, x):
    return 2 * x


class Fourth(Op):
    """x⁴, whose third derivative is wrong."""

    def forward(self, x):
        return x**4

    def backward(self, gy):
        return (Slope()(self.inputs[0], gy),)


class Slope(Op):
    def forward(self, x, gy):
        return 4 * x**3 * gy

    def backward(self, ggx):
        x, gy = self.inputs
        return 12 * ggx * (x * x).detach() * gy, 4 * ggx * x**3


class NumbersAsWeights(nn.Module):
    def __init__(self):
        self.w = np.full(3, 0.3, "f")

    def forward(self, x):
        return x * Tensor(self.w.astype(x.dtype))


class BufferAsWeights(nn.Module):
    def __init__(self):
        self.w = nn.Buffer(np.full(3, 0.3, "f"))

    def forward(self, x):
        return x * self.w


def swap(self, mean, var):
    if not self.buffers_frozen:
        self.mean.data = 0.9 * self.mean.data + 0.1 * var.data
        self.var.data = 0.9 * self.var.data + 0.1 * mean.data**2


def beyond(name, fn, *inputs, **options):
    function(BEYOND, name, fn, *inputs, **options)


beyond(
    "wrong for an odd number of columns: no such shape is given",
    op(double, lambda self, gy: ((2 if gy.shape[1] % 2 == 0 else 3) * gy,)),
    normal(4, 4),
)
beyond(
    "wrong for one number: it is not among the inputs",
    op(double, lambda self, gy: ((2 + Tensor((self.inputs[0].data == 0.125).astype(gy.dtype))) * gy,)),
    X,
)
beyond(
    "overflows at 800: no such number is given",
    op(lambda self, x: np.log1p(np.exp(x)), lambda self, gy: (gy * ops.sigmoid(self.inputs[0]),)),
    X,
)
beyond(
    "a slope of 5 at a kink: no number is there",
    op(
        lambda self, x: np.maximum(x, 0),
        lambda self, gy: (gy * Tensor((self.inputs[0].data > 0) + 5.0 * (self.inputs[0].data == 0)).astype(gy.dtype),),
    ),
    X,
)
beyond("wrong at order 3: order 2 is asked for", Fourth, X)
beyond("off by 1e-7 of itself: rtol is 1e-6", op(double, lambda self, gy: (2.0000002 * gy,)), X)
beyond(
    "off by 1e-6 at float32 only: its rounding is 2e-5",
    op(double, lambda self, gy: ((2.000002 if gy.dtype == np.float32 else 2.0) * gy,)),
    X,
)
layer(BEYOND, "weights in a NumPy array: it may be a constant", NumbersAsWeights, X)
layer(BEYOND, "weights in a Buffer: it may be a constant", BufferAsWeights, X)
layer(BEYOND, "the running mean and variance swapped: nothing says which is which", lambda: norm(update=swap)(), X)
layer(
    BEYOND,
    "no gradient from the 1000th call on: 50 are made",
    scale(lambda self, x: x * (self.w if _count(self) < 1000 else self.w.detach())),
    X,
)
kernel(
    BEYOND,
    "kernel: wrong for a length of 8: it has another",
    "tanh",
    lambda x: reference.tanh(x) * x.dtype.type(2 if x.size % 8 == 0 else 1),
    X,
)
kernel(BEYOND, "kernel: NaN becomes 0: there is none", "tanh", lambda x: np.nan_to_num(reference.tanh(x)), X)


def _count(module):
    module.calls += 1
    return module.calls
