"""The pytest plugin: the fixtures `gradcheck` and `check_layer`, in every project that has rawgan installed.

def test_my_op(gradcheck):
    gradcheck(my_op, np.random.default_rng(0).normal(size=(2, 3)))
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from rawgan.testing import Report


@pytest.fixture(scope="session")
def gradcheck() -> "Callable[..., Report]":
    """The function `rawgan.testing.gradcheck`: gradcheck(fn, *arrays, order=2, …)."""
    from rawgan.testing import gradcheck  # only now: most tests of a project do without it

    return gradcheck


@pytest.fixture(scope="session")
def check_layer() -> "Callable[..., Report]":
    """The function `rawgan.testing.check_layer`: check_layer(layer, *arrays, order=2, …)."""
    from rawgan.testing import check_layer

    return check_layer
