"""Products in bf16: on emulated matrix units everywhere, and on the CPU's own where it has any."""

import itertools
import math

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawgan.testing.layouts import LAYOUTS
from rawgan.testing.strategies import windows
from rawgan_kernels import Backend, Window
from rawgan_kernels.cpu.matrix_units import choice, convolution, packing, plans, product, weight_gradient
from rawgan_kernels.cpu.matrix_units.units import (
    AMX,
    AVX512,
    EMULATED_AMX,
    EMULATED_AVX512,
    UNITS,
    available,
    multiplier,
)
from rawgan_kernels.window import span

reference = Backend("reference")

EPS = 2.0**-24
HALVED = Window((14, 14), (4, 4), (2, 2), ((1, 1), (1, 1)))

each_unit = pytest.mark.parametrize(
    "unit",
    [EMULATED_AMX, EMULATED_AVX512, *available()],
    ids=["emulated amx", "emulated avx512", *(unit.name for unit in available())],
)


@pytest.mark.parametrize("unit", UNITS, ids=[unit.name for unit in UNITS])
def test_the_unit_itself_is_among_those_tested(unit):
    if unit not in available():
        pytest.skip(f"this CPU has no {unit.name}, or the system does not grant it: its instructions were emulated")
    assert multiplier(unit) != multiplier({AMX: EMULATED_AMX, AVX512: EMULATED_AVX512}[unit])


def draw(shape, seed=0):
    array = np.random.default_rng(seed).standard_normal(shape).astype("float32")
    array.flags.writeable = False
    return array


def rounded(x):
    return reference.rounded(x, 7)


def agree(got, factors, contract, terms):
    """Assert that `got` is a contraction of the rounded factors, with sums of so many terms at most.

    Products of bf16 are exact. Each of `terms` additions errs by EPS of its sum, which is below that of the sizes.
    """
    exact = [rounded(x).astype("float64") for x in factors]
    expected, sizes = contract(*exact), contract(*map(abs, exact))
    assert got.dtype == "float32"
    assert got.shape == expected.shape
    assert (abs(got - expected) <= EPS * (terms + 2) * sizes).all()


# --- products ------------------------------------------------------------------------------------------------------


@each_unit
@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((5, 7), (7, 3)),
        ((33, 801), (801, 47)),
        ((64, 64), (64, 32)),
        ((290, 1), (1, 17)),
        ((17, 0), (0, 5)),
        ((0, 3), (3, 4)),
        ((3, 40, 9), (3, 9, 20)),
        ((3, 1, 4, 5), (2, 5, 6)),
        ((2, 3, 4, 5), (5, 6)),
        ((24, 40), (40, 1100)),
    ],
)
def test_products_are_those_of_rounded_factors(unit, a, b):
    for layout_a, layout_b in itertools.product(sorted(LAYOUTS), repeat=2):
        left, right = LAYOUTS[layout_a](draw(a)), LAYOUTS[layout_b](draw(b, 1))
        agree(product.matmul(left, right, unit), [left, right], np.matmul, a[-1])


def test_products_take_arrays_of_any_steps():
    record = np.zeros(4, [("pad", "i1"), ("x", "f4", 3)])
    record["x"] = draw((4, 3))
    agree(product.matmul(record["x"], draw((3, 2)), EMULATED_AVX512), [record["x"], draw((3, 2))], np.matmul, 3)


@each_unit
def test_factors_are_rounded_to_the_nearest_number_and_ties_to_the_even_one(unit):
    """As rows and columns of a product with 1, in every way in which factors are packed."""
    x = (1 + np.arange(40, dtype="float32") * np.float32(2.0**-10)).reshape(8, 5)
    assert (x != rounded(x)).sum() == 35  # five are multiples of 2⁻⁷, and five are ties
    for layout in sorted(LAYOUTS):
        given, whole = LAYOUTS[layout](x), np.eye(8, dtype="float32")
        np.testing.assert_array_equal(product.matmul(whole, given, unit), rounded(x))
        np.testing.assert_array_equal(product.matmul(given, np.eye(5, dtype="float32"), unit), rounded(x))


@each_unit
def test_sums_are_of_float32_and_small_numbers_count_as_zero(unit):
    """2⁻¹³³ is below the smallest normal number, though it is one of bf16. 1 + 2⁻²⁰ has too many bits for bf16."""
    a = np.float32([[1, 2.0**-20, 2.0**-100, 2.0**-133, -(2.0**-133)]])
    b = np.float32([[1], [1], [2.0**-30], [2.0**100], [1]])
    assert product.matmul(a, b, unit) == np.float32(1 + 2.0**-20)
    assert product.matmul(a[:, 2:], b[2:], unit) == 0


@each_unit
@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf, 3.4e38])
def test_products_keep_what_is_not_finite_to_its_rows_and_columns(unit, poison):
    """3.4e38 is finite, but rounded to infinity."""
    a, b = draw((35, 37)).copy(), draw((37, 39), 1).copy()
    a[33, 36], b[36, 37] = poison, poison
    with np.errstate(invalid="ignore"):
        got, expected = product.matmul(a, b, unit), rounded(a) @ rounded(b)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))
    np.testing.assert_array_equal(np.isinf(got), np.isinf(expected))
    assert np.isfinite(got).sum() == 34 * 38


# --- convolutions --------------------------------------------------------------------------------------------------


def agree_with_reference(unit, window, n, c, k, slope=0.2):
    x, w = draw((n, *window.size, c)), draw((*window.kernel, c // window.groups, k), 1)
    gy, b_out, b_in = draw((n, *window.output, k), 2), draw(k, 3), draw(c, 4)
    taps, pixels = math.prod(window.kernel), n * math.prod(window.output)
    got = convolution.conv2d(x, w, window, None, 1.0, unit)
    agree(got, [x, w], lambda x, w: reference.conv2d(x, w, window), taps * c)
    finished = convolution.conv2d(x, w, window, b_out, slope, unit)
    np.testing.assert_array_equal(finished, reference.leaky_relu(got + b_out, slope))

    got = convolution.conv2d_input_grad(gy, w, window, None, 1.0, unit)
    agree(got, [gy, w], lambda gy, w: reference.conv2d_input_grad(gy, w, window), taps * k)
    finished = convolution.conv2d_input_grad(gy, w, window, b_in, slope, unit)
    np.testing.assert_array_equal(finished, reference.leaky_relu(got + b_in, slope))

    got = weight_gradient.conv2d_weight_grad(x, gy, window, unit)
    agree(got, [x, gy], lambda x, gy: reference.conv2d_weight_grad(x, gy, window), pixels)


@given(windows(max_groups=3), st.sampled_from([EMULATED_AMX, EMULATED_AVX512, *available()]), st.data())
def test_all_windows_agree_with_the_reference(window, unit, data):
    n, c, k = (data.draw(st.integers(1, 3), label=name) for name in ("images", "channels", "outputs"))
    agree_with_reference(unit, window, n, c * window.groups, k * window.groups)


@each_unit
@pytest.mark.parametrize(
    ("window", "n", "c", "k"),
    [
        (HALVED, 3, 64, 40),
        (Window((9, 9), (2, 2), (3, 3), ((0, 0), (0, 0)), (2, 2)), 1, 1100, 4),
        (Window((40, 37), (3, 3), (1, 1), ((1, 1), (1, 1))), 2, 5, 17),
        (Window((6, 6), (4, 4), (2, 2), ((1, 1), (1, 1))), 20, 32, 16),
        (Window((3, 600), (1, 5), (1, 2), ((0, 0), (2, 2))), 1, 2, 3),
        (Window((6, 5), (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 3), 40, 51, 60),
    ],
    ids=["chunks of taps", "deep taps", "bands of rows", "several images", "wide rows", "groups"],
)
def test_blocks_of_convolutions_fit_together(unit, window, n, c, k):
    agree_with_reference(unit, window, n, c, k)


def test_weights_of_many_sums_are_divided_by_taps():
    window = Window((6, 6), (3, 3), (1, 1), ((1, 1), (1, 1)))
    assert len(plans.forward(window, 96, weight_gradient.SUMS // 336).chunks) == 2
    x, gy = draw((2, 6, 6, 96)), draw((2, 6, 6, 330), 1)
    got = weight_gradient.conv2d_weight_grad(x, gy, window, EMULATED_AVX512)
    agree(got, [x, gy], lambda x, gy: reference.conv2d_weight_grad(x, gy, window), 72)


@each_unit
def test_an_empty_batch_has_an_empty_result_and_no_weight_gradient(unit):
    x, w, gy = np.zeros((0, 14, 14, 3), "f4"), draw((4, 4, 3, 5)), np.zeros((0, 7, 7, 5), "f4")
    assert convolution.conv2d(x, w, HALVED, None, 1.0, unit).shape == gy.shape
    assert convolution.conv2d_input_grad(gy, w, HALVED, None, 1.0, unit).shape == x.shape
    np.testing.assert_array_equal(weight_gradient.conv2d_weight_grad(x, gy, HALVED, unit), np.zeros(w.shape))


@each_unit
@pytest.mark.parametrize("poison", [np.nan, np.inf, 3.4e38])
@pytest.mark.parametrize("where", ["x", "w", "gy"])
def test_what_is_not_finite_stays_where_it_belongs(unit, poison, where):
    shapes = {"x": (2, 10, 10, 3), "w": (4, 4, 3, 5), "gy": (2, 5, 5, 5)}
    arrays = {name: draw(shape, seed).copy() for seed, (name, shape) in enumerate(shapes.items())}
    arrays[where][1, 2, 2, 2] = poison
    window = Window((10, 10), (4, 4), (2, 2), ((1, 1), (1, 1)))
    x, w, gy = arrays.values()
    results = {
        "conv2d": ((x, w), convolution.conv2d(x, w, window, None, 1.0, unit)),
        "conv2d_input_grad": ((gy, w), convolution.conv2d_input_grad(gy, w, window, None, 1.0, unit)),
        "conv2d_weight_grad": ((x, gy), weight_gradient.conv2d_weight_grad(x, gy, window, unit)),
    }
    assert (results["conv2d_input_grad"][1] is None) == (where == "w")  # or zeros around gy would be multiplied by them
    for name, (factors, got) in results.items():
        if got is not None:
            with np.errstate(all="ignore"):
                expected = getattr(reference, name)(*map(rounded, factors), window)
            np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))
            np.testing.assert_array_equal(got[np.isinf(expected)], expected[np.isinf(expected)])
            good = np.isfinite(expected)
            np.testing.assert_allclose(got[good], expected[good], rtol=1e-5, atol=1e-5 * abs(expected[good]).max())


@given(windows(max_groups=1))
def test_phases_hold_every_pixel_once_and_every_tap_in_one_of_them(window):
    plan = plans.backward(window, 1, 1)
    step, step_across = plan.geometry.result_step, plan.geometry.result_step_across
    seen = np.zeros(window.size, int)
    for top, rows, left, columns, down, across, *_ in plan.phases:
        for m, n in itertools.product(range(top, top + rows), range(left, left + columns)):
            seen[m * step + down, n * step_across + across] += 1
    assert (seen == 1).all()
    assert sorted(plan.taps) == [*range(math.prod(window.kernel))]


def test_a_chunk_joins_taps_that_lie_side_by_side():
    for plan in (plans.forward(HALVED, 8, 1024), plans.backward(HALVED, 8, 1024)):
        lengths = {int(length) for _, length in plan.runs}
        assert lengths == {HALVED.kernel[1] // plan.geometry.result_step_across * 8}
    assert {int(length) for _, length in plans.forward(HALVED, 8, 16).runs} == {16}
    assert span(4, 1) == plans.forward(HALVED, 8, 16).geometry.reach


# --- whatever the threads, the memory and the unit -------------------------------------------------------------------

CALLS = {
    "matmul": lambda unit: product.matmul(draw((70, 700)), draw((700, 90), 1), unit),
    "conv2d": lambda unit: convolution.conv2d(draw((9, 14, 14, 3)), draw((4, 4, 3, 20), 1), HALVED, None, 0.2, unit),
    "conv2d_input_grad": lambda unit: convolution.conv2d_input_grad(
        draw((9, 7, 7, 20)), draw((4, 4, 3, 20), 1), HALVED, None, 1.0, unit
    ),
    "conv2d_weight_grad": lambda unit: weight_gradient.conv2d_weight_grad(
        draw((40, 14, 14, 3)), draw((40, 7, 7, 20), 1), HALVED, unit
    ),
}


@each_unit
@pytest.mark.parametrize("name", CALLS)
def test_one_thread_and_two_give_the_same_bits_and_so_does_used_memory(name, unit, poison_memory):
    before = numba.get_num_threads()
    results = []
    for threads in {1, min(2, numba.config.NUMBA_NUM_THREADS)}:
        numba.set_num_threads(threads)
        try:
            results += [CALLS[name](unit), CALLS[name](unit)]
        finally:
            numba.set_num_threads(before)
    poison_memory()
    CALLS[name](unit)
    results.append(CALLS[name](unit))
    assert len({result.tobytes() for result in results}) == 1


def test_arrays_begin_with_a_cache_line():
    for rows, length in ((1, 32), (3, 32), (40, 4096)):
        array = packing.aligned(rows, length, packing.HALF)
        assert packing.address_of(array) % packing.LINE == 0
        assert array.shape == (rows, length)


def test_large_products_are_chosen_and_small_or_thin_ones_are_not():
    def zeros(*shape):
        return np.zeros(shape, "float32")

    x, w, gy = zeros(128, 16, 16, 128), zeros(4, 4, 128, 256), zeros(128, 8, 8, 256)
    window = Window((16, 16), (4, 4), (2, 2), ((1, 1), (1, 1)))
    for unit in UNITS:
        assert choice.suits_matmul(zeros(128, 1024), zeros(1024, 1024), unit)
        assert choice.suits_matmul(zeros(64, 128, 256), zeros(64, 256, 128), unit)
        assert not choice.suits_matmul(zeros(16, 64), zeros(64, 64), unit)
        assert not choice.suits_matmul(zeros(4096, 1024), zeros(1024, 1), unit)
        fast = unit is AMX  # else the fast convolution of float32 is faster: it multiplies less
        assert choice.suits_conv2d(x, w, window, unit) == fast
        assert choice.suits_conv2d_input_grad(gy, w, window, unit) == fast
        assert choice.suits_conv2d_weight_grad(x, gy, window, unit) == fast
        square = Window((16, 16), (3, 3), (1, 1), ((1, 1), (1, 1)))
        assert choice.suits_conv2d(x, zeros(3, 3, 128, 64), square, unit)
        assert not choice.suits_conv2d(x, zeros(3, 3, 1, 128), Window((16, 16), (3, 3), groups=128), unit)
        assert not choice.suits_conv2d_input_grad(zeros(128, 14, 14, 64), zeros(4, 4, 1, 64), HALVED, unit)
