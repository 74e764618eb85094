"""RMSprop."""

from collections.abc import Iterable
from typing import Any

import rawgan_kernels as kernels
from rawgan.optim.optimizer import LEAST_EPS, Optimizer, check_range
from rawgan.optim.registry import optimizer
from rawgan.tensor import Tensor


@optimizer({}, {"lr": 0.01, "rho": 0.5, "eps": 0.1})
class RMSprop(Optimizer):
    """w ← w − lr · gw / (√s + eps), where s is the running average of gw².

    Source: Tieleman and Hinton 2012

    >>> w = Tensor([1.0], requires_grad=True)
    >>> RMSprop([w], lr=0.1, rho=0.0).step([Tensor([2.0])])
    >>> w.data
    array([0.9], dtype=float32)
    """

    moments = ("square",)

    def __init__(self, parameters: Iterable[Tensor], lr: float = 1e-3, rho: float = 0.99, eps: float = 1e-8) -> None:
        check_range("RMSprop", "rho", rho, 0, 1)
        check_range("RMSprop", "eps", eps, 0, float("inf"))
        self.rho, self.eps = float(rho), float(eps)
        super().__init__(parameters, lr)

    def update(self, w: list[Any], gw: list[Any], moments: list[list[Any]], step: int) -> None:
        (square,) = moments
        kernels.rmsprop_update(w, gw, square, float(self.lr), self.rho, max(self.eps, LEAST_EPS))
