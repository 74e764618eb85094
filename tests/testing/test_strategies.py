"""`rawgan.testing.strategies`: every awkward kind that is promised is drawn, and examples shrink to plain ones."""

import importlib
import sys

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from rawgan.errors import ArgumentError, DTypeError
from rawgan.testing.strategies import LAYOUTS, MAGNITUDES, arrays, images, shapes, windows
from rawgan_kernels import Window, window

dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


phases = [Phase.generate, Phase.shrink]  # nobody reads an explanation, for which it would draw a hundred examples
always = settings(derandomize=True, database=None, max_examples=1000, phases=phases)


def drawn(strategy, predicate):
    """An example, not shrunk; raises NoSuchExample if there is none."""
    return find(strategy, predicate, settings=settings(always, phases=[Phase.generate]))


def simplest(strategy, predicate=lambda _: True):
    """The example that hypothesis would print if those with this predicate failed."""
    return find(strategy, predicate, settings=always)


# --- shapes ----------------------------------------------------------------------------------------------------------


def test_shapes_have_every_length_and_every_number_of_axes():
    for n in range(1, 8):
        drawn(shapes(axes=1, max_length=7), lambda shape, n=n: shape == (n,))
    for n in range(4):
        drawn(shapes(axes=(0, 3)), lambda shape, n=n: len(shape) == n)


@given(shapes((2, 3), max_length=5))
def test_shapes_stay_within_their_limits(shape):
    assert len(shape) in (2, 3)
    assert all(1 <= n <= 5 for n in shape)


def test_lengths_are_odd_more_often_than_not():
    lengths = []

    @settings(always, max_examples=250)
    @given(shapes(axes=4, max_length=8))  # of 1, …, 8, half are odd
    def draw(shape):
        lengths.extend(shape)

    draw()
    assert sum(n % 2 for n in lengths) > 0.6 * len(lengths)


def test_shapes_shrink_to_ones_and_to_the_least_that_fails():
    assert simplest(shapes()) == (1,)
    assert simplest(shapes(), lambda shape: len(shape) == 3) == (1, 1, 1)
    assert simplest(shapes(), lambda shape: max(shape) > 3) == (4,)


# --- arrays ----------------------------------------------------------------------------------------------------------


def gaps(x):
    """Numbers in memory between those of x, which a kernel that takes x for contiguous would read."""
    base = x
    while base.base is not None:
        base = base.base
    return np.setdiff1d(base.ravel(), x.ravel())


IN_MEMORY = {
    "contiguous": lambda x: x.flags.c_contiguous,
    "Fortran-ordered": lambda x: x.flags.f_contiguous and not x.flags.c_contiguous,
    "strided": lambda x: x.strides == (2 * 6 * x.itemsize, 2 * x.itemsize) and np.isnan(gaps(x)).all(),
    "reversed": lambda x: x.strides == (-3 * x.itemsize, -x.itemsize),
    "broadcast": lambda x: x.strides[0] == 0 and not x.flags.writeable and (x[0] == x[1]).all(),
}


@dtypes
@pytest.mark.parametrize("layout", LAYOUTS)
def test_arrays_lie_in_memory_as_their_layout_says(dtype, layout):
    x = drawn(arrays((2, 3), dtype, layouts=[layout]), lambda _: True)
    assert (x.shape, x.dtype) == ((2, 3), dtype)
    assert np.isfinite(x).all()
    assert [name for name, lies in IN_MEMORY.items() if lies(x)] == [layout]


def test_every_layout_but_broadcast_is_drawn_by_default():
    for layout in LAYOUTS[:4]:
        drawn(arrays((2, 3)), IN_MEMORY[layout])


@given(arrays((2, 3)))
def test_broadcast_arrays_come_on_request_only(x):
    assert not IN_MEMORY["broadcast"](x)
    assert np.unique(x).size == 6
    x += 1  # all others can be written to


def test_a_function_that_ignores_strides_is_found():
    def total(x):
        """The sum of x, read as if contiguous."""
        strides = np.empty(x.shape, x.dtype).strides
        return np.lib.stride_tricks.as_strided(x, x.shape, strides).sum()

    # Only a layout with gaps is safe to read as if contiguous: others end in memory with their last number.
    with_gaps = arrays(layouts=["contiguous", "strided"])
    assert simplest(with_gaps, lambda x: not np.isclose(total(x), x.sum())).shape == (2,)


@dtypes
def test_sums_of_squares_neither_overflow_nor_vanish_but_third_powers_do(dtype):
    cubes, limits = [], np.finfo(dtype)
    for magnitude in MAGNITUDES:
        x = drawn(arrays((1000,), dtype, magnitudes=[magnitude]), lambda _: True)
        squares = x.astype("longdouble") ** 2
        assert limits.smallest_subnormal < squares.min()
        assert limits.smallest_normal < squares.mean()
        assert squares.sum() < limits.max
        with np.errstate(over="ignore", under="ignore"):
            cubes.append(np.median(abs(x**3)))
    assert 0.1 < cubes[0] < 1
    assert cubes[1] < limits.smallest_normal
    assert cubes[2] == np.inf


@dtypes
def test_every_magnitude_is_drawn_by_default_and_numbers_on_request(dtype):
    x = simplest(arrays((3,), dtype))
    tiny = simplest(arrays((3,), dtype), lambda x: abs(x).max() < 1e-10)
    huge = simplest(arrays((3,), dtype), lambda x: abs(x).min() > 1e10)
    scale = 2.0 ** int(0.4 * np.finfo(dtype).maxexp)
    np.testing.assert_array_equal(tiny * scale, x)  # the same seed: these are powers of 2, so nothing is rounded
    np.testing.assert_array_equal(huge / scale, x)
    np.testing.assert_array_equal(simplest(arrays((3,), dtype, magnitudes=[0.5])), x / 2)


def test_arrays_shrink_to_contiguous_ordinary_numbers():
    for predicate, shape in [
        (lambda _: True, (1,)),
        (lambda x: x.ndim == 3, (1, 1, 1)),
        (lambda x: x.size > 4, (5,)),
    ]:
        x = simplest(arrays(), predicate)
        assert x.shape == shape
        assert x.base is None
        np.testing.assert_array_equal(x, np.random.default_rng(0).standard_normal(shape))


def test_arrays_shrink_to_the_first_layout_and_magnitude_given():
    x = simplest(arrays((2, 3), layouts=["reversed", "contiguous"], magnitudes=[8.0, "ordinary"]))
    assert IN_MEMORY["reversed"](x)
    np.testing.assert_array_equal(x, 8 * np.random.default_rng(0).standard_normal((2, 3)))


def test_numbers_without_axes_and_empty_arrays_have_every_layout():
    for shape in [(), (0, 2)]:
        for layout in LAYOUTS:
            drawn(arrays(shape, layouts=[layout]), lambda x, shape=shape: x.shape == shape)


@given(st.data())
def test_shapes_of_arrays_may_be_drawn(data):
    assert data.draw(arrays(shapes(axes=2, max_length=3))).ndim == 2


# --- windows ---------------------------------------------------------------------------------------------------------


def asymmetric(window):
    return all(before != after for before, after in window.padding)


def in_range(window):
    positive = (*window.size, *window.kernel, *window.stride, *window.dilation, window.groups)
    return min(positive) >= 1 and min(sum(window.padding, ())) >= 0


def sees_only_padding(window):
    """True if the first row of windows ends above the image."""
    return window.padding[0][0] >= window_span(window, 0)


def window_span(geometry, axis):
    return window.span(geometry.kernel[axis], geometry.dilation[axis])


@given(windows())
def test_valid_windows_fit(window):
    assert in_range(window)
    assert min(window.output) >= 1


@given(windows(max_size=2, max_kernel=4, max_stride=1, max_padding=0, max_dilation=1, max_groups=1))
def test_windows_stay_within_their_limits(window):
    assert (window.stride, window.dilation, window.groups) == ((1, 1), (1, 1), 1)
    assert window.padding == ((0, 0), (0, 0))
    assert max(window.kernel) <= max(window.size) <= 2


AWKWARD = {
    "unlike sizes": lambda w: w.size[0] != w.size[1],
    "unlike kernels": lambda w: w.kernel[0] != w.kernel[1],
    "unlike strides": lambda w: w.stride[0] != w.stride[1],
    "unlike dilations": lambda w: w.dilation[0] != w.dilation[1] and min(w.kernel) > 1,
    "asymmetric padding": asymmetric,
    "groups": lambda w: w.groups == 3,
    "a kernel larger than the image": lambda w: w.kernel[0] > w.size[0],
    "a dilated kernel that fits exactly": lambda w: w.dilation[1] == 3 and w.kernel[1] == 3 and w.output[1] == 1,
    "a stride larger than the image": lambda w: w.stride[1] > w.size[1],
    "a stride larger than the kernel": lambda w: w.stride[0] > w.kernel[0] and w.output[0] > 1,
    "pixels left over": lambda w: (w.size[0] + sum(w.padding[0]) - window_span(w, 0)) % w.stride[0] != 0,
    "nothing but padding": sees_only_padding,
    "everything at once": lambda w: (
        w.stride[0] != w.stride[1]
        and w.dilation[0] != w.dilation[1]
        and w.kernel[0] != w.kernel[1]
        and asymmetric(w)
        and w.groups > 1
    ),
}


@pytest.mark.parametrize("kind", AWKWARD)
def test_valid_windows_have_every_awkward_kind(kind):
    drawn(windows(), AWKWARD[kind])


INVALID = {
    "does not fit": lambda w: in_range(w) and min(w.output) < 1,
    "does not fit sideways": lambda w: in_range(w) and w.output[0] >= 1 and w.output[1] < 1,
    "fits after all": lambda w: in_range(w) and min(w.output) >= 1,
    "no pixels": lambda w: 0 in w.size,
    "no kernel": lambda w: 0 in w.kernel,
    "stride 0": lambda w: 0 in w.stride,
    "stride -1": lambda w: -1 in w.stride,
    "dilation 0": lambda w: 0 in w.dilation,
    "negative padding": lambda w: -1 in w.padding[1],
    "groups 0": lambda w: w.groups == 0,
    "groups -1": lambda w: w.groups == -1,
}


@pytest.mark.parametrize("kind", INVALID)
def test_any_windows_have_every_kind_of_fault(kind):
    drawn(windows(valid=False), INVALID[kind])


@given(windows(valid=False))
def test_arrays_can_be_made_for_any_window(window):
    assert min(*window.size, *window.kernel) >= 0


def test_windows_shrink_to_one_pixel_and_to_the_least_that_fails():
    plain = Window((1, 1), (1, 1))
    assert simplest(windows()) == simplest(windows(valid=False)) == plain
    assert simplest(windows(), lambda w: w.output[1] >= 3) == Window((1, 3), (1, 1))


# --- images ----------------------------------------------------------------------------------------------------------


@dtypes
def test_images_have_pixels_inside_the_range_and_at_its_ends(dtype):
    strategy = images(channels=3, dtype=dtype)
    inside = drawn(strategy, lambda x: x.size > 20 and abs(x).max() < 1)
    at_ends = drawn(strategy, lambda x: x.max() == 1 and x.min() == -1)
    for x in (inside, at_ends):
        assert (x.dtype, x.ndim, x.shape[3]) == (dtype, 4, 3)


@given(images(channels=[1, 4], max_batch=2, max_size=3))
def test_images_stay_within_their_limits(x):
    assert x.shape[0] <= 2
    assert max(x.shape[1:3]) <= 3
    assert x.shape[3] in (1, 4)
    assert abs(x).max() <= 1


def test_images_have_every_number_of_channels_and_every_layout():
    for channels in (1, 3):
        drawn(images(), lambda x, channels=channels: x.shape[3] == channels)
    drawn(images(), lambda x: x.strides[3] == 2 * x.itemsize and np.isnan(gaps(x)).all())
    drawn(images(), lambda x: x.strides[3] < 0)
    drawn(images(), lambda x: x.flags.f_contiguous and not x.flags.c_contiguous)


def test_images_shrink_to_one_pixel():
    x = simplest(images())
    assert (x.shape, x.dtype, x.base) == ((1, 1, 1, 1), "float32", None)


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("strategy", "arguments", "message"),
    [
        (shapes, {"axes": -1}, r"^shapes: axes must be a number >= 0, or the \(fewest, most\), but is -1$"),
        (shapes, {"axes": (3, 2)}, r"^shapes: axes .* but is \(3, 2\)$"),
        (shapes, {"max_length": 0}, r"^shapes: max_length must be at least 1, but is 0$"),
        (arrays, {"layouts": ["upside down"]}, r"^arrays: layouts must be some of contiguous, .*\['upside down'\]$"),
        (arrays, {"layouts": []}, r"^arrays: layouts must be some of .* but is \[\]$"),
        (arrays, {"magnitudes": [2.0, "big"]}, r"^arrays: magnitudes that are no numbers must be some of ordinary, "),
        (windows, {"max_size": 0}, r"^windows: max_size must be at least 1, but is 0$"),
        (windows, {"max_kernel": 0}, r"^windows: max_kernel must be at least 1"),
        (windows, {"max_stride": 0}, r"^windows: max_stride must be at least 1"),
        (windows, {"max_padding": -1}, r"^windows: max_padding must be at least 0"),
        (windows, {"max_groups": 0}, r"^windows: max_groups must be at least 1"),
        (images, {"channels": 0}, r"^images: channels must be at least 1"),
        (images, {"channels": []}, r"^images: channels must be at least 1"),
        (images, {"max_batch": 0}, r"^images: max_batch must be at least 1"),
        (images, {"layouts": ["NCHW"]}, r"^images: layouts must be some of "),
    ],
)
def test_meaningless_limits_are_refused_at_once(strategy, arguments, message):
    with pytest.raises(ArgumentError, match=message):
        strategy(**arguments)


@pytest.mark.parametrize("strategy", [arrays, images])
def test_other_dtypes_are_refused_at_once(strategy):
    with pytest.raises(DTypeError, match=r": dtype must be float32 or float64, but is int64$"):
        strategy(dtype="int64")


def test_without_hypothesis_the_error_names_the_way_out(monkeypatch):
    monkeypatch.delitem(sys.modules, "rawgan.testing.strategies")
    monkeypatch.setitem(sys.modules, "hypothesis", None)  # as if it were not installed
    with pytest.raises(ImportError, match=r"^rawgan.testing.strategies needs hypothesis: pip install hypothesis$"):
        importlib.import_module("rawgan.testing.strategies")
