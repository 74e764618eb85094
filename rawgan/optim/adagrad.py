"""Adagrad."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import rawgan_kernels as kernels
from rawgan.optim.groups import Between
from rawgan.optim.optimizer import LEAST_EPS, Optimizer
from rawgan.optim.registry import optimizer
from rawgan.tensor import Tensor


@optimizer({}, {"lr": 0.1, "lr_decay": 0.3, "weight_decay": 0.3, "eps": 0.1})
class Adagrad(Optimizer):
    """w ← w − lr / (1 + (t − 1) · lr_decay) · g / (√s + eps), where s is the sum of g² over all t steps so far.

    g = gw + weight_decay · w.

    Source: Duchi, Hazan, Singer 2011

    >>> w = Tensor([1.0], requires_grad=True)
    >>> Adagrad([w], lr=0.1).step([Tensor([2.0])])
    >>> w.data
    array([0.9], dtype=float32)
    """

    moments = ("total",)
    ranges: ClassVar = {"lr_decay": Between(), "weight_decay": Between(), "eps": Between()}

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        *,
        eps: float = 1e-10,
    ) -> None:
        super().__init__(parameters, lr, lr_decay=lr_decay, weight_decay=weight_decay, eps=eps)

    def update(
        self,
        w: list[Any],
        gw: list[Any],
        moments: list[list[Any]],
        step: int,
        *,
        lr: float,
        lr_decay: float,
        weight_decay: float,
        eps: float,
    ) -> None:
        kernels.adagrad_update(w, gw, moments[0], step, lr, lr_decay, max(eps, LEAST_EPS), weight_decay)
