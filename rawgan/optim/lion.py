"""Lion, which steps by the sign of the momentum."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import rawgan_kernels as kernels
from rawgan.optim.groups import Between
from rawgan.optim.optimizer import Optimizer
from rawgan.optim.registry import optimizer
from rawgan.tensor import Tensor


@optimizer({}, {"lr": 0.02, "betas": (0.5, 0.9), "weight_decay": 0.3})
class Lion(Optimizer):
    """w ← w − lr · (sign(β₁ · m + (1 − β₁) · gw) + weight_decay · w), then m ← β₂ · m + (1 − β₂) · gw.

    All elements step by the same length. So take 3 to 10 times less for lr than with AdamW, and as many times more for
    weight_decay, which is decoupled here, too.

    Source: Chen et al. 2023, Symbolic discovery of optimization algorithms

    >>> w = Tensor([1.0], requires_grad=True)
    >>> Lion([w], lr=0.25).step([Tensor([2.0])])
    >>> w.data
    array([0.75], dtype=float32)
    """

    moments = ("m",)
    ranges: ClassVar = {"betas": Between(0, 1, count=2), "weight_decay": Between()}

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, betas=betas, weight_decay=weight_decay)

    def update(
        self,
        w: list[Any],
        gw: list[Any],
        moments: list[list[Any]],
        step: int,
        *,
        lr: float,
        betas: tuple[float, float],
        weight_decay: float,
    ) -> None:
        kernels.lion_update(w, gw, moments[0], lr, *betas, weight_decay)
