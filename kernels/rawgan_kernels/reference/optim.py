"""Optimiser updates: all parameters in one call, written in place.

These are the only kernels that write to their arguments: the parameters and the moments, never the gradients.
Each takes lists of arrays, with one array for each parameter.
"""

from typing import Any

from rawgan_kernels.arrays import array_module
from rawgan_kernels.dispatch import implements

Arrays = list[Any]


@implements
def sgd_update(w: Arrays, gw: Arrays, velocity: Arrays, lr: float, momentum: float, nesterov: bool, l2: float) -> None:
    for index, (weight, gradient) in enumerate(zip(w, gw, strict=True)):
        step = gradient = _with_decay(weight, gradient, l2)
        if velocity:
            v = velocity[index]
            v *= momentum
            v += gradient
            step = gradient + momentum * v if nesterov else v
        weight -= lr * step


@implements
def rmsprop_update(w: Arrays, gw: Arrays, square: Arrays, lr: float, rho: float, eps: float, l2: float) -> None:
    xp = array_module(w[0])
    for weight, gradient, s in zip(w, gw, square, strict=True):
        gradient = _with_decay(weight, gradient, l2)
        s *= rho
        s += (1 - rho) * gradient * gradient
        weight -= lr * gradient / (xp.sqrt(s) + eps)


@implements
def adagrad_update(
    w: Arrays, gw: Arrays, total: Arrays, step: int, lr: float, lr_decay: float, eps: float, l2: float
) -> None:
    xp = array_module(w[0])
    rate = lr / (1 + (step - 1) * lr_decay)
    for weight, gradient, s in zip(w, gw, total, strict=True):
        gradient = _with_decay(weight, gradient, l2)
        s += gradient * gradient
        weight -= rate * gradient / (xp.sqrt(s) + eps)


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
    l2: float,
) -> None:
    xp = array_module(w[0])
    rate = lr / (1 - beta1**step)
    correction = 1 / (1 - beta2**step)
    for weight, gradient, mean, square in zip(w, gw, m, v, strict=True):
        gradient = _with_decay(weight, gradient, l2)
        mean *= beta1
        mean += (1 - beta1) * gradient
        square *= beta2
        square += (1 - beta2) * gradient * gradient
        if weight_decay:
            weight *= 1 - lr * weight_decay
        weight -= rate * mean / (xp.sqrt(square * correction) + eps)


@implements
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
) -> None:
    xp = array_module(w[0])
    rate = lr / (1 - beta1**step)
    correction = 1 / (1 - beta2**step)
    for weight, gradient, mean, square, largest in zip(w, gw, m, v, v_max, strict=True):
        gradient = _with_decay(weight, gradient, l2)
        mean *= beta1
        mean += (1 - beta1) * gradient
        square *= beta2
        square += (1 - beta2) * gradient * gradient
        xp.maximum(largest, square, out=largest)
        if weight_decay:
            weight *= 1 - lr * weight_decay
        weight -= rate * mean / (xp.sqrt(largest * correction) + eps)


@implements
def lion_update(w: Arrays, gw: Arrays, m: Arrays, lr: float, beta1: float, beta2: float, weight_decay: float) -> None:
    xp = array_module(w[0])
    for weight, gradient, mean in zip(w, gw, m, strict=True):
        direction = xp.sign(beta1 * mean + (1 - beta1) * gradient)
        if weight_decay:
            weight *= 1 - lr * weight_decay
        weight -= lr * direction
        mean *= beta2
        mean += (1 - beta2) * gradient


@implements
def average_update(average: Arrays, source: Arrays, decay: float) -> None:
    for x, new in zip(average, source, strict=True):
        x[...] = decay * x + (1 - decay) * new


def _with_decay(weight: Any, gradient: Any, l2: float) -> Any:
    """gw + l2 · w, the gradient of the loss + ½ · l2 · |w|²: a new array unless l2 is 0."""
    return gradient + l2 * weight if l2 else gradient
