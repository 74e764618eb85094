"""Activations, and the binary cross-entropy of logits."""
# mypy: disable-error-code="empty-body"

import numpy as np

from rawgan_kernels.arrays import Array
from rawgan_kernels.dispatch import kernel


@kernel(flops=lambda x, slope: x.size, nbytes=lambda x, slope: 2 * x.nbytes)
def leaky_relu(x: Array, slope: float, /) -> Array:
    """y = x where x > 0, slope · x elsewhere. NaN stays NaN, and with a slope of 0, −∞ gives 0.

    Shapes: x any → y as x
    Source: Maas, Hannun, Ng 2013

    >>> leaky_relu(np.array([-1.0, 2.0]), 0.25)
    array([-0.25,  2.  ])
    """


@kernel(flops=lambda y, gy, slope: y.size, nbytes=lambda y, gy, slope: 3 * y.nbytes)
def leaky_relu_grad(y: Array, gy: Array, slope: float, /) -> Array:
    """gx = gy where y > 0, slope · gy elsewhere. With a slope of 0 that is 0, even where gy is infinite.

    y is the output of leaky_relu or its input: both are positive in the same places.

    Shapes: y any, gy as y → gx as y

    >>> leaky_relu_grad(np.array([-1.0, 2.0]), np.array([8.0, 8.0]), 0.25)
    array([2., 8.])
    """


@kernel(flops=lambda x: 6 * x.size, nbytes=lambda x: 2 * x.nbytes)
def tanh(x: Array, /) -> Array:
    """y = tanh x.

    Shapes: x any → y as x

    >>> tanh(np.array([0.0, 40.0]))
    array([0., 1.])
    """


@kernel(flops=lambda y, gy: 4 * y.size, nbytes=lambda y, gy: 3 * y.nbytes)
def tanh_grad(y: Array, gy: Array, /) -> Array:
    """gx = gy · (1 − y²), where y = tanh x.

    Shapes: y any, gy as y → gx as y

    >>> tanh_grad(np.array([0.5]), np.array([4.0]))
    array([3.])
    """


@kernel(flops=lambda x: 4 * x.size, nbytes=lambda x: 2 * x.nbytes)
def sigmoid(x: Array, /) -> Array:
    """y = 1 / (1 + e^−x).

    Shapes: x any → y as x

    >>> sigmoid(np.array([0.0]))
    array([0.5])
    """


@kernel(flops=lambda x: 5 * x.size, nbytes=lambda x: 2 * x.nbytes)
def softplus(x: Array, /) -> Array:
    """y = log(1 + e^x).

    Shapes: x any → y as x

    >>> softplus(np.array([-800.0, 800.0]))
    array([  0., 800.])
    """


@kernel(flops=lambda x: 5 * x.size, nbytes=lambda x: 2 * x.nbytes)
def silu(x: Array, /) -> Array:
    """y = x · σ(x), with σ(x) = sigmoid(x).

    Shapes: x any → y as x
    Source: Elfwing, Uchibe, Doya 2018

    >>> silu(np.array([-800.0, 0.0, 800.0]))
    array([ -0.,   0., 800.])
    """


@kernel(flops=lambda x, gy: 9 * x.size, nbytes=lambda x, gy: 3 * x.nbytes)
def silu_grad(x: Array, gy: Array, /) -> Array:
    """gx = gy · σ(x) · (1 + x · σ(−x)), the gradient of silu with respect to x.

    Shapes: x any, gy as x → gx as x

    >>> silu_grad(np.array([0.0, 800.0]), np.array([4.0, 4.0]))
    array([2., 4.])
    """


@kernel(flops=lambda x, alpha: 4 * x.size, nbytes=lambda x, alpha: 2 * x.nbytes)
def elu(x: Array, alpha: float, /) -> Array:
    """y = x where x > 0, alpha · (e^x − 1) elsewhere.

    Shapes: x any → y as x
    Source: Clevert, Unterthiner, Hochreiter 2016

    >>> elu(np.array([-800.0, 2.0]), 0.5)
    array([-0.5,  2. ])
    """


@kernel(flops=lambda x: 4 * x.size, nbytes=lambda x: 2 * x.nbytes)
def erf(x: Array, /) -> Array:
    """y = erf x = 2/√π · ∫ e^(−t²) dt, for t from 0 to x: the error function.

    Shapes: x any → y as x

    >>> erf(np.array([0.0, 40.0]))
    array([0., 1.])
    """


@kernel(flops=lambda x: 6 * x.size, nbytes=lambda x: 2 * x.nbytes)
def gelu(x: Array, /) -> Array:
    """y = x · Φ(x), where Φ(x) = (1 + erf(x / √2)) / 2 is the probability that a standard normal number is below x.

    Shapes: x any → y as x
    Source: Hendrycks, Gimpel 2016

    >>> gelu(np.array([0.0, 800.0]))
    array([  0., 800.])
    """


@kernel(flops=lambda x, gy: 12 * x.size, nbytes=lambda x, gy: 3 * x.nbytes)
def gelu_grad(x: Array, gy: Array, /) -> Array:
    """gx = gy · (Φ(x) + x · Φ'(x)), the gradient of gelu with respect to x; Φ'(x) = e^(−x²/2) / √2π.

    Shapes: x any, gy as x → gx as x

    >>> gelu_grad(np.array([0.0, 800.0]), np.array([4.0, 4.0]))
    array([2., 4.])
    """


@kernel(flops=lambda x, t: 8 * x.size, nbytes=lambda x, t: 3 * x.nbytes)
def bce_with_logits(x: Array, t: Array, /) -> Array:
    """Cross-entropy between the target probability t and σ(x) = sigmoid(x): −t · log σ(x) − (1 − t) · log(1 − σ(x)).

    Shapes: x any, t as x → y as x

    >>> bce_with_logits(np.array([-800.0, 800.0]), np.array([1.0, 1.0]))
    array([800.,   0.])
    """


@kernel(flops=lambda x, t, gy: 9 * x.size, nbytes=lambda x, t, gy: 4 * x.nbytes)
def bce_with_logits_grad(x: Array, t: Array, gy: Array, /) -> Array:
    """gx = gy · (σ(x) − t), the gradient of bce_with_logits with respect to x.

    Shapes: x any; t, gy as x → gx as x

    >>> bce_with_logits_grad(np.array([0.0]), np.array([1.0]), np.array([2.0]))
    array([-1.])
    """
