"""The kernels: what each of them computes, on which shapes, and at which cost.

A call such as `rawgan_kernels.conv2d(x, w, window)` runs on the backend of its first array, which may be in a list; see
`dispatch`. All arguments are positional.

Kernels do not check their arguments: the op above has done so. They keep the dtype that they are given (float32 or
float64), and do not write to their arguments, except the optimiser updates, whose purpose it is.

Beside each kernel stands its cost: `flops`, the floating-point operations of the direct algorithm, and `nbytes`, the
least number of bytes that it must read and write. Both are functions of the arguments.
"""
# mypy: disable-error-code="empty-body"

from math import prod
from typing import Any

import numpy as np

from rawgan_kernels.arrays import Array
from rawgan_kernels.dispatch import kernel
from rawgan_kernels.resampling import Map, table
from rawgan_kernels.window import Window

Arrays = list[Array]
Axes = tuple[int, ...]

# --- activations -----------------------------------------------------------------------------------------------------


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


# --- cross-entropy ---------------------------------------------------------------------------------------------------


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


# --- softmax ---------------------------------------------------------------------------------------------------------


@kernel(flops=lambda x: 5 * x.size, nbytes=lambda x: 2 * x.nbytes)
def softmax(x: Array, /) -> Array:
    """y = e^x / Σ e^x, with the sum over the last axis. A row of −∞ alone gives NaN, as 0 / 0 does.

    Shapes: x (…, K) → y as x

    >>> softmax(np.array([[0.0, 0.0], [800.0, 0.0]]))
    array([[0.5, 0.5],
           [1. , 0. ]])
    """


@kernel(flops=lambda y, gy: 4 * y.size, nbytes=lambda y, gy: 3 * y.nbytes)
def softmax_grad(y: Array, gy: Array, /) -> Array:
    """gx = y · (gy − Σ y · gy), the gradient of y = softmax(x) with respect to x.

    Shapes: y (…, K), gy as y → gx as y

    >>> softmax_grad(np.array([[0.5, 0.5]]), np.array([[4.0, 0.0]]))
    array([[ 1., -1.]])
    """


@kernel(flops=lambda x: 5 * x.size, nbytes=lambda x: 2 * x.nbytes)
def log_softmax(x: Array, /) -> Array:
    """y = log softmax(x) = x − log Σ e^x, with the sum over the last axis.

    Shapes: x (…, K) → y as x

    >>> log_softmax(np.array([[800.0, 0.0]]))
    array([[   0., -800.]])
    """


@kernel(flops=lambda y, gy: 4 * y.size, nbytes=lambda y, gy: 3 * y.nbytes)
def log_softmax_grad(y: Array, gy: Array, /) -> Array:
    """gx = gy − e^y · Σ gy, the gradient of y = log_softmax(x) with respect to x.

    Shapes: y (…, K), gy as y → gx as y

    >>> log_softmax_grad(np.array([[0.0, -800.0]]), np.array([[4.0, 2.0]]))
    array([[-2.,  2.]])
    """


@kernel(flops=lambda x: 3 * x.size, nbytes=lambda x: x.nbytes + x.nbytes // max(1, x.shape[-1]))
def logsumexp(x: Array, /) -> Array:
    """y = log Σ e^x, with the sum over the last axis; −∞ for a sum of nothing.

    Shapes: x (…, K) → y (…)

    >>> logsumexp(np.array([[800.0, -800.0], [-np.inf, -np.inf]]))
    array([800., -inf])
    """


@kernel(
    flops=lambda x, log_sum, glog_sum: 3 * x.size,
    nbytes=lambda x, log_sum, glog_sum: 2 * (x.nbytes + log_sum.nbytes),
)
def logsumexp_grad(x: Array, log_sum: Array, glog_sum: Array, /) -> Array:
    """gx = glog_sum · e^(x − log_sum), the gradient of log_sum = logsumexp(x) with respect to x.

    Shapes: x (…, K), log_sum (…), glog_sum as log_sum → gx as x

    >>> logsumexp_grad(np.array([[800.0, 0.0]]), np.array([800.0]), np.array([3.0]))
    array([[3., 0.]])
    """


# --- sums and products -----------------------------------------------------------------------------------------------


@kernel(flops=lambda a, b: a.size, nbytes=lambda a, b: 3 * a.nbytes)
def add(a: Array, b: Array, /) -> Array:
    """y = a + b.

    Shapes: a any, b as a → y as a

    >>> add(np.array([1.0]), np.array([2.0]))
    array([3.])
    """


@kernel(flops=lambda x: x.size, nbytes=lambda x: x.nbytes)
def channel_sum(x: Array, /) -> Array:
    """y[k] = Σ x[…, k]: the gradient of a bias.

    Shapes: x (…, K) → y (K,)

    >>> channel_sum(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([4., 6.])
    """


@kernel(flops=lambda x, reverse: x.size, nbytes=lambda x, reverse: 2 * x.nbytes)
def cumsum(x: Array, reverse: bool, /) -> Array:
    """y[:, i] = Σ x[:, j] over j ≤ i, or over j ≥ i if `reverse`. Summed in float64, and rounded once.

    Shapes: x (M, n, K) → y as x

    >>> cumsum(np.array([[[1.0], [2.0], [3.0]]]), True).ravel()
    array([6., 5., 3.])
    """


@kernel(flops=lambda a, b, reverse: 2 * a.size, nbytes=lambda a, b, reverse: 3 * a.nbytes)
def scan(a: Array, b: Array, reverse: bool, /) -> Array:
    """A linear recurrence: y[:, i] = a[:, i] · y[:, i−1] + b[:, i], starting with y[:, 0] = b[:, 0].

    If `reverse`, it is the transpose of that map from b to y: y[:, i] = a[:, i+1] · y[:, i+1] + b[:, i], from the other
    end. a[:, 0] is never used. Computed in float64, on a GPU in pairs of float32, and rounded once.

    Shapes: a (M, n, K), b as a → y as a
    Source: Blelloch 1990

    >>> a, b = np.array([[[9.0], [2.0], [3.0]]]), np.array([[[1.0], [0.0], [1.0]]])
    >>> scan(a, b, False).ravel(), scan(a, b, True).ravel()
    (array([1., 2., 7.]), array([7., 3., 1.]))
    """


def _product_shape(a: Array, b: Array) -> tuple[int, ...]:
    return (*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1])


@kernel(
    flops=lambda a, b: 2 * prod(_product_shape(a, b)) * a.shape[-1],
    nbytes=lambda a, b: a.nbytes + b.nbytes + prod(_product_shape(a, b)) * a.itemsize,
)
def matmul(a: Array, b: Array, /) -> Array:
    """y = a @ b over the last two axes; the axes in front broadcast.

    Shapes: a (…, M, K), b (…, K, N) → y (…, M, N)

    >>> matmul(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]))
    array([[11.]])
    """


# --- the conv triple -------------------------------------------------------------------------------------------------


@kernel(
    flops=lambda x, w, window, b, slope: 2 * len(x) * prod(window.output) * w.size,
    nbytes=lambda x, w, window, b, slope: x.nbytes + w.nbytes + len(x) * prod(window.output) * w.shape[3] * x.itemsize,
)
def conv2d(x: Array, w: Array, window: Window, b: Array | None = None, slope: float = 1.0, /) -> Array:
    """y = leaky_relu(x ∗ w + b): each output pixel is the product of one window of x with w.

    A slope of 1 means no activation. In G groups, each group of C/G channels of x gives K/G channels of y.

    Shapes: x (N, H, W, C), w (A, B, C/G, K), b (K,) → y (N, I, J, K)

    >>> conv2d(np.ones((1, 4, 4, 1)), np.ones((2, 2, 1, 1)), Window((4, 4), (2, 2), (2, 2)))[0, :, :, 0]
    array([[4., 4.],
           [4., 4.]])
    """


@kernel(
    flops=lambda gy, w, window, b, slope: 2 * prod(gy.shape[:3]) * w.size,
    nbytes=lambda gy, w, window, b, slope: (
        gy.nbytes + w.nbytes + len(gy) * prod(window.size) * w.shape[2] * window.groups * gy.itemsize
    ),
)
def conv2d_input_grad(gy: Array, w: Array, window: Window, b: Array | None = None, slope: float = 1.0, /) -> Array:
    """Gradient of conv2d with respect to x; with b and slope, a layer of transposed convolution.

    Shapes: gy (N, I, J, K), w (A, B, C/G, K), b (C,) → gx (N, H, W, C)

    >>> conv2d_input_grad(np.ones((1, 1, 1, 1)), np.ones((2, 2, 1, 1)), Window((2, 2), (2, 2)))[0, :, :, 0]
    array([[1., 1.],
           [1., 1.]])
    """


@kernel(
    flops=lambda x, gy, window: 2 * gy.size * prod(window.kernel) * x.shape[3] // window.groups,
    nbytes=lambda x, gy, window: (
        x.nbytes + gy.nbytes + prod(window.kernel) * x.shape[3] // window.groups * gy.shape[3] * x.itemsize
    ),
)
def conv2d_weight_grad(x: Array, gy: Array, window: Window, /) -> Array:
    """Gradient of conv2d with respect to w.

    Shapes: x (N, H, W, C), gy (N, I, J, K) → gw (A, B, C/G, K)

    >>> conv2d_weight_grad(np.ones((1, 4, 4, 1)), np.ones((1, 3, 3, 1)), Window((4, 4), (2, 2)))[:, :, 0, 0]
    array([[9., 9.],
           [9., 9.]])
    """


# --- attention -------------------------------------------------------------------------------------------------------


def _scores(q: Array, k: Array) -> int:
    return q.size // max(q.shape[-1], 1) * k.shape[-2]


@kernel(
    flops=lambda q, k, v, scale: 2 * _scores(q, k) * (q.shape[-1] + v.shape[-1] + 4),
    nbytes=lambda q, k, v, scale: q.nbytes + k.nbytes + v.nbytes + prod(q.shape[:-1]) * (v.shape[-1] + 1) * q.itemsize,
)
def attention(q: Array, k: Array, v: Array, scale: float, /) -> tuple[Array, Array]:
    """y = softmax(s) @ v with the scores s = scale · q @ kᵀ, and lse = log Σ exp s over the keys.

    The scores are never in memory as a whole, only block by block.

    Shapes: q (…, L, D), k (…, S, D), v (…, S, E), S ≥ 1, the same axes in front → y (…, L, E); lse (…, L)
    Source: Vaswani et al. 2017; Milakov, Gimelshein 2018; Dao et al. 2022

    >>> attention(np.zeros((1, 1)), np.ones((2, 1)), np.array([[1.0], [3.0]]), 1.0)
    (array([[2.]]), array([0.69314718]))
    """


@kernel(
    flops=lambda q, k, v, y, lse, gy, scale: 2 * _scores(q, k) * (3 * q.shape[-1] + 2 * v.shape[-1] + 4),
    nbytes=lambda q, k, v, y, lse, gy, scale: (
        2 * (q.nbytes + k.nbytes + v.nbytes + y.nbytes) + lse.nbytes  # gradients are as large as their arrays
    ),
)
def attention_grad(
    q: Array, k: Array, v: Array, y: Array, lse: Array, gy: Array, scale: float, /
) -> tuple[Array, Array, Array]:
    """Gradients of attention with respect to q, k and v, from its results y and lse.

    With the weights p = exp(s − lse), which are computed again block by block:
    gv = pᵀ @ gy;  gs = p · (gy @ vᵀ − Σ gy · y);  gq = scale · gs @ k;  gk = scale · gsᵀ @ q.

    Shapes: q (…, L, D), k (…, S, D), v (…, S, E), y, gy (…, L, E), lse (…, L) → gq as q, gk as k, gv as v

    >>> q, k, v = np.zeros((1, 1)), np.array([[1.0], [-1.0]]), np.array([[1.0], [3.0]])
    >>> y, lse = attention(q, k, v, 1.0)
    >>> gq, gk, gv = attention_grad(q, k, v, y, lse, np.ones((1, 1)), 1.0)
    >>> gq, gv
    (array([[-1.]]), array([[0.5],
           [0.5]]))
    """


# --- resampling ------------------------------------------------------------------------------------------------------


def _terms(map: Map) -> int:
    return int(table(map).lengths.sum())


@kernel(
    flops=lambda x, rows, columns: (
        2 * len(x) * x.shape[3] * (_terms(rows) * columns.size + _terms(columns) * rows.output)
    ),
    nbytes=lambda x, rows, columns: x.nbytes + len(x) * rows.output * columns.output * x.shape[3] * x.itemsize,
)
def resample(x: Array, rows: Map, columns: Map, /) -> Array:
    """y[n, i, j, c] = Σ R[i, h] · C[j, w] · x[n, h, w, c] over the terms of the tables R and C of the two maps.

    Resizing and separable filtering; the maps are in `resampling`. The gradient is the same with transposed maps.

    Shapes: x (N, H, W, C), rows: H → I, columns: W → J → y (N, I, J, C)

    >>> from rawgan_kernels.resampling import Interpolation
    >>> x = np.array([0.0, 4.0]).reshape(1, 1, 2, 1)
    >>> resample(x, Interpolation(1, 1), Interpolation(2, 4))[0, 0, :, 0]
    array([0., 1., 3., 4.])
    """


@kernel(
    flops=lambda x, weights, at: 2 * weights.size * x.shape[2],
    nbytes=lambda x, weights, at: x.nbytes + weights.nbytes + at.nbytes + prod(at.shape[:2]) * x.shape[2] * x.itemsize,
)
def sample_pixels(x: Array, weights: Array, at: Array, /) -> Array:
    """y[n, p, c] = Σ weights[n, p, k] · x[n, at[n, p, k], c] over taps k; those with the number −1 are left out.

    Shapes: x (N, pixels, C), weights (N, P, K), at as weights, int64 → y (N, P, C)

    >>> sample_pixels(np.array([[[1.0], [2.0]]]), np.array([[[0.5, 0.5]]]), np.array([[[0, 1]]]))
    array([[[1.5]]])
    """


@kernel(
    flops=lambda gy, weights, at, pixels: 2 * weights.size * gy.shape[2],
    nbytes=lambda gy, weights, at, pixels: (
        gy.nbytes + weights.nbytes + at.nbytes + len(gy) * pixels * gy.shape[2] * gy.itemsize
    ),
)
def sample_pixels_input_grad(gy: Array, weights: Array, at: Array, pixels: int, /) -> Array:
    """gx[n, q, c] = Σ weights[n, p, k] · gy[n, p, c] over all p, k with at[n, p, k] = q.

    Shapes: gy (N, P, C), weights (N, P, K), at as weights, int64 → gx (N, pixels, C)

    >>> sample_pixels_input_grad(np.array([[[4.0]]]), np.array([[[0.25, 0.5]]]), np.array([[[2, 2]]]), 3)[0, :, 0]
    array([0., 0., 3.])
    """


@kernel(
    flops=lambda x, gy, at: 2 * at.size * x.shape[2],
    nbytes=lambda x, gy, at: x.nbytes + gy.nbytes + at.nbytes + at.size * x.itemsize,
)
def sample_pixels_weight_grad(x: Array, gy: Array, at: Array, /) -> Array:
    """gw[n, p, k] = Σ x[n, at[n, p, k], c] · gy[n, p, c] over channels c; 0 for the number −1.

    Shapes: x (N, pixels, C), gy (N, P, C), at (N, P, K), int64 → gw as at

    >>> sample_pixels_weight_grad(np.array([[[1.0], [2.0]]]), np.array([[[3.0]]]), np.array([[[1, -1]]]))
    array([[[6., 0.]]])
    """


def _sampled(gy: Array, size: tuple[int, int]) -> int:
    return gy.shape[0] * prod(size) * gy.shape[3] * gy.itemsize


@kernel(
    flops=lambda x, grid, padding, aligned: grid.size // 2 * (20 + 8 * x.shape[3]),
    nbytes=lambda x, grid, padding, aligned: x.nbytes + grid.nbytes + grid.size // 2 * x.shape[3] * x.itemsize,
)
def grid_sample(x: Array, grid: Array, padding: str, aligned: bool, /) -> Array:
    """y[n, i, j] = x[n], interpolated between the four pixels around the place grid[n, i, j].

    A place is (horizontal, vertical), from −1 to 1: from edge to edge of the image or, if `aligned`, from the centre of
    the first pixel to that of the last. Beyond the image there are "zeros", its outermost pixels ("border"), or its
    mirror image ("reflection"). NaN counts as −1.

    Shapes: x (N, H, W, C), H, W ≥ 1, grid (N, I, J, 2) → y (N, I, J, C)
    Source: Jaderberg et al. 2015

    >>> grid_sample(np.array([[[[1.0], [5.0]]]]), np.array([[[[0.25, 0.0]]]]), "zeros", False).ravel()
    array([4.])
    """


@kernel(
    flops=lambda gy, grid, size, padding, aligned: grid.size // 2 * (20 + 8 * gy.shape[3]),
    nbytes=lambda gy, grid, size, padding, aligned: gy.nbytes + grid.nbytes + _sampled(gy, size),
)
def grid_sample_input_grad(gy: Array, grid: Array, size: tuple[int, int], padding: str, aligned: bool, /) -> Array:
    """Gradient of grid_sample with respect to x, whose height and width are `size`.

    Shapes: gy (N, I, J, C), grid (N, I, J, 2) → gx (N, *size, C)

    >>> grid_sample_input_grad(np.array([[[[4.0]]]]), np.array([[[[0.25, 0.0]]]]), (1, 2), "zeros", False).ravel()
    array([1., 3.])
    """


@kernel(
    flops=lambda x, grid, gy, padding, aligned: grid.size // 2 * (30 + 8 * x.shape[3]),
    nbytes=lambda x, grid, gy, padding, aligned: x.nbytes + gy.nbytes + 2 * grid.nbytes,
)
def grid_sample_grid_grad(x: Array, grid: Array, gy: Array, padding: str, aligned: bool, /) -> Array:
    """Gradient of grid_sample with respect to the grid; 0 for places that are NaN, or on the border or moved to it.

    Shapes: x (N, H, W, C), H, W ≥ 1, grid (N, I, J, 2), gy (N, I, J, C) → ggrid as grid

    >>> x, gy = np.array([[[[1.0], [5.0]], [[1.0], [5.0]]]]), np.array([[[[0.5]]]])
    >>> grid_sample_grid_grad(x, np.array([[[[0.25, 0.0]]]]), gy, "border", False).ravel()
    array([2., 0.])
    """


# --- normalisation ---------------------------------------------------------------------------------------------------


@kernel(flops=lambda x, *_: 9 * x.size, nbytes=lambda x, *_: 2 * x.nbytes)
def normalize(
    x: Array, gamma: Array, beta: Array, axes: Axes, eps: float, slope: float, /
) -> tuple[Array, Array, Array]:
    """y = leaky_relu(gamma · (x − mean) / √(var + eps) + beta), with mean and biased variance over `axes`.

    A slope of 1 means no activation.

    Shapes: x any; gamma, beta the trailing axes of x → y as x; mean, var as x with `axes` of size 1
    Source: Ioffe and Szegedy 2015; Ba et al. 2016; Ulyanov et al. 2016

    >>> normalize(np.array([[1.0], [3.0]]), np.ones(1), np.zeros(1), (0,), 0.0, 1.0)[0].ravel()
    array([-1.,  1.])
    """


@kernel(flops=lambda x, *_: 18 * x.size, nbytes=lambda x, *_: 3 * x.nbytes)
def normalize_grad(
    x: Array, gy: Array, gamma: Array, beta: Array, mean: Array, var: Array, axes: Axes, eps: float, slope: float, /
) -> tuple[Array, Array, Array]:
    """Gradients of normalize with respect to x, gamma and beta; mean and variance count as functions of x.

    Shapes: x any, gy as x; gamma, beta its trailing axes; mean, var as x with `axes` of size 1
            → gx as x; ggamma, gbeta as gamma

    >>> x, gy, one = np.array([[1.0], [3.0]]), np.array([[1.0], [0.0]]), np.ones(1)
    >>> _, mean, var = normalize(x, one, 0 * one, (0,), 0.0, 1.0)
    >>> gx, ggamma, gbeta = normalize_grad(x, gy, one, 0 * one, mean, var, (0,), 0.0, 1.0)
    >>> ggamma, gbeta
    (array([-1.]), array([1.]))
    """


# --- optimisers ------------------------------------------------------------------------------------------------------


def _size(arrays: Arrays) -> int:
    return sum(array.size for array in arrays)


def _nbytes(arrays: Arrays) -> int:
    return sum(array.nbytes for array in arrays)


@kernel(
    flops=lambda w, *_: 4 * _size(w),
    nbytes=lambda w, gw, velocity, *_: 2 * _nbytes(w) + _nbytes(gw) + 2 * _nbytes(velocity),
)
def sgd_update(
    w: Arrays, gw: Arrays, velocity: Arrays, lr: float, momentum: float, nesterov: bool, l2: float, /
) -> None:
    """velocity ← momentum · velocity + g;  w ← w − lr · velocity  (Nesterov: − lr · (g + momentum · velocity)).

    g = gw + l2 · w. Writes to w and velocity. `velocity` is empty if momentum is 0.

    Shapes: w[i] any; gw[i], velocity[i] as w[i]
    Source: Sutskever et al. 2013

    >>> w = [np.ones(2)]
    >>> sgd_update(w, [np.ones(2)], [], 0.25, 0.0, False, 0.0)
    >>> w
    [array([0.75, 0.75])]
    """


@kernel(
    flops=lambda w, *_: 7 * _size(w),
    nbytes=lambda w, gw, square, *_: 2 * _nbytes(w) + _nbytes(gw) + 2 * _nbytes(square),
)
def rmsprop_update(w: Arrays, gw: Arrays, square: Arrays, lr: float, rho: float, eps: float, l2: float, /) -> None:
    """square ← rho · square + (1 − rho) · g²;  w ← w − lr · g / (√square + eps), where g = gw + l2 · w.

    Writes to w and square.

    Shapes: w[i] any; gw[i], square[i] as w[i]
    Source: Tieleman and Hinton 2012

    >>> w, square = [np.ones(2)], [np.zeros(2)]
    >>> rmsprop_update(w, [np.ones(2)], square, 0.25, 0.75, 0.0, 0.0)
    >>> w, square
    ([array([0.5, 0.5])], [array([0.25, 0.25])])
    """


@kernel(
    flops=lambda w, *_: 6 * _size(w),
    nbytes=lambda w, gw, total, *_: 2 * _nbytes(w) + _nbytes(gw) + 2 * _nbytes(total),
)
def adagrad_update(
    w: Arrays, gw: Arrays, total: Arrays, step: int, lr: float, lr_decay: float, eps: float, l2: float, /
) -> None:
    """total ← total + g²;  w ← w − lr / (1 + (t − 1) · lr_decay) · g / (√total + eps), where g = gw + l2 · w.

    t = `step` counts from 1. Writes to w and total.

    Shapes: w[i] any; gw[i], total[i] as w[i]
    Source: Duchi, Hazan, Singer 2011

    >>> w, total = [np.ones(2)], [np.zeros(2)]
    >>> adagrad_update(w, [np.full(2, 2.0)], total, 1, 0.25, 0.0, 0.0, 0.0)
    >>> w, total
    ([array([0.75, 0.75])], [array([4., 4.])])
    """


@kernel(
    flops=lambda w, *_: 14 * _size(w),
    nbytes=lambda w, gw, m, v, *_: 2 * _nbytes(w) + _nbytes(gw) + 2 * _nbytes(m) + 2 * _nbytes(v),
)
def adam_update(
    w: Arrays,
    gw: Arrays,
    m: Arrays,
    v: Arrays,
    step: int,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    l2: float,
    /,
) -> None:
    """m ← β₁·m + (1−β₁)·g;  v ← β₂·v + (1−β₂)·g²;  w ← w − lr · (m̂ / (√v̂ + eps) + weight_decay · w).

    g = gw + l2 · w. m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ) correct for the start at zero; t = `step` counts from 1.
    `l2` is the weight decay of Adam, which goes through the moments, and `weight_decay` that of AdamW, which does not.
    Writes to w, m and v.

    Shapes: w[i] any; gw[i], m[i], v[i] as w[i]
    Source: Kingma and Ba 2015; Loshchilov and Hutter 2019

    >>> w, m, v = [np.ones(2)], [np.zeros(2)], [np.zeros(2)]
    >>> adam_update(w, [np.ones(2)], m, v, 1, 0.25, 0.5, 0.75, 0.0, 0.0, 0.0)
    >>> w, m, v
    ([array([0.75, 0.75])], [array([0.5, 0.5])], [array([0.25, 0.25])])
    """


@kernel(
    flops=lambda w, *_: 15 * _size(w),
    nbytes=lambda w, gw, m, v, v_max, *_: (
        2 * _nbytes(w) + _nbytes(gw) + 2 * _nbytes(m) + 2 * _nbytes(v) + 2 * _nbytes(v_max)
    ),
)
def amsgrad_update(
    w: Arrays,
    gw: Arrays,
    m: Arrays,
    v: Arrays,
    v_max: Arrays,
    step: int,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    l2: float,
    /,
) -> None:
    """As `adam_update`, with v_max ← max(v_max, v), and v_max instead of v in the step.

    Writes to w, m, v and v_max.

    Shapes: w[i] any; gw[i], m[i], v[i], v_max[i] as w[i]
    Source: Reddi, Kale, Kumar 2018

    >>> w, m, v, v_max = [np.ones(2)], [np.zeros(2)], [np.zeros(2)], [np.ones(2)]
    >>> amsgrad_update(w, [np.ones(2)], m, v, v_max, 1, 0.25, 0.5, 0.75, 0.0, 0.0, 0.0)
    >>> w, v_max
    ([array([0.875, 0.875])], [array([1., 1.])])
    """


@kernel(
    flops=lambda w, *_: 9 * _size(w),
    nbytes=lambda w, gw, m, *_: 2 * _nbytes(w) + _nbytes(gw) + 2 * _nbytes(m),
)
def lion_update(
    w: Arrays, gw: Arrays, m: Arrays, lr: float, beta1: float, beta2: float, weight_decay: float, /
) -> None:
    """w ← w − lr · (sign(β₁·m + (1−β₁)·gw) + weight_decay · w);  m ← β₂·m + (1−β₂)·gw.

    Writes to w and m.

    Shapes: w[i] any; gw[i], m[i] as w[i]
    Source: Chen et al. 2023, Symbolic discovery of optimization algorithms

    >>> w, m = [np.ones(2)], [np.zeros(2)]
    >>> lion_update(w, [np.array([3.0, -3.0])], m, 0.25, 0.5, 0.75, 0.0)
    >>> w, m
    ([array([0.75, 1.25])], [array([ 0.75, -0.75])])
    """


# --- pixels ----------------------------------------------------------------------------------------------------------


def _batch_size(images: Array, indices: Array) -> int:
    return len(indices) * prod(images.shape[1:])


@kernel(
    flops=lambda images, indices, dtype: 2 * _batch_size(images, indices),
    nbytes=lambda images, indices, dtype: _batch_size(images, indices) * (1 + np.dtype(dtype).itemsize),
)
def gather_pixels(images: Array, indices: Array, dtype: Any, /) -> Array:
    """y[b] = images[indices[b]] / 127.5 − 1: the chosen images as numbers from −1 to 1. 0 gives −1, and 255 gives 1.

    Shapes: images (N, H, W, C) uint8, indices (B,) int64 → y (B, H, W, C) of dtype

    >>> gather_pixels(np.array([[[[0]]], [[[255]]]], np.uint8), np.array([1, 0, 1]), np.dtype("float32")).ravel()
    array([ 1., -1.,  1.], dtype=float32)
    """
