"""Updates of the optimisers, in place."""
# mypy: disable-error-code="empty-body"

import numpy as np

from rawgan_kernels.arrays import Array
from rawgan_kernels.dispatch import kernel

Arrays = list[Array]


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


@kernel(
    flops=lambda average, *_: 3 * _size(average),
    nbytes=lambda average, source, *_: 2 * _nbytes(average) + _nbytes(source),
)
def average_update(average: Arrays, source: Arrays, decay: float, /) -> None:
    """average ← decay · average + (1 − decay) · source, an exponential moving average. Writes to average.

    Shapes: average[i] any; source[i] as average[i]

    >>> average = [np.ones(2)]
    >>> average_update(average, [np.array([5.0, 1.0])], 0.75)
    >>> average
    [array([2., 1.])]
    """
