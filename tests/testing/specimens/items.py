"""Tables of the specimens, and short ways to add one."""

from collections.abc import Callable
from typing import Any

import numpy as np

from rawgan import Op
from rawgan.errors import RawganError
from rawgan.testing import check_layer, gradcheck

Check = Callable[[], object]

WRONG: dict[str, Check] = {}
"""Specimens that a check must find."""

RIGHT: dict[str, Check] = {}
"""Specimens that every check must pass."""

BEYOND: dict[str, Check] = {}
"""Wrong specimens that calls like these cannot show; the name says why."""


def alarm(check: Check) -> str:
    """First line of the error that a check raises; an empty string if it finds no fault."""
    try:
        check()
    except RawganError as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0]}"
    return ""


def function(table: dict[str, Check], name: str, fn: Any, *inputs: Any, **options: Any) -> None:
    """Add a function of Tensors or an Op class, which `gradcheck` checks."""
    assert name not in table, name
    table[name] = lambda: gradcheck(fn, *inputs, **options)


def layer(table: dict[str, Check], name: str, make: Callable[[], Any], *inputs: Any, **options: Any) -> None:
    """Add a Module, which `check_layer` checks, at order 1 unless `options` say otherwise."""
    assert f"layer: {name}" not in table, name
    table[f"layer: {name}"] = lambda: check_layer(make(), *inputs, **{"order": 1, **options})


def op(forward: Any, backward: Any, **attributes: Any) -> type[Op]:
    """An Op class with these methods: `forward(self, *arrays)` and `backward(self, gy)`."""
    return type("Mine", (Op,), {"forward": forward, "backward": backward, **attributes})


def normal(*shape: int, seed: int = 7) -> Any:
    """Normally distributed numbers."""
    return np.random.default_rng(seed).standard_normal(shape)
