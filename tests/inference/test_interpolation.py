"""Spherical interpolation between vectors of noise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from picture_files import rng

from rawgan.errors import DTypeError, ShapeError
from rawgan.inference import slerp


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(t=st.floats(0, 1), seed=st.integers(0, 2**32 - 1))
def test_slerp_stays_on_the_sphere_at_the_right_angle(dtype, t, seed):
    z0, z1 = np.random.default_rng(seed).standard_normal((2, 16))
    z0, z1 = (z0 / np.linalg.norm(z0)).astype(dtype), (z1 / np.linalg.norm(z1)).astype(dtype)
    z = slerp(z0, z1, t)
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    assert z.dtype == dtype
    assert np.linalg.norm(z) == pytest.approx(1, abs=tolerance)
    whole = np.arctan2(np.linalg.norm(z1 - (z1 @ z0) * z0), z1 @ z0)
    assert z @ z0 == pytest.approx(np.cos(t * whole), abs=tolerance)
    assert z @ z1 == pytest.approx(np.cos((1 - t) * whole), abs=tolerance)


def test_slerp_ends_where_it_should_and_keeps_the_lengths():
    z0, z1 = rng.standard_normal((2, 3, 64))
    path = slerp(z0, 5 * z1, np.array([0.0, 1.0])[:, None])
    assert path.shape == (2, 3, 64)
    np.testing.assert_allclose(path, [z0, 5 * z1], rtol=1e-12)


@pytest.mark.parametrize(
    ("shape0", "shape1", "times", "expected"),
    [
        ((8,), (8,), (), (8,)),
        ((8,), (8,), (5,), (5, 8)),
        ((3, 8), (3, 8), (), (3, 8)),
        ((3, 8), (3, 8), (3,), (3, 8)),
        ((3, 8), (8,), (5, 1), (5, 3, 8)),
        ((4, 1, 8), (3, 8), (), (4, 3, 8)),
    ],
)
def test_slerp_broadcasts_and_leaves_its_arguments_alone(shape0, shape1, times, expected):
    z0, z1, t = rng.standard_normal(shape0), rng.standard_normal(shape1), rng.random(times)
    before = z0.copy(), z1.copy(), np.copy(t)
    assert slerp(z0, z1, t).shape == expected
    assert all(np.array_equal(a, b) for a, b in zip((z0, z1, t), before, strict=True))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("z0", "z1"),
    [
        ([1, 2, 2], [1, 2, 2]),
        ([1, 2, 2], [3, 6, 6]),
        ([1, 2, 2], [-1, -2, -2]),
        ([0, 0, 0], [1, 2, 2]),
        ([0] * 3,) * 2,
    ],
    ids=["equal", "parallel", "opposite", "zero", "both zero"],
)
def test_without_a_single_great_circle_the_path_is_straight(dtype, z0, z1):
    z0, z1 = np.array(z0, dtype), np.array(z1, dtype)
    times = np.array([0, 0.25, 0.5, 1])
    expected = (1 - times)[:, None] * z0 + times[:, None] * z1
    np.testing.assert_allclose(slerp(z0, z1, times), expected, atol=1e-6)


def test_slerp_between_equal_vectors_stays_though_their_cosine_rounds_to_more_than_1():
    z = np.random.default_rng(0).standard_normal((300, 100))
    np.testing.assert_allclose(slerp(z, z, 0.5), z, rtol=1e-12)


def test_slerp_of_nearly_parallel_vectors_is_precise():
    z0 = np.array([1.0, 0.0])
    for angle in 10.0 ** -np.arange(1, 9):
        z1 = np.array([np.cos(angle), np.sin(angle)])
        middle = [np.cos(angle / 2), np.sin(angle / 2)]
        np.testing.assert_allclose(slerp(z0, z1, 0.5), middle, atol=1e-8)


@pytest.mark.parametrize(
    ("shape0", "shape1", "t"),
    [((8,), (9,), 0.5), ((2, 8), (3, 8), 0.5), ((3, 8), (3, 8), [0, 1]), ((), (), 0.5)],
)
def test_slerp_refuses_shapes_that_do_not_fit(shape0, shape1, t):
    with pytest.raises(ShapeError) as error:
        slerp(np.zeros(shape0), np.zeros(shape1), t)
    assert f"z0 {shape0}   z1 {shape1}" in str(error.value)


@pytest.mark.parametrize(("dtype0", "dtype1"), [("f4", "f8"), ("i8", "i8"), ("f2", "f2")])
def test_slerp_refuses_other_dtypes(dtype0, dtype1):
    with pytest.raises(DTypeError, match="slerp"):
        slerp(np.zeros(4, dtype0), np.zeros(4, dtype1), 0.5)
