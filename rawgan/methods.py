"""Methods of a Tensor that are functions of `rawgan.ops` as they stand: `x.sum(axis=0)` is `ops.sum(x, axis=0)`.

Ops say so where they are defined, by `@op(…, method=True)`, and are added when `rawgan.ops` is loaded. Type checkers
and editors load nothing: they read `methods.pyi`, which `python tests/ops/test_methods.py` writes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


class Methods(Generic[Result]):
    """Methods of a Tensor, most of which give a Result: a Tensor."""

    __slots__ = ()


def add_method(function: Callable[..., Any]) -> None:
    """Make a function a method of every Tensor, which is then its first argument."""
    setattr(Methods, function.__name__, function)
