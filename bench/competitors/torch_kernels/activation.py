"""Activations, and the binary cross-entropy of logits."""

import torch
from torch import Tensor
from torch.nn import functional

from bench.competitors.torch_kernels.counterpart import Run, aten, counterpart


def activate(y: Tensor, slope: float) -> Tensor:
    """Activate in place, as networks do."""
    if slope == 1.0:
        return y
    return functional.relu_(y) if slope == 0.0 else functional.leaky_relu_(y, slope)


@counterpart
def leaky_relu(x: Tensor, slope: float) -> Run:
    """Leaky ReLU, not in place: neither is rawgan's."""
    return lambda: functional.relu(x) if slope == 0.0 else functional.leaky_relu(x, slope)


@counterpart
def leaky_relu_grad(gy: Tensor, slope: float, y: Tensor | None = None, x: Tensor | None = None) -> Run:
    """Gradient from the result or from the input, which have the same sign."""
    sign = y if y is not None else x
    return lambda: activation_grad(sign, gy, slope)


def activation_grad(y: Tensor, gy: Tensor, slope: float) -> Tensor:
    """Gradient of an activation, from its result or its input."""
    return aten.threshold_backward(gy, y, 0) if slope == 0.0 else aten.leaky_relu_backward(gy, y, slope, True)


@counterpart
def tanh(x: Tensor) -> Run:
    return lambda: torch.tanh(x)


@counterpart
def tanh_grad(y: Tensor, gy: Tensor) -> Run:
    return lambda: aten.tanh_backward(gy, y)


@counterpart
def sigmoid(x: Tensor) -> Run:
    return lambda: torch.sigmoid(x)


@counterpart
def softplus(x: Tensor) -> Run:
    return lambda: functional.softplus(x)


@counterpart
def silu(x: Tensor) -> Run:
    return lambda: functional.silu(x)


@counterpart
def silu_grad(x: Tensor, gy: Tensor) -> Run:
    return lambda: aten.silu_backward(gy, x)


@counterpart
def elu(x: Tensor, alpha: float) -> Run:
    return lambda: functional.elu(x, alpha)


@counterpart
def erf(x: Tensor) -> Run:
    return lambda: torch.erf(x)


@counterpart
def gelu(x: Tensor) -> Run:
    return lambda: functional.gelu(x)


@counterpart
def gelu_grad(x: Tensor, gy: Tensor) -> Run:
    return lambda: aten.gelu_backward(gy, x)


@counterpart
def bce_with_logits(x: Tensor, t: Tensor) -> Run:
    """Binary cross-entropy, one loss for each logit."""
    return lambda: functional.binary_cross_entropy_with_logits(x, t, reduction="none")


@counterpart
def bce_with_logits_grad(x: Tensor, t: Tensor, gy: Tensor) -> Run:
    """Gradient of the binary cross-entropy, by PyTorch's own formula."""
    return lambda: x.sigmoid().sub_(t).mul_(gy)
