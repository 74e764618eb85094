"""ONNX's normalisations, dropout, losses and optimisers, as rawgan's."""

import math
from typing import Any

import numpy as np
from onnx_attention import attention
from onnx_graphs import Node, Operator
from onnx_images import filled, to_nchw, to_nhwc

from rawgan import Tensor, nn, ops, optim

# --- normalisation and dropout ---------------------------------------------------------------------------


def batch_norm(node: Node, x: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, var: Tensor) -> Any:
    """ONNX's momentum is the share that stays, rawgan's the share that comes.

    What comes is the batch's biased variance in ONNX, the unbiased one in rawgan (as in PyTorch), which is larger by
    n / (n − 1): the last line takes that out.
    """
    training, stays = bool(node.get("training_mode", 0)), node.get("momentum", 0.9)
    new_mean, new_var = Tensor(mean.data.copy()), Tensor(var.data.copy())
    options = {"training": training, "momentum": 1 - stays, "eps": node.get("epsilon", 1e-5)}
    y = to_nchw(ops.batch_norm(to_nhwc(x), gamma, beta, new_mean, new_var, **options), x)
    if not training:
        return y
    n = x.size // x.shape[1]
    return y, new_mean, stays * var + (new_var - stays * var) * ((n - 1) / n)


def instance_norm(node: Node, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    return to_nchw(ops.instance_norm(to_nhwc(x), gamma, beta, eps=node.get("epsilon", 1e-5)), x)


def group_norm(node: Node, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    return to_nchw(ops.group_norm(to_nhwc(x), node.get("num_groups"), gamma, beta, eps=node.get("epsilon", 1e-5)), x)


def layer_norm(node: Node, x: Tensor, gamma: Tensor, beta: Tensor | None = None) -> Any:
    eps, axes = node.get("epsilon", 1e-5), tuple(range(node.get("axis", -1) % x.ndim, x.ndim))
    y = ops.layer_norm(x, gamma, beta, eps=eps)
    mean = ops.mean(x, axes, keepdims=True)
    deviation = ops.sqrt(ops.mean((x - mean) ** 2, axes, keepdims=True) + eps)
    return (y, mean, 1 / deviation)[: node.results]


def rms_norm(node: Node, x: Tensor, gamma: Tensor) -> Tensor:
    axes = tuple(range(node.get("axis", -1) % x.ndim, x.ndim))
    return x / ops.sqrt(ops.mean(x * x, axes, keepdims=True) + node.get("epsilon", 1e-5)) * gamma


def mean_variance_norm(node: Node, x: Tensor) -> Tensor:
    """Batch norm without scale and shift."""
    return to_nchw(ops.batch_norm(to_nhwc(x), training=True, eps=0.0), x)


def local_response_norm(node: Node, x: Tensor) -> Tensor:
    """Divide by a power of the mean square of neighbouring channels: a pool along the channels, stood upright."""
    squares = ops.reshape(x * x, (*x.shape[:2], -1, 1))
    size = node.get("size")
    neighbours = ((size - 1) // 2, size - 1 - (size - 1) // 2)
    mean = ops.avg_pool2d(squares, (size, 1), 1, (neighbours, (0, 0)))
    scale = node.get("bias", 1.0) + node.get("alpha", 1e-4) * ops.reshape(mean, x.shape)
    return x / scale ** node.get("beta", 0.75)


class LegacyGenerator(np.random.Generator):
    """A generator whose `random`, which dropout asks for, gives the numbers that ONNX's cases were made from."""

    def __init__(self, seed: int) -> None:
        super().__init__(np.random.MT19937())
        self.state = np.random.RandomState(seed)

    def random(self, shape: tuple[int, ...], dtype: Any) -> Any:  # type: ignore[override]
        return self.state.uniform(size=shape).astype(dtype)


def dropout(node: Node, x: Tensor, rate: Tensor | None = None, training: Any = None) -> Any:
    """The second result, which elements are kept, is seen on an array of ones."""

    def layer(x: Tensor) -> Tensor:
        drop = nn.Dropout(0.5 if rate is None else rate.item(), rng=LegacyGenerator(node.get("seed", 0)))
        return drop.train(bool(training))(x)

    kept = layer(filled(1, x.shape, x)).data != 0
    return (layer(x), kept)[: node.results]


# --- losses ----------------------------------------------------------------------------------------------


def loss(node: Node, function: Any, x: Tensor, labels: Any, weight: Tensor | None = None) -> Tensor:
    """Classes are along the second axis; without an attribute, no label is ignored."""
    ignored = node.get("ignore_index", np.iinfo(np.int64).min)
    return function(x, labels, weight, node.get("reduction", "mean"), axis=1, ignore_index=ignored)


def cross_entropy(node: Node, x: Tensor, labels: Any, weight: Tensor | None = None) -> Any:
    return (loss(node, ops.cross_entropy, x, labels, weight), ops.log_softmax(x, 1))[: node.results]


# --- optimisers ------------------------------------------------------------------------------------------

MANY = 10**9  # steps after which Adam has no bias left to correct


def optimise(make: Any, moments: int, decay: float, slope: float, tensors: tuple[Tensor, ...]) -> list[Any]:
    """One step of an optimiser, from Tensors: parameters, then gradients, then each kind of moment, as many of each.

    ONNX's optimisers add a share of the parameter to its gradient, `decay`; Momentum then scales that by `slope`.
    """
    n = len(tensors) // (2 + moments)
    before, gradients, *kinds = (tensors[start : start + n] for start in range(0, len(tensors), n))
    optimizer = make([nn.Parameter(x.data) for x in before])
    for name, kind in zip(optimizer.state, kinds, strict=True):
        optimizer.state[name] = [moment.data.copy() for moment in kind]
    optimizer.step([slope * (g + decay * x) for x, g in zip(before, gradients, strict=True)])
    return [*optimizer.parameters, *(moment for kind in optimizer.state.values() for moment in kind)]


def adam(node: Node, rate: Tensor, count: Any, *tensors: Tensor) -> list[Any]:
    """ONNX adds epsilon before the bias of the moments is corrected, rawgan after; at T = 0, ONNX corrects no bias."""
    steps, betas = int(count), (node.get("alpha", 0.9), node.get("beta", 0.999))
    eps = node.get("epsilon", 1e-6) / (math.sqrt(1 - betas[1] ** steps) if steps else 1.0)

    def make(parameters: list[Tensor]) -> optim.Optimizer:
        optimizer = optim.Adam(parameters, rate.item(), betas, eps)
        optimizer.counts = [steps - 1 if steps else MANY] * len(parameters)
        return optimizer

    results = optimise(make, 2, node.get("norm_coefficient", 0.0), 1.0, tensors)
    shrunk = 1 - node.get("norm_coefficient_post", 0.0)
    return [x * shrunk if isinstance(x, Tensor) else x for x in results]


def momentum(node: Node, rate: Tensor, count: Any, *tensors: Tensor) -> list[Any]:
    def make(parameters: list[Tensor]) -> optim.Optimizer:
        return optim.SGD(parameters, rate.item(), node.get("alpha"), nesterov=node.get("mode") == "nesterov")

    return optimise(make, 1, node.get("norm_coefficient"), node.get("beta") if count else 1.0, tensors)


def adagrad(node: Node, rate: Tensor, count: Any, *tensors: Tensor) -> list[Any]:
    def make(parameters: list[Tensor]) -> optim.Optimizer:
        optimizer = optim.Adagrad(parameters, rate.item(), node.get("decay_factor", 0.0), eps=node.get("epsilon", 1e-6))
        optimizer.counts = [int(count)] * len(parameters)
        return optimizer

    return optimise(make, 1, node.get("norm_coefficient", 0.0), 1.0, tensors)


# --- the table -------------------------------------------------------------------------------------------

LAYERS: dict[str, Operator] = {
    "Adagrad": adagrad,
    "Adam": adam,
    "Attention": attention,
    "BatchNormalization": batch_norm,
    "Dropout": dropout,
    "GroupNormalization": group_norm,
    "InstanceNormalization": instance_norm,
    "LRN": local_response_norm,
    "LayerNormalization": layer_norm,
    "LogSoftmax": lambda node, x: ops.log_softmax(x, node.get("axis", -1)),
    "LpNormalization": lambda node, x: ops.normalize(x, node.get("p", 2), node.get("axis", -1)),
    "MeanVarianceNormalization": mean_variance_norm,
    "Momentum": momentum,
    "NegativeLogLikelihoodLoss": lambda node, x, *given: loss(node, ops.nll, x, *given),
    "RMSNormalization": rms_norm,
    "Softmax": lambda node, x: ops.softmax(x, node.get("axis", -1)),
    "SoftmaxCrossEntropyLoss": cross_entropy,
}
