"""The items, and short ways to write one."""

from collections.abc import Callable
from typing import Any

import numpy as np

from rawgan import Op
from rawgan.errors import RawganError
from rawgan.testing import check_layer, gradcheck

Check = Callable[[], object]

WRONG: dict[str, Check] = {}
"""What a check must find."""

RIGHT: dict[str, Check] = {}
"""What no check may find fault with."""

BEYOND: dict[str, Check] = {}
"""Wrong, but not to be known from calls like these; the name says why."""


def alarm(check: Check) -> str:
    """The first line of what the check says; nothing if it finds no fault."""
    try:
        check()
    except RawganError as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0]}"
    return ""


def function(table: dict[str, Check], name: str, fn: Any, *inputs: Any, **options: Any) -> None:
    """Add a function of Tensors, or an Op class, to be checked with `gradcheck`."""
    assert name not in table, name
    table[name] = lambda: gradcheck(fn, *inputs, **options)


def layer(table: dict[str, Check], name: str, make: Callable[[], Any], *inputs: Any, **options: Any) -> None:
    """Add a Module, to be checked with `check_layer`, at order 1 unless it asks for more."""
    assert f"layer: {name}" not in table, name
    table[f"layer: {name}"] = lambda: check_layer(make(), *inputs, **{"order": 1, **options})


def op(forward: Any, backward: Any, **attributes: Any) -> type[Op]:
    """An Op class of two functions, `forward(self, *arrays)` and `backward(self, gy)`."""
    return type("Mine", (Op,), {"forward": forward, "backward": backward, **attributes})


def normal(*shape: int, seed: int = 7) -> Any:
    """Normally distributed numbers."""
    return np.random.default_rng(seed).standard_normal(shape)
