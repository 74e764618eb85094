"""RMSprop."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import rawgan_kernels as kernels
from rawgan.optim.groups import Between
from rawgan.optim.optimizer import LEAST_EPS, Optimizer
from rawgan.optim.registry import optimizer
from rawgan.tensor import Tensor


@optimizer({}, {"lr": 0.01, "rho": 0.5, "eps": 0.1, "weight_decay": 0.3})
class RMSprop(Optimizer):
    """w ← w − lr · g / (√s + eps), where s is the running average of g², and g = gw + weight_decay · w.

    Source: Tieleman and Hinton 2012

    >>> w = Tensor([1.0], requires_grad=True)
    >>> RMSprop([w], lr=0.1, rho=0.0).step([Tensor([2.0])])
    >>> w.data
    array([0.9], dtype=float32)
    """

    moments = ("square",)
    ranges: ClassVar = {"rho": Between(0, 1), "eps": Between(), "weight_decay": Between()}

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 1e-3,
        rho: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, rho=rho, eps=eps, weight_decay=weight_decay)

    def update(
        self,
        w: list[Any],
        gw: list[Any],
        moments: list[list[Any]],
        step: int,
        *,
        lr: float,
        rho: float,
        eps: float,
        weight_decay: float,
    ) -> None:
        kernels.rmsprop_update(w, gw, moments[0], lr, rho, max(eps, LEAST_EPS), weight_decay)
