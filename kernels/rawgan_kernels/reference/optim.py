"""Optimiser updates: all parameters in one call, written in place.

These are the only kernels that write to their arguments: the parameters and the moments, never the gradients.
Each takes lists of arrays, with one array for each parameter.
"""

from typing import Any

from rawgan_kernels.arrays import array_module
from rawgan_kernels.dispatch import implements

Arrays = list[Any]


@implements
def sgd_update(w: Arrays, gw: Arrays, velocity: Arrays, lr: float, momentum: float, nesterov: bool) -> None:
    for index, (weight, gradient) in enumerate(zip(w, gw, strict=True)):
        step = gradient
        if velocity:
            v = velocity[index]
            v *= momentum
            v += gradient
            step = gradient + momentum * v if nesterov else v
        weight -= lr * step


@implements
def rmsprop_update(w: Arrays, gw: Arrays, square: Arrays, lr: float, rho: float, eps: float) -> None:
    xp = array_module(w[0])
    for weight, gradient, s in zip(w, gw, square, strict=True):
        s *= rho
        s += (1 - rho) * gradient * gradient
        weight -= lr * gradient / (xp.sqrt(s) + eps)


@implements
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
) -> None:
    xp = array_module(w[0])
    rate = lr / (1 - beta1**step)
    correction = 1 / (1 - beta2**step)
    for weight, gradient, mean, square in zip(w, gw, m, v, strict=True):
        mean *= beta1
        mean += (1 - beta1) * gradient
        square *= beta2
        square += (1 - beta2) * gradient * gradient
        if weight_decay:
            weight *= 1 - lr * weight_decay
        weight -= rate * mean / (xp.sqrt(square * correction) + eps)
