"""The CPU's sums, updates and pixels against the reference; all of its kernels on one thread and on two."""

import numba
import numpy as np
import pytest
from cpu_arrays import alike, assert_near, both_dtypes, normal, wide
from hypothesis import given
from hypothesis import strategies as st

from rawgan.data import to_unit
from rawgan.testing.strategies import LAYOUTS, shapes
from rawgan_kernels import Backend
from rawgan_kernels.cpu import activation, arithmetic, norm, optim, pixels
from rawgan_kernels.cpu.run import columns, elementwise
from rawgan_kernels.cpu.vector import pointers

reference = Backend("reference")

LARGE = 2 * elementwise.BLOCK + 5
"""Numbers of two blocks and a bit."""


# --- sums ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(5,), (3, 70, 90, 3), (900, 64), (70, 1030), (20000, 1), (0, 5), (4, 0)], ids=str)
def test_a_number_is_added_to_each_channel_or_each_pixel(shape):
    a = normal(shape)
    for b in (normal(shape[-1:]), normal((*shape[:-1], 1))):
        np.testing.assert_array_equal(arithmetic.add(a, b), a + b, strict=True)


@given(xs=alike(1, shapes(axes=(1, 4))))
def test_channel_sums_agree_with_the_reference(xs):
    (x,) = xs
    exact = x.astype("float64").sum(axis=tuple(range(x.ndim - 1)))
    bound = float(np.abs(x).max())
    assert_near(np.append(arithmetic.channel_sum(x), x.dtype.type(bound)), np.append(exact, bound))
    assert_near(np.append(reference.channel_sum(x), x.dtype.type(bound)), np.append(exact, bound))


@pytest.mark.parametrize("shape", [(3, 100, 100, 3), (40000, 1), (700, 200), (70, 1030), (0, 5)])
def test_channel_sums_of_many_float32_numbers_do_not_drift(shape):
    x = 1 + normal(shape)
    np.testing.assert_allclose(
        arithmetic.channel_sum(x), x.sum(axis=tuple(range(x.ndim - 1)), dtype="float64"), rtol=1e-6
    )


# --- updates -------------------------------------------------------------------------------------------

UPDATES = {
    "sgd_update": (0, (0.125, 0.0, False, 0.0)),
    "sgd_update with momentum": (1, (0.125, 0.9, False, 0.0)),
    "sgd_update of Nesterov": (1, (0.125, 0.9, True, 0.1)),
    "rmsprop_update": (1, (0.125, 0.9, 1e-8, 0.1)),
    "adagrad_update": (1, (3, 0.125, 0.1, 1e-8, 0.1)),
    "adam_update": (2, (3, 0.125, 0.5, 0.99, 1e-8, 0.0, 0.0)),
    "adam_update with decay": (2, (1, 0.125, 0.5, 0.99, 1e-8, 0.1, 0.2)),
    "amsgrad_update": (3, (3, 0.125, 0.5, 0.99, 1e-8, 0.1, 0.2)),
    "lion_update": (1, (0.125, 0.5, 0.99, 0.1)),
    "average_update": (0, (0.75,)),
}


def assert_updates_like_the_reference(update, w, gw, moments):
    kept, numbers = UPDATES[update]
    squared = update.startswith(("rms", "adagrad"))
    moments = [[np.asarray(np.abs(m)) if squared or i else m for m in ms] for i, ms in enumerate(moments)][:kept]
    if update.startswith("sgd"):
        moments = moments or [[]]
    before = [x.copy() for x in gw]
    expected = [[x.astype("float64") for x in xs] for xs in (w, *moments)]
    name = update.split()[0]
    getattr(reference, name)(expected[0], wide(gw), *expected[1:], *numbers)
    getattr(optim, name)(w, gw, *moments, *numbers)
    for xs, others in zip((w, *moments), expected, strict=True):
        for x, other in zip(xs, others, strict=True):
            assert_near(x, other)
    for x, other in zip(gw, before, strict=True):
        np.testing.assert_array_equal(x, other)


@pytest.mark.parametrize("update", UPDATES)
@given(data=st.data())
def test_updates_of_awkward_arrays_agree_with_the_reference(update, data):
    sets = [data.draw(alike(5, layouts=LAYOUTS[:4])) for _ in range(data.draw(st.integers(1, 3)))]
    assert_updates_like_the_reference(
        update, [x[0] for x in sets], [x[1] for x in sets], [[x[k] for x in sets] for k in (2, 3, 4)]
    )


@pytest.mark.parametrize("update", UPDATES)
def test_updates_of_large_and_empty_arrays_of_both_dtypes(update):
    lengths = [
        ("float32", 2 * optim.BLOCK + 3),
        ("float64", 5),
        ("float32", 0),
        ("float32", optim.BLOCK),
        ("float64", 0),
    ]
    w, gw, *moments = ([normal(length, dtype, seed) for dtype, length in lengths] for seed in range(5))
    assert_updates_like_the_reference(update, w, gw, moments)


def test_addresses_are_found_of_any_array():
    class Own(np.ndarray):
        pass

    x = np.arange(12.0)
    arrays = [x, x[3:], x.reshape(3, 4)[1:], np.zeros(()), np.zeros(0, "float32"), x[::-2], x.view(Own)]
    assert pointers.addresses_of(arrays).tolist() == list(map(pointers.address_of, arrays))
    assert pointers.addresses_of([]).size == 0


# --- pixels --------------------------------------------------------------------------------------------


@both_dtypes
def test_pixels_have_the_bits_of_to_unit(dtype):
    images = np.random.default_rng(0).permuted(np.tile(np.arange(256, dtype=np.uint8), 9)).reshape(16, 12, 6, 2)
    indices = np.array([3, 0, 15, 3])
    for stored in (images, np.asfortranarray(images), images[::-1].copy()[::-1]):
        for backend in (pixels, reference):
            got = backend.gather_pixels(stored, indices, np.dtype(dtype))
            assert got.dtype == dtype
            np.testing.assert_array_equal(got, to_unit(images[indices], dtype))
    assert pixels.gather_pixels(images, indices[:0], np.dtype(dtype)).shape == (0, 12, 6, 2)


# --- threads -------------------------------------------------------------------------------------------


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="this machine has one thread")
def test_one_thread_and_two_give_the_same_bits():
    x, gy, t = normal(LARGE), normal(LARGE, seed=1), np.abs(normal(LARGE, seed=2))
    image, image_gy = normal((40, 9, 9, 64)), normal((40, 9, 9, 64), seed=1)
    assert columns.grid(1, 40 * 81, 64).blocks > 2
    scale, axes = normal(64, seed=2), (0, 1, 2)

    def everything():
        y, mean, var = norm.normalize(image, scale, scale, axes, 1e-3, 0.2)
        w = [x.copy(), image.copy()]
        m, v = ([a * a for a in w] for _ in range(2))
        optim.adam_update(w, [gy, image_gy], m, v, 2, 0.1, 0.5, 0.9, 1e-8, 0.0, 0.0)
        rows, row_gy, row = image.reshape(40, -1), image_gy.reshape(40, -1), image[0].ravel()
        of_rows = norm.normalize(rows, row, row, (1,), 1e-3, 0.2)
        return [
            activation.tanh(x), activation.bce_with_logits_grad(x, t, gy), arithmetic.channel_sum(image),
            y, mean, var, *norm.normalize_grad(image, image_gy, scale, scale, mean, var, axes, 1e-3, 0.2),
            *of_rows, *norm.normalize_grad(rows, row_gy, row, row, *of_rows[1:], (1,), 1e-3, 0.2), *w, *m, *v,
        ]  # fmt: skip

    before = numba.get_num_threads()
    try:
        results = []
        for threads in (1, *[min(2, numba.config.NUMBA_NUM_THREADS)] * 2):
            numba.set_num_threads(threads)
            results.append([result.tobytes() for result in everything()])
    finally:
        numba.set_num_threads(before)
    assert results[0] == results[1] == results[2]
