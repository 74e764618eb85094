"""Arrays for the tests of the CPU's kernels, and their comparison with the reference."""

import numpy as np
import pytest
from hypothesis import strategies as st

from rawgan.testing.strategies import LAYOUTS, arrays, shapes
from rawgan.testing.tolerances import TOLERANCES

EPS = {"float32": 1.2e-7, "float64": 2.3e-16}
both_dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])
slopes = st.sampled_from([0.2, 0.0, 1.0])


def normal(shape, dtype="float32", seed=0):
    """Numbers of a normal distribution, the same each time."""
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def wide(arguments):
    """The arguments with arrays in float64, for the reference."""
    return [x.astype("float64") if isinstance(x, np.ndarray) else x for x in arguments]


def assert_near(got, exact, tolerance=1.0):
    """Assert that the largest error is within the dtype's tolerance, relative to the largest number."""
    assert got.shape == exact.shape
    error = np.abs(got.astype("float64") - exact).max(initial=0.0)
    assert error <= tolerance * TOLERANCES[got.dtype.name] * np.abs(exact).max(initial=0.0) + np.finfo(got.dtype).tiny


@st.composite
def alike(draw, count, any_shape=None, layouts=LAYOUTS):
    """Arrays of one shape and dtype, each with its own layout and magnitude."""
    shape = draw(shapes(axes=(0, 4)) if any_shape is None else any_shape)
    dtype = draw(st.sampled_from(["float32", "float64"]))
    choices = layouts if shape else layouts[:1]
    return [draw(arrays(shape, dtype, layouts=choices)) for _ in range(count)]
