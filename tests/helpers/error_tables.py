"""Tables of errors: a call, and the whole message that it raises."""

import numpy as np
import pytest

from rawgan import Tensor, grad, nn, ops, optim  # noqa: F401  # the calls use them
from rawgan.errors import RawganError


def zeros(*shape: int, dtype: str = "float32") -> Tensor:
    return Tensor(np.zeros(shape, dtype))


def weight(*shape: int) -> Tensor:
    return Tensor(np.zeros(shape, "float32"), requires_grad=True)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def entries(table: str):
    """(call, type and message of its error) from a text of entries with blank lines in between."""
    return [pytest.param(*entry.split("\n", 1), id=entry.split("\n", 1)[0]) for entry in table.strip().split("\n\n")]


def check(call: str, expected: str) -> None:
    """Fail unless the call raises the error that is expected. Its names are those of this module."""
    with pytest.raises(RawganError) as raised:
        eval(call)
    assert f"{type(raised.value).__name__}: {raised.value}" == expected
