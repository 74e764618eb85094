"""Softmax kernels on rows of every length, and of numbers that are not finite, against the reference."""

import numpy as np
import pytest
from fake_cupy import simulated_gpu

from rawgan_kernels import Backend

reference = Backend("reference")
NAMES = ["softmax", "log_softmax", "logsumexp"]
LIMIT = {"float32": 2e-6, "float64": 4e-15}

pytestmark = pytest.mark.usefixtures("simulated_gpu")
__all__ = ["simulated_gpu"]  # a fixture


def draw(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def agree(name, backend, dtype, *arrays):
    given = [array.astype(dtype) for array in arrays]
    got, expected = getattr(Backend(backend), name)(*given), getattr(reference, name)(*arrays)
    assert (got.dtype, got.shape) == (dtype, expected.shape)
    np.testing.assert_allclose(got, expected, rtol=0, atol=LIMIT[dtype] * abs(expected).max(initial=1))


@pytest.mark.parametrize("dtype", LIMIT)
@pytest.mark.parametrize("backend", ["cpu", "cuda"])
@pytest.mark.parametrize("shape", [(3, 1), (9, 27), (2, 3, 70), (0, 3)])
@pytest.mark.parametrize("name", NAMES)
def test_rows_of_any_length_agree(name, shape, backend, dtype):
    x, gy = draw(shape), draw(shape, 1)
    agree(name, backend, dtype, x)
    y = getattr(reference, name)(x)
    agree(f"{name}_grad", backend, dtype, *((x, y, gy[..., 0]) if name == "logsumexp" else (y, gy)))


@pytest.mark.parametrize("dtype", LIMIT)
@pytest.mark.parametrize("shape", [(2, 20_000), (1300, 27)])  # more than a block in a row, more than a block of rows
@pytest.mark.parametrize("name", NAMES)
def test_the_cpu_adds_blocks_up(name, shape, dtype):
    x = draw(shape)
    agree(name, "cpu", dtype, x)
    y = getattr(reference, name)(x)
    agree(f"{name}_grad", "cpu", dtype, *((x, y, x[:, 0]) if name == "logsumexp" else (y, draw(shape, 1))))


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("backend", ["reference", "cpu", "cuda"])
def test_rows_of_nothing_are_empty(backend, name):
    assert getattr(Backend(backend), name)(np.empty((2, 0))).shape == (2, 0)
    np.testing.assert_array_equal(Backend(backend).logsumexp(np.empty((2, 0))), [-np.inf, -np.inf])


@pytest.mark.parametrize("repeats", [1, 20_000])
@pytest.mark.parametrize("backend", ["reference", "cpu", "cuda"])
@pytest.mark.filterwarnings("ignore:(invalid|overflow|divide):RuntimeWarning")
def test_nan_and_infinity_stay_in_their_row(backend, repeats):
    nan, inf = np.nan, np.inf
    if backend == "cuda" and repeats > 1:
        return  # the simulator would take minutes, and the kernel knows no blocks of a row
    rows = [(1, 0), (nan, 1), (inf, 1), (-inf, -inf), (-inf, 3), (inf, nan), (-inf, nan), (inf, -inf)]
    x, kernels = np.array(rows).repeat(repeats, axis=1), Backend(backend)
    sums = [np.log1p(np.e), nan, inf, -inf, 3, nan, nan, inf]
    np.testing.assert_allclose(kernels.logsumexp(x), np.array(sums) + np.log(repeats), rtol=1e-12)
    undefined = np.array([False, True, True, True, False, True, True, True])
    y = kernels.softmax(x)
    np.testing.assert_array_equal(np.isnan(y[:, -1]), undefined)
    np.testing.assert_array_equal(y[4, [0, -1]], [0, 1 / repeats])
    z = kernels.log_softmax(x)
    np.testing.assert_array_equal(np.isnan(z[:, -1]), undefined)
    np.testing.assert_array_equal(z[4, 0], -inf)


@pytest.mark.parametrize("name", NAMES)
def test_long_float32_rows_do_not_drift(name):
    """A million equal numbers: added up one by one in float32, they would be off in the third digit."""
    x = np.full((1, 1 << 20), 0.3, "float32")
    agree(name, "cpu", "float32", x.astype("float64"))
    sum = {"softmax": 2.0**-20, "log_softmax": -20 * np.log(2), "logsumexp": np.float32(0.3) + 20 * np.log(2)}[name]
    np.testing.assert_allclose(getattr(Backend("cpu"), name)(x).ravel()[:1], sum, rtol=1e-6)
