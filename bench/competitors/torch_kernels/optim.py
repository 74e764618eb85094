"""Updates of the optimisers."""

import torch
from torch import Tensor

from bench.competitors.torch_kernels.counterpart import Run, counterpart


@counterpart
def sgd_update(
    w: list[Tensor], gw: list[Tensor], velocity: list[Tensor], lr: float, momentum: float, nesterov: bool, l2: float
) -> Run:
    """torch.optim's fused SGD."""
    optimizer = torch.optim.SGD(_owned(w, gw), lr, momentum, weight_decay=l2, nesterov=nesterov, fused=True)
    for weight, moment in zip(w, velocity, strict=False):
        optimizer.state[weight] = {"momentum_buffer": moment}
    return optimizer.step


@counterpart
def rmsprop_update(
    w: list[Tensor], gw: list[Tensor], square: list[Tensor], lr: float, rho: float, eps: float, l2: float
) -> Run:
    """torch.optim's RMSprop over all tensors at once; PyTorch has no fused one."""
    optimizer = torch.optim.RMSprop(_owned(w, gw), lr, rho, eps, l2, foreach=True)
    for weight, average in zip(w, square, strict=True):
        optimizer.state[weight] = {"step": torch.tensor(0.0), "square_avg": average}
    return optimizer.step


@counterpart
def adagrad_update(
    w: list[Tensor], gw: list[Tensor], total: list[Tensor], step: int, lr: float, lr_decay: float, eps: float, l2: float
) -> Run:
    """torch.optim's fused Adagrad."""
    optimizer = torch.optim.Adagrad(_owned(w, gw), lr, lr_decay, l2, eps=eps, fused=True)
    for weight, squares in zip(w, total, strict=True):
        optimizer.state[weight] = {"step": torch.tensor(float(step - 1)), "sum": squares}
    return optimizer.step


@counterpart
def adam_update(
    w: list[Tensor], gw: list[Tensor], m: list[Tensor], v: list[Tensor],
    step: int, lr: float, beta1: float, beta2: float, eps: float, weight_decay: float, l2: float,
) -> Run:  # fmt: skip
    """torch.optim's fused AdamW, which has no `l2`."""
    optimizer = torch.optim.AdamW(_owned(w, gw), lr, (beta1, beta2), eps, weight_decay, fused=True)
    for weight, mean, square in zip(w, m, v, strict=True):
        optimizer.state[weight] = {"step": torch.tensor(float(step - 1)), "exp_avg": mean, "exp_avg_sq": square}
    return optimizer.step


@counterpart
def amsgrad_update(
    w: list[Tensor], gw: list[Tensor], m: list[Tensor], v: list[Tensor], v_max: list[Tensor],
    step: int, lr: float, beta1: float, beta2: float, eps: float, weight_decay: float, l2: float,
) -> Run:  # fmt: skip
    """torch.optim's fused AdamW with AMSGrad."""
    optimizer = torch.optim.AdamW(_owned(w, gw), lr, (beta1, beta2), eps, weight_decay, amsgrad=True, fused=True)
    for weight, mean, square, largest in zip(w, m, v, v_max, strict=True):
        optimizer.state[weight] = {
            "step": torch.tensor(float(step - 1)), "exp_avg": mean, "exp_avg_sq": square, "max_exp_avg_sq": largest
        }  # fmt: skip
    return optimizer.step


@counterpart
def lion_update(
    w: list[Tensor], gw: list[Tensor], m: list[Tensor], lr: float, beta1: float, beta2: float, weight_decay: float
) -> Run:
    """Lion over all tensors at once; PyTorch has none."""

    def step() -> None:
        direction = torch._foreach_mul(m, beta1)
        torch._foreach_add_(direction, gw, alpha=1 - beta1)
        torch._foreach_sign_(direction)
        torch._foreach_mul_(w, 1 - lr * weight_decay)
        torch._foreach_add_(w, direction, alpha=-lr)
        torch._foreach_lerp_(m, gw, 1 - beta2)

    return step


@counterpart
def average_update(average: list[Tensor], source: list[Tensor], decay: float) -> Run:
    """A linear interpolation of all tensors at once."""
    return lambda: torch._foreach_lerp_(average, source, 1 - decay)


def _owned(w: list[Tensor], gw: list[Tensor]) -> list[Tensor]:
    for weight, gradient in zip(w, gw, strict=True):
        weight.requires_grad_(True)
        weight.grad = gradient
    return w
