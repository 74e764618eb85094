"""Softmax and the logarithms of sums of exponentials."""

import torch
from torch import Tensor

from bench.competitors.torch_kernels.counterpart import Run, aten, counterpart


@counterpart
def softmax(x: Tensor) -> Run:
    return lambda: torch.softmax(x, _channels(x))


@counterpart
def softmax_grad(y: Tensor, gy: Tensor) -> Run:
    return lambda: aten._softmax_backward_data(gy, y, _channels(y), y.dtype)


@counterpart
def log_softmax(x: Tensor) -> Run:
    return lambda: torch.log_softmax(x, _channels(x))


@counterpart
def log_softmax_grad(y: Tensor, gy: Tensor) -> Run:
    return lambda: aten._log_softmax_backward_data(gy, y, _channels(y), y.dtype)


@counterpart
def logsumexp(x: Tensor) -> Run:
    return lambda: torch.logsumexp(x, _channels(x))


@counterpart
def logsumexp_grad(x: Tensor, log_sum: Tensor, glog_sum: Tensor) -> Run:
    """Gradient of torch.logsumexp, by PyTorch's own formula."""
    axis = _channels(x)
    return lambda: glog_sum.unsqueeze(axis) * (x - log_sum.unsqueeze(axis)).exp()


def _channels(x: Tensor) -> int:
    """The axis of PyTorch that is rawgan's last."""
    return 1 if x.ndim == 4 else x.ndim - 1
