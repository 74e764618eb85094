"""The CPU's norms: agreement with the reference, statistics that do not drift, one mask forward and backward."""

import numpy as np
import pytest
from cpu_arrays import alike, assert_near, both_dtypes, normal, slopes, wide
from hypothesis import given
from hypothesis import strategies as st

from rawgan.testing.strategies import arrays, shapes
from rawgan.testing.tolerances import TOLERANCES
from rawgan_kernels import Backend, MissingKernel
from rawgan_kernels.cpu import norm

reference = Backend("reference")

NORMS = [
    pytest.param((129, 3), (3,), (0,), id="batch norm of vectors"),
    pytest.param((31, 7, 9, 5), (5,), (0, 1, 2), id="batch norm of images, last wide row short"),
    pytest.param((3, 25, 9, 200), (200,), (0, 1, 2), id="batch norm of images, several blocks"),
    pytest.param((70, 1030), (1030,), (0,), id="batch norm of many channels, in panels"),
    pytest.param((40, 1030), (1030,), (0,), id="batch norm of many channels, in panels, all passes in one launch"),
    pytest.param((3, 30, 50, 24), (24,), (1, 2), id="instance norm"),
    pytest.param((2, 9, 9, 37), (37,), (1, 2), id="instance norm, channels that fill no registers"),
    pytest.param((37, 19), (19,), (1,), id="layer norm"),
    pytest.param((3, 2500), (2500,), (1,), id="layer norm of long samples, in chunks"),
    pytest.param((19, 3, 5, 7), (3, 5, 7), (1, 2, 3), id="layer norm of images"),
    pytest.param((3, 700, 4, 6), (4, 6), (1, 3), id="group norm, several blocks"),
    pytest.param((5, 1, 3, 200), (3, 200), (1, 3), id="group norm of many channels, in panels"),
    pytest.param((2, 3, 4, 1, 5), (1, 5), (1, 2, 4), id="group norm of one group"),
]


def norm_arguments(shape, scales, dtype):
    x, gamma, beta = 3 + 2 * normal(shape, dtype), normal(scales, dtype, 1), normal(scales, dtype, 2)
    return x, normal(shape, dtype, 3), gamma, beta


@both_dtypes
@pytest.mark.parametrize(("shape", "scales", "axes"), NORMS)
def test_norms_agree_with_the_reference(shape, scales, axes, dtype):
    x, gy, gamma, beta = norm_arguments(shape, scales, dtype)
    got = norm.normalize(x, gamma, beta, axes, 1e-3, 0.2)
    for result, expected in zip(got, reference.normalize(*wide((x, gamma, beta)), axes, 1e-3, 0.2), strict=True):
        assert_near(result, expected)
    y, mean, var = got
    got = norm.normalize_grad(x, gy, gamma, beta, mean, var, axes, 1e-3, 0.2)
    arguments = wide((x, gy, gamma, beta, mean, var))
    for result, expected in zip(got, reference.normalize_grad(*arguments, axes, 1e-3, 0.2), strict=True):
        assert_near(result, expected)
    assert [result.dtype.name for result in (y, mean, var, *got)] == [dtype] * 6


@given(data=st.data(), slope=slopes, kind=st.sampled_from(["batch", "instance", "layer"]))
def test_norms_of_awkward_arrays_agree_with_the_reference(data, slope, kind):
    shape = data.draw(shapes(axes=4, max_length=5) if kind == "instance" else shapes(axes=(2, 4), max_length=5))
    last = len(shape) - 1
    axes = {"batch": tuple(range(last)), "instance": (1, 2), "layer": tuple(range(1, last + 1))}[kind]
    x, gy = data.draw(alike(2, st.just(shape)))
    gamma, beta = (data.draw(arrays(shape[1:] if kind == "layer" else shape[-1:], x.dtype.name)) for _ in range(2))
    y, mean, var = norm.normalize(x, gamma, beta, axes, 1e-3, slope)
    expected = reference.normalize(*wide((x, gamma, beta)), axes, 1e-3, slope)
    # Where numbers differ little, their mean and their difference from it are right to the digits of the numbers.
    ratio = 1 + float(np.abs(x).max() / np.sqrt(expected[2].min() + 1e-3))
    size = float(np.abs(gamma).max()) * (1 + np.sqrt(x.size)) + float(np.abs(beta).max())
    assert_near(mean, expected[1], ratio)
    assert np.abs(y - expected[0]).max() <= TOLERANCES[x.dtype.name] * ratio * size + np.finfo(x.dtype).tiny
    got = norm.normalize_grad(x, gy, gamma, beta, mean, var, axes, 1e-3, slope)
    expected = reference.normalize_grad(x, gy, gamma, beta, mean, var, axes, 1e-3, slope)
    for result, other in zip(got, expected, strict=True):
        assert result.shape == other.shape
        assert result.dtype == x.dtype
    if x.dtype == np.float64:
        bound = float(np.abs(gy).max()) * ratio * x.size
        assert_near(np.append(got[1], bound), np.append(expected[1], bound))
        assert_near(np.append(got[2], bound), np.append(expected[2], bound))
        bound *= float(np.abs(gamma).max()) / np.sqrt(float(var.min()) + 1e-3)
        assert_near(np.append(got[0], bound), np.append(expected[0], bound))


@both_dtypes
@pytest.mark.parametrize(("shape", "scales", "axes"), NORMS)
def test_the_backward_pass_finds_the_mask_of_the_forward_pass(shape, scales, axes, dtype):
    """With a slope of 0 and an upstream gradient of 1, gbeta counts the places where the activation is open."""
    x, _, gamma, beta = norm_arguments(shape, scales, dtype)
    x = np.round(x * 4) / 4  # many equal numbers; with beta such that some of them land on 0, give or take a rounding
    _, mean, var = norm.normalize(x, gamma, beta, axes, 1e-3, 0.0)
    first = x[(0,) * (x.ndim - len(scales))]
    centre, spread = (a.reshape(-1, a.shape[-1])[0] if gamma.ndim == 1 else a[0] for a in (mean, var))
    beta = (-(first - centre) * (gamma / np.sqrt(spread.astype("float64") + 1e-3))).astype(dtype)
    y, mean, var = norm.normalize(x, gamma, beta, axes, 1e-3, 0.0)
    assert 0 < np.count_nonzero(y > 0) < y.size
    assert np.count_nonzero(np.abs(y) < 1e-5) > 0
    ones = np.ones_like(x)
    _, _, counted = norm.normalize_grad(x, ones, gamma, beta, mean, var, axes, 1e-3, 0.0)
    shared = tuple(range(x.ndim - gamma.ndim))
    np.testing.assert_array_equal(counted, np.count_nonzero(y > 0, axis=shared))
    closed = norm.normalize_grad(x, np.where(y > 0, 0, ones), gamma, beta, mean, var, axes, 1e-3, 0.0)
    assert all(not np.any(gradient) for gradient in closed)


@pytest.mark.parametrize("channels", [1, 2, 600])
def test_statistics_of_many_float32_numbers_do_not_drift(channels):
    x = (100 + normal((1 << 18) // min(channels, 8) * channels, "float64", 3)).astype("float32").reshape(-1, channels)
    ones = np.ones(channels, "float32")
    _, mean, var = norm.normalize(x, ones, ones, (0,), 0.0, 1.0)
    np.testing.assert_allclose(mean.ravel(), x.mean(0, dtype="float64"), rtol=1e-6)
    np.testing.assert_allclose(var.ravel(), x.astype("float64").var(0), rtol=1e-5)


def test_one_outlier_at_the_start_does_not_cost_the_variance_its_digits():
    x = normal((4000, 3), seed=4)
    x[0] = 1e4
    ones = np.ones(3, "float32")
    _, mean, var = norm.normalize(x, ones, ones, (0,), 0.0, 1.0)
    np.testing.assert_allclose(mean.ravel(), x.mean(0, dtype="float64"), rtol=1e-6)
    np.testing.assert_allclose(var.ravel(), x.astype("float64").var(0), rtol=1e-5)


@pytest.mark.parametrize(("scales", "axes"), [((3,), (0, 1, 2)), ((3,), (1, 2)), ((8, 4, 3), (1, 2, 3))])
def test_nan_and_infinity_stay_in_their_channel_or_sample(scales, axes):
    x = normal((4, 8, 4, 3))
    x[3, 7, 1, 0], x[2, 0, 0, 1] = np.nan, np.inf
    gamma, beta = np.ones(scales, "float32"), np.zeros(scales, "float32")
    with np.errstate(all="ignore"):
        expected = reference.normalize(x, gamma, beta, axes, 1e-3, 0.2)
    for result, other in zip(norm.normalize(x, gamma, beta, axes, 1e-3, 0.2), expected, strict=True):
        np.testing.assert_allclose(result, other, rtol=1e-5, atol=1e-6)


def test_norms_of_no_samples_are_empty_and_have_no_gradient():
    x, ones = np.zeros((0, 4, 4, 2), "float32"), np.ones(2, "float32")
    y, mean, var = norm.normalize(x, ones, ones, (0, 1, 2), 1e-3, 0.2)
    assert (y.shape, mean.shape, var.shape) == (x.shape, (1, 1, 1, 2), (1, 1, 1, 2))
    gx, ggamma, gbeta = norm.normalize_grad(x, x, ones, ones, mean, var, (0, 1, 2), 1e-3, 0.2)
    assert (gx.shape, ggamma.tolist(), gbeta.tolist()) == (x.shape, [0, 0], [0, 0])


def test_other_means_are_refused():
    x = np.zeros((2, 3, 4), "float32")
    with pytest.raises(
        MissingKernel, match=r"^backend 'cpu' has batch, instance, layer and group norm, but not the mean of"
    ):
        norm.normalize(x, x[0], x[0], (0,), 1e-3, 1.0)
