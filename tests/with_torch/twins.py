"""The functions of rawgan that are compared with operators of PyTorch, by the operators' names.

An operator with the name of an op, such as `tanh` or `nn.functional.relu`, is compared with that op. Where arguments or
layout differ, or several ops make up one operator, a function says so:

    @twin("mean", "mean")
    def mean(x, dim=None, keepdim=False): ...

It is called with the arguments of PyTorch's sample, in PyTorch's layout and by PyTorch's names. It reads all of them:
an option that it does not know is an error, and one that rawgan does not have is NotApplicable.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from torch.testing._internal.common_methods_invocations import op_db

from rawgan.ops.registry import OPS

Function = TypeVar("Function", bound=Callable[..., Any])

OPERATORS = {".".join(filter(None, (each.name, each.variant_test_name))): each for each in op_db}


@dataclass(frozen=True)
class Twin:
    """One function in both libraries."""

    op: str
    """The op of rawgan that it tests."""
    ours: Callable[..., Any]
    theirs: Callable[..., Any]
    applies: bool = True
    """False if rawgan can compute none of PyTorch's samples."""
    remark: str | None = None
    """The part that is not compared."""


TWINS: dict[str, Twin] = {}
"""By the names of PyTorch's operators."""


def twin(
    op: str,
    *operators: str,
    theirs: Callable[..., Any] | None = None,
    applies: bool = True,
    remark: str | None = None,
) -> Callable[[Function], Function]:
    """Compare a function with operators of PyTorch, for the sake of an op; or with `theirs`, called in their place.

    A name may have a remark behind it, "conv2d (modulated)": a second use of the operator's samples.
    """

    def register(ours: Function) -> Function:
        for name in operators:
            TWINS[name] = Twin(op, ours, theirs or OPERATORS[name].op, applies, remark)
        return ours

    return register


def add_by_name() -> None:
    """Compare each op with the operators that have its name, unless another function is."""
    for op, function in OPS.items():
        names = [name for name in (op, f"nn.functional.{op}") if name in OPERATORS.keys() - TWINS.keys()]
        twin(op, *names)(function)
