"""Pytest plugin: the fixtures `gradcheck` and `check_layer`, in every project that has rawgan installed.

def test_my_op(gradcheck):
    gradcheck(my_op, np.random.default_rng(0).normal(size=(2, 3)))
"""

from collections.abc import Callable

import pytest

import rawgan.testing
from rawgan.testing import Report


@pytest.fixture(scope="session")
def gradcheck() -> Callable[..., Report]:
    """The function `rawgan.testing.gradcheck`: gradcheck(fn, *arrays, order=2, …)."""
    return rawgan.testing.gradcheck


@pytest.fixture(scope="session")
def check_layer() -> Callable[..., Report]:
    """The function `rawgan.testing.check_layer`: check_layer(layer, *arrays, order=2, …)."""
    return rawgan.testing.check_layer
