"""The CPU's convolutions and products: the mathematics of the fast way in exact numbers, then all of it against the
reference in float64."""

import itertools
from fractions import Fraction

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawgan.testing.layouts import LAYOUTS
from rawgan.testing.strategies import arrays, windows
from rawgan.testing.tolerances import TOLERANCES
from rawgan_kernels import Backend, Window
from rawgan_kernels.cpu.convolutions import general, toom_cook, winograd, winograd_weight_grad
from rawgan_kernels.cpu.vector import registers

cpu, reference = Backend("cpu"), Backend("reference")

DTYPES = st.sampled_from(["float32", "float64"])


def draw(shape, dtype="float64", seed=0):
    array = np.random.default_rng(seed).standard_normal(shape).astype(dtype)
    array.flags.writeable = False
    return array


def panel(dtype):
    """Number of channels in a panel on this machine."""
    return registers.PANEL_BYTES // np.dtype(dtype).itemsize


def error(got, expected):
    """Largest difference, relative to the largest number."""
    assert got.shape == expected.shape
    return float(abs(got - expected).max(initial=0.0)) / (float(abs(expected).max(initial=0.0)) or 1.0)


def agree(got, expected, dtype):
    assert got.dtype == dtype
    assert error(got, expected) <= TOLERANCES[dtype]


# --- multiplying polynomials by their values -------------------------------------------------------------------


def times(matrix, vector):
    return [sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix]


@pytest.mark.parametrize("m", [2, 3, 4])
def test_the_three_matrices_multiply_polynomials_exactly(m):
    y, g = [Fraction(3 * i - 4, 7) for i in range(m)], [Fraction(2), Fraction(-5, 3)]
    values = [a * b for a, b in zip(times(toom_cook.G, g), times(toom_cook.A[m], y), strict=False)]
    product = [sum(y[i] * g[k - i] for i in range(m) if 0 <= k - i < 2) for k in range(m + 1)]
    assert times(toom_cook.C[m], values) == product


@pytest.mark.parametrize("m", [2, 3, 4])
def test_the_transposed_matrices_convolve(m):
    x, g = [Fraction(i * i - 3, 5) for i in range(m + 1)], [Fraction(1, 2), Fraction(7)]
    values = [
        a * b for a, b in zip(times(toom_cook.G, g), times(toom_cook.transposed(toom_cook.C[m]), x), strict=False)
    ]
    assert times(toom_cook.transposed(toom_cook.A[m]), values) == [x[i] * g[0] + x[i + 1] * g[1] for i in range(m)]


def test_tiles_cover_every_length_with_sizes_that_have_matrices():
    for length in range(2, 40):
        sizes = toom_cook.tile_sizes(length)
        assert sum(sizes) == length
        assert set(sizes) <= {2, 3, 4}
        assert toom_cook.multiplications(length) <= 2 * length * 0.75


# --- the fast way --------------------------------------------------------------------------------------------------


@st.composite
def halving(draw):
    """Windows of 4×4 taps and stride 2, with any padding, on images that they fit."""
    padding = draw(st.tuples(*[st.tuples(st.integers(0, 3), st.integers(0, 3))] * 2))
    size = tuple(max(draw(st.integers(3, 21)), 6 - sum(pads)) for pads in padding)
    return Window(size, (4, 4), (2, 2), padding)


@given(halving(), DTYPES, st.integers(1, 5), st.sampled_from([1, 2, 3]), st.sampled_from([1, 2, 5]))
def test_the_fast_triple_agrees_with_the_reference(window, dtype, n, c, k):
    c, k = (panels * panel(dtype) for panels in (c, k))
    assert winograd.applies(window, c, k, np.dtype(dtype))
    x, w = draw((n, *window.size, c), dtype), draw((4, 4, c, k), dtype, 1)
    gy, b = draw((n, *window.output, k), dtype, 2), draw(k, dtype, 3)
    exact = [a.astype("float64") for a in (x, w, gy, b)]
    agree(cpu.conv2d(x, w, window, b, 0.2), reference.conv2d(*exact[:2], window, exact[3], 0.2), dtype)
    agree(cpu.conv2d_input_grad(gy, w, window), reference.conv2d_input_grad(exact[2], exact[1], window), dtype)
    agree(cpu.conv2d_weight_grad(x, gy, window), reference.conv2d_weight_grad(exact[0], exact[2], window), dtype)


def test_weight_gradients_of_more_images_than_fit_at_once_agree():
    window = Window((14, 10), (4, 4), (2, 2), ((1, 1), (1, 1)))
    x, gy = draw((9, 14, 10, 32)), draw((9, 7, 5, 64), seed=1)
    got = winograd_weight_grad.conv2d_weight_grad(x, gy, window, gradient_bytes=1 << 16)
    agree(got, reference.conv2d_weight_grad(x, gy, window), "float64")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("images_bytes", [1, 1 << 18, 1 << 30])
def test_weight_gradients_of_large_images_are_summed_over_ranges_of_them(dtype, images_bytes, monkeypatch):
    window, c = Window((38, 30), (4, 4), (2, 2), ((1, 1), (1, 1))), panel(dtype)
    x, gy = draw((21, 38, 30, c), dtype), draw((21, 19, 15, 2 * c), dtype, 1)
    monkeypatch.setattr(winograd_weight_grad, "_multiply_tiles", None)  # of the other way
    got = winograd_weight_grad.conv2d_weight_grad(x, gy, window, images_bytes=images_bytes)
    agree(got, reference.conv2d_weight_grad(x.astype("float64"), gy.astype("float64"), window), dtype)
    gy = gy.copy()
    gy[20, 3, 4, 5] = np.inf
    assert winograd_weight_grad.conv2d_weight_grad(x, gy, window, images_bytes=images_bytes) is None


def test_weight_gradients_by_ranges_need_no_more_memory_for_many_channels(monkeypatch):
    window, c = Window((64, 64), (4, 4), (2, 2), ((1, 1), (1, 1))), 5 * panel("float32")
    monkeypatch.setattr(winograd_weight_grad, "SUMS_BYTES", winograd_weight_grad.RANGES * 100 * c * c * 4 - 1)
    monkeypatch.setattr(winograd_weight_grad, "_weight_grad_by_ranges", None)
    x, gy = draw((3, 64, 64, c), "float32"), draw((3, 32, 32, c), "float32", 1)
    exact = reference.conv2d_weight_grad(x.astype("float64"), gy.astype("float64"), window)
    agree(winograd_weight_grad.conv2d_weight_grad(x, gy, window), exact, "float32")


def test_weights_of_more_channels_than_fit_at_once_give_the_same_bits():
    window = Window((14, 10), (4, 4), (2, 2), ((1, 1), (1, 1)))
    c, k = 3 * panel("float32"), 5 * panel("float32")
    x, w, b = draw((3, 14, 10, c), "float32"), draw((4, 4, c, k), "float32", 1), draw(k, "float32", 2)
    gy = draw((3, 7, 5, k), "float32", 3)
    memory = 25 * w.nbytes // 4 // 2
    assert [len(winograd.channel_parts(channels, w, memory)) for channels in (c, k)] == [2, 2]
    np.testing.assert_array_equal(winograd.conv2d(x, w, window, b, 0.2, memory), winograd.conv2d(x, w, window, b, 0.2))
    np.testing.assert_array_equal(
        winograd.conv2d_input_grad(gy, w, window, b[:c], 0.2, memory),
        winograd.conv2d_input_grad(gy, w, window, b[:c], 0.2),
    )
    x = x.copy()
    x[1, 2, 3, 4] = np.nan
    assert winograd.conv2d(x, w, window, b, 0.2, memory) is None


@pytest.mark.parametrize("channels", [3, 64])
def test_an_empty_batch_has_an_empty_result_and_no_weight_gradient(channels):
    window = Window((8, 8), (4, 4), (2, 2), ((1, 1), (1, 1)))
    x, w, gy = np.zeros((0, 8, 8, channels)), draw((4, 4, channels, 64)), np.zeros((0, 4, 4, 64))
    assert cpu.conv2d(x, w, window).shape == gy.shape
    assert cpu.conv2d_input_grad(gy, w, window).shape == x.shape
    np.testing.assert_array_equal(cpu.conv2d_weight_grad(x, gy, window), np.zeros(w.shape))


def test_the_fast_way_is_taken_for_its_windows_and_whole_panels_alone():
    halves = Window((14, 14), (4, 4), (2, 2), ((1, 1), (1, 1)))
    narrow = panel("float32")
    assert winograd.applies(halves, narrow, 4 * narrow, np.dtype("float32"))
    assert not winograd.applies(halves, narrow + 1, narrow, np.dtype("float32"))
    assert not winograd.applies(Window((14, 14), (4, 4), (2, 1), ((1, 1), (1, 1))), narrow, narrow, np.dtype("float32"))
    assert not winograd.applies(Window((2, 14), (4, 4), (2, 2), ((1, 1), (1, 1))), narrow, narrow, np.dtype("float32"))


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf, 3e38])
@pytest.mark.parametrize("where", ["x", "w", "gy"])
def test_what_is_not_finite_stays_where_it_belongs(poison, where):
    window, c = Window((10, 10), (4, 4), (2, 2), ((1, 1), (1, 1))), panel("float32")
    shapes = {"x": (2, 10, 10, c), "w": (4, 4, c, c), "gy": (2, 5, 5, c)}
    arrays = {name: draw(shape, "float32", seed).copy() for seed, (name, shape) in enumerate(shapes.items())}
    arrays[where][1, 2, 3, 4] = poison
    x, w, gy = arrays.values()
    with np.errstate(all="ignore"):
        for name, args in {"conv2d": (x, w), "conv2d_input_grad": (gy, w), "conv2d_weight_grad": (x, gy)}.items():
            got, expected = getattr(cpu, name)(*args, window), getattr(reference, name)(*args, window)
            np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))
            np.testing.assert_array_equal(got[np.isinf(expected)], expected[np.isinf(expected)])
            good = np.isfinite(expected)
            np.testing.assert_allclose(got[good], expected[good], rtol=1e-4, atol=1e-4 * abs(expected[good]).max())


# --- the general way -----------------------------------------------------------------------------------------------


@given(windows(max_groups=3), DTYPES, st.data())
def test_every_other_convolution_agrees_with_the_reference(window, dtype, data):
    n, c, k = (data.draw(st.integers(1, 3), label=name) for name in ("images", "channels", "outputs"))
    c, k = c * window.groups, k * window.groups
    x = data.draw(arrays((n, *window.size, c), dtype, magnitudes=["ordinary"]))
    w = data.draw(arrays((*window.kernel, c // window.groups, k), dtype, magnitudes=["ordinary"]))
    gy = data.draw(arrays((n, *window.output, k), dtype, magnitudes=["ordinary"]))
    b_in, b_out = draw(c, dtype), draw(k, dtype)
    exact = [a.astype("float64") for a in (x, w, gy, b_in, b_out)]
    agree(cpu.conv2d(x, w, window, b_out, 0.0), reference.conv2d(*exact[:2], window, exact[4], 0.0), dtype)
    expected = reference.conv2d_input_grad(exact[2], exact[1], window, exact[3], 0.3)
    agree(cpu.conv2d_input_grad(gy, w, window, b_in, 0.3), expected, dtype)
    agree(cpu.conv2d_weight_grad(x, gy, window), reference.conv2d_weight_grad(exact[0], exact[2], window), dtype)


def test_many_pixels_are_summed_up_in_parts():
    window = Window((40, 40), (3, 3), (1, 1), ((1, 1), (1, 1)))
    x, gy = draw((3, 40, 40, 5)), draw((3, 40, 40, 7), seed=1)
    assert gy.size // 7 > general.PARTS * general.PART_PIXELS
    agree(cpu.conv2d_weight_grad(x, gy, window), reference.conv2d_weight_grad(x, gy, window), "float64")


# --- products ------------------------------------------------------------------------------------------------------


@given(DTYPES, st.tuples(*[st.integers(0, 40)] * 3), st.sampled_from(sorted(LAYOUTS)), st.sampled_from(sorted(LAYOUTS)))
def test_products_agree_with_the_reference(dtype, sizes, layout_a, layout_b):
    m, depth, n = sizes
    a, b = LAYOUTS[layout_a](draw((m, depth), dtype)), LAYOUTS[layout_b](draw((depth, n), dtype, 1))
    agree(cpu.matmul(a, b), a.astype("float64") @ b.astype("float64"), dtype)


@pytest.mark.parametrize("layout_a", sorted(LAYOUTS))
@pytest.mark.parametrize("layout_b", sorted(LAYOUTS))
def test_products_of_few_numbers_agree(layout_a, layout_b):
    """Every pair of lengths, since axes of length 1 are taken by loops of their own."""
    for m, depth, n in itertools.product((1, 3), repeat=3):
        a, b = LAYOUTS[layout_a](draw((m, depth))), LAYOUTS[layout_b](draw((depth, n), seed=1))
        agree(cpu.matmul(a, b), np.einsum("ik,kj->ij", a, b), "float64")


@pytest.mark.parametrize(
    ("m", "depth", "n"), [(130, 1000, 50), (3, 900, 1), (200, 1, 300), (1, 70, 400), (301, 600, 1)]
)
def test_products_too_large_for_one_pass_agree(m, depth, n):
    a, b = draw((m, depth)), draw((depth, n), seed=1)
    for left in (a, np.asfortranarray(a)):
        for right in (b, np.asfortranarray(b)):
            agree(cpu.matmul(left, right), a @ b, "float64")


def test_products_broadcast_the_axes_in_front_and_take_arrays_of_any_steps():
    a, b = draw((3, 1, 4, 5)), draw((2, 5, 6), seed=1)
    agree(cpu.matmul(a, b), a @ b, "float64")
    record = np.zeros(4, [("pad", "i4"), ("x", "f8", 3)])
    record["x"] = draw((4, 3))
    agree(cpu.matmul(record["x"], draw((3, 2))), record["x"] @ draw((3, 2)), "float64")


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((2, 7, 5, 6), (7, 6, 9)),
        ((9, 5, 6), (9, 6, 1)),
        ((3, 1, 5, 1), (2, 1, 7)),
        ((4, 5, 0), (4, 0, 3)),
        ((0, 2, 3), (0, 3, 2)),
        ((3, 4, 5), (5, 6)),
        ((400, 24, 17), (400, 17, 31)),
        ((900, 24, 30), (900, 30, 1)),
    ],
    ids=["matrices", "columns", "rows", "sums of nothing", "none", "one on the right", "many", "many columns"],
)
def test_stacks_of_small_products_agree(a, b):
    left, right = draw(a), draw(b, seed=1)
    agree(cpu.matmul(left, right), left @ right, "float64")
    for x, y in ((_turned(left), right), (left, _turned(right))):
        agree(cpu.matmul(x, y), left @ right, "float64")


def _turned(x):
    """The same matrices, each of which lies in memory column by column."""
    return np.ascontiguousarray(x.swapaxes(-1, -2)).swapaxes(-1, -2)


# --- whatever the threads and the memory ---------------------------------------------------------------------------

LARGE = Window((18, 18), (4, 4), (2, 2), ((1, 1), (1, 1)))
CALLS = {
    "fast conv2d": lambda: cpu.conv2d(draw((9, 18, 18, 32)), draw((4, 4, 32, 64), seed=1), LARGE),
    "fast conv2d_input_grad": lambda: cpu.conv2d_input_grad(draw((9, 9, 9, 64)), draw((4, 4, 32, 64)), LARGE),
    "fast conv2d_weight_grad": lambda: cpu.conv2d_weight_grad(
        draw((9, 18, 18, 32)), draw((9, 9, 9, 64), seed=1), LARGE
    ),
    "conv2d": lambda: cpu.conv2d(draw((9, 18, 18, 3)), draw((4, 4, 3, 20), seed=1), LARGE),
    "conv2d_input_grad": lambda: cpu.conv2d_input_grad(draw((9, 9, 9, 20)), draw((4, 4, 3, 20)), LARGE),
    "conv2d_weight_grad": lambda: cpu.conv2d_weight_grad(draw((20, 18, 18, 3)), draw((20, 9, 9, 20), seed=1), LARGE),
    "matmul": lambda: cpu.matmul(draw((50, 700)), draw((700, 90), seed=1)),
    "matmul with a vector": lambda: cpu.matmul(draw((700, 500)).T, draw((700, 1), seed=1)),
}


@pytest.mark.parametrize("name", CALLS)
def test_one_thread_and_two_give_the_same_bits_and_so_does_used_memory(name, poison_memory):
    before = numba.get_num_threads()
    results = []
    for threads in {1, min(2, numba.config.NUMBA_NUM_THREADS)}:
        numba.set_num_threads(threads)
        try:
            results += [CALLS[name](), CALLS[name]()]
        finally:
            numba.set_num_threads(before)
    poison_memory()
    CALLS[name]()
    results.append(CALLS[name]())
    assert len({result.tobytes() for result in results}) == 1
