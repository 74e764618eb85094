"""One call of every kernel, for the checks that every kernel of every backend has to pass.

A new kernel needs a line here; a test says so.
"""

import numpy as np

from rawgan_kernels import Backend, Window
from rawgan_kernels.resampling import Filter, Interpolation, Transposed

reference = Backend("reference")

WINDOW = Window((5, 6), (3, 2), (2, 1), ((1, 0), (0, 2)), (1, 2), 2)
"""Strides, paddings, dilations and groups that all differ."""


def normal(*shape, seed=0):
    """Numbers of a normal distribution, the same each time."""
    return np.random.default_rng(seed).standard_normal(shape)


def moments(*shape):
    """A list of two arrays, as optimisers take them."""
    return [normal(*shape), normal(2, seed=1)]


X, W, GY = normal(2, 5, 6, 4), normal(3, 2, 2, 6, seed=1), normal(2, 2, 6, 6, seed=2)
GAMMA, MEAN, VAR = normal(4), X.mean((0, 1, 2), keepdims=True), X.var((0, 1, 2), keepdims=True)
SQUARES = [np.abs(x) for x in moments(2, 3)]
Q, K, V = normal(2, 4, 3), normal(2, 5, 3, seed=1), normal(2, 5, 2, seed=2)
ATTENDED = reference.attention(Q, K, V, 0.5)
LARGEST = [x * normal(*x.shape, seed=2) ** 2 for x in SQUARES]
IMAGES = np.random.default_rng(0).integers(0, 256, (4, 3, 2, 1)).astype(np.uint8)
GRID = np.random.default_rng(2).uniform(-1.5, 1.5, (2, 3, 4, 2))
PLACES = np.random.default_rng(1).integers(-1, 5, (2, 4, 6))

CALLS = {
    "adagrad_update": (moments(2, 3), moments(2, 3), SQUARES, 3, 1e-2, 0.1, 1e-8, 0.1),
    "adam_update": (moments(2, 3), moments(2, 3), moments(2, 3), SQUARES, 3, 1e-2, 0.5, 0.99, 1e-8, 0.1, 0.2),
    "add": (X, normal(*X.shape, seed=1)),
    "amsgrad_update": (*(moments(2, 3) for _ in range(3)), SQUARES, LARGEST, 3, 1e-2, 0.5, 0.99, 1e-8, 0.1, 0.2),
    "attention": (Q, K, V, 0.5),
    "attention_grad": (Q, K, V, *ATTENDED, normal(2, 4, 2, seed=3), 0.5),
    "average_update": (moments(2, 3), [-2 * x for x in moments(2, 3)], 0.9),
    "bce_with_logits": (X, np.random.default_rng(3).uniform(size=X.shape)),
    "bce_with_logits_grad": (X, np.random.default_rng(3).uniform(size=X.shape), normal(*X.shape, seed=1)),
    "channel_products": (X, normal(*X.shape, seed=1)),
    "channel_sum": (X,),
    "conv2d": (X, W, WINDOW),
    "conv2d_input_grad": (GY, W, WINDOW),
    "conv2d_weight_grad": (X, GY, WINDOW),
    "cumsum": (normal(3, 5, 2), True),
    "elu": (X, 0.5),
    "erf": (X,),
    "gather_pixels": (IMAGES, np.array([3, 0, 3]), np.dtype("float64")),
    "gelu": (X,),
    "gelu_grad": (X, normal(*X.shape, seed=1)),
    "grid_sample": (normal(2, 4, 3, 3), GRID, "zeros", False),
    "grid_sample_grid_grad": (normal(2, 4, 3, 2), GRID, normal(2, 3, 4, 2, seed=1), "reflection", False),
    "grid_sample_input_grad": (normal(2, 3, 4, 1), GRID, (4, 3), "border", True),
    "leaky_relu": (X, 0.2),
    "leaky_relu_grad": (X, normal(*X.shape, seed=1), 0.2),
    "lion_update": (moments(2, 3), [-2 * x for x in moments(2, 3)], moments(2, 3), 1e-2, 0.5, 0.99, 0.1),
    "log_softmax": (X,),
    "log_softmax_grad": (-np.abs(X), normal(*X.shape, seed=1)),
    "logsumexp": (X,),
    "logsumexp_grad": (X, np.log(np.exp(X).sum(-1)), normal(*X.shape[:-1], seed=1)),
    "matmul": (normal(2, 1, 3, 4), normal(3, 4, 5, seed=1)),
    "normalize": (X, GAMMA, normal(4, seed=1), (0, 1, 2), 1e-5, 0.2),
    "normalize_grad": (X, normal(*X.shape, seed=1), GAMMA, GAMMA, MEAN, VAR, (0, 1, 2), 1e-5, 0.2),
    "resample": (X, Filter(5, (1.0, 3.0, 2.0), 3, 2, (2, -1)), Transposed(Interpolation(9, 6, "bicubic"))),
    "rmsprop_update": (moments(2, 3), moments(2, 3), SQUARES, 1e-2, 0.9, 1e-8, 0.1),
    "rounded": (X.astype("float32").astype("float64"), 7),
    "sample_pixels": (normal(2, 5, 3), normal(2, 4, 6), PLACES),
    "sample_pixels_input_grad": (normal(2, 4, 3), normal(2, 4, 6), PLACES, 5),
    "sample_pixels_weight_grad": (normal(2, 5, 3), normal(2, 4, 3), PLACES),
    "scale_channels": (X, normal(2, 4, seed=1)),
    "scan": (normal(9, 5, 1), normal(9, 5, 1, seed=1), False),
    "sgd_update": (moments(2, 3), moments(2, 3), moments(2, 3), 1e-2, 0.9, True, 0.1),
    "sigmoid": (X,),
    "silu": (X,),
    "silu_grad": (X, normal(*X.shape, seed=1)),
    "softmax": (X,),
    "softmax_grad": (np.abs(X), normal(*X.shape, seed=1)),
    "softplus": (X,),
    "tanh": (X,),
    "tanh_grad": (np.tanh(X), normal(*X.shape, seed=1)),
}
"""Arguments by kernel, in float64."""


def arguments_of(kernel, dtype="float64"):
    """Copies of the arguments of a call, with floats in this dtype."""

    def converted(value):
        if isinstance(value, list):
            return [converted(item) for item in value]
        if isinstance(value, np.ndarray):
            return value.astype(dtype) if value.dtype.kind == "f" else value.copy()
        return np.dtype(dtype) if isinstance(value, np.dtype) else value

    return tuple(converted(value) for value in CALLS[kernel])
