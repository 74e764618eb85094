"""Hypothesis strategies for tests of layers: awkward shapes, awkward arrays, windows, images.

The numbers of an array come from a NumPy generator with a seed from hypothesis, which is fast for any size. Everything
else shrinks (lengths, layout, magnitude, window): a failure is printed with the smallest array that shows it, in the
plainest layout, with arbitrary numbers.

    @given(images(channels=3), windows())
    def test_my_layer(x, window): ...
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rawgan.arrays import FLOATS
from rawgan.errors import ArgumentError, DTypeError
from rawgan.testing import layouts as memory
from rawgan.testing.names import as_names
from rawgan_kernels import Window

try:
    from hypothesis import note
    from hypothesis import strategies as st
except ModuleNotFoundError as error:
    raise ImportError("rawgan.testing.strategies needs hypothesis: pip install hypothesis") from error

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]

LAYOUTS = (*memory.LAYOUTS, "broadcast")
"""Memory layouts: "contiguous", "Fortran-ordered", "strided" and "reversed" as in `rawgan.testing.layouts`. "broadcast"
is one row, repeated along the first axis by a stride of 0; it cannot be written to.
"""

MAGNITUDES = {"ordinary": 0.0, "tiny": -0.4, "huge": 0.4}
"""Magnitudes as powers of the largest number of the dtype, by which numbers of about 1 are multiplied.

Their squares, and sums of squares, are neither infinite nor zero; their third powers are. In float32, tiny is 4e-16 and
huge 2e15; in float64, 8e-124 and 1e123.
"""


def shapes(axes: int | tuple[int, int] = (1, 4), *, max_length: int = 7) -> st.SearchStrategy[Shape]:
    """Shapes whose lengths are often 1 or odd, which trips code that splits work into even blocks.

    `axes` is the number of axes, or (fewest, most). Shapes shrink to few axes of length 1.

    Raises: ArgumentError for a negative number of axes, or lengths below 1

    >>> from hypothesis import find
    >>> find(shapes(axes=3), lambda shape: 5 in shape)
    (1, 1, 5)
    """
    fewest, most = (axes, axes) if isinstance(axes, int) else axes
    if not 0 <= fewest <= most:
        raise ArgumentError(f"shapes: axes must be a number >= 0, or the (fewest, most), but is {axes!r}")
    return st.lists(_lengths("shapes: max_length", max_length), min_size=fewest, max_size=most).map(tuple)


def arrays(
    shape: Shape | st.SearchStrategy[Shape] | None = None,
    dtype: str = "float64",
    *,
    layouts: Sequence[str] | str = LAYOUTS[:4],
    magnitudes: Sequence[str | float] | str = tuple(MAGNITUDES),
) -> st.SearchStrategy[Array]:
    """Arrays of normally distributed numbers, awkward in shape, layout (`LAYOUTS`) and magnitude (`MAGNITUDES`).

    A magnitude may also be a number to multiply by. Arrays shrink towards the first layout and the first magnitude.
    "broadcast" is drawn on request only: it repeats numbers, and functions such as a maximum have a kink where two are
    equal.

    Shapes: `shape`, or one drawn from it; by default, one of `shapes()`
    Raises: ArgumentError for an unknown layout or magnitude, DTypeError for other dtypes than float32 and float64

    >>> from hypothesis import find
    >>> find(arrays(shape=(2, 3), layouts=["contiguous", "reversed"]), lambda x: x.strides[0] < 0).shape
    (2, 3)
    """
    _check_dtype("arrays", dtype)
    layouts, magnitudes = as_names("arrays: layouts", layouts), as_names("arrays: magnitudes", magnitudes)
    _check_choice("arrays: layouts", layouts, LAYOUTS)
    _check_choice("arrays: magnitudes that are no numbers", magnitudes, tuple(MAGNITUDES))
    if not isinstance(shape, st.SearchStrategy):
        shape = shapes() if shape is None else st.just(tuple(shape))
    return _arrays(shape, np.dtype(dtype), layouts, magnitudes)


def windows(
    valid: bool = True,
    *,
    max_size: int = 7,
    max_kernel: int = 3,
    max_stride: int = 3,
    max_padding: int = 2,
    max_dilation: int = 3,
    max_groups: int = 3,
) -> st.SearchStrategy[Window]:
    """Convolution windows: image and kernel sizes, strides, four paddings, dilations, groups, drawn for each axis.

    Valid windows fit into the padded image at least once; kernels larger than the image, and windows that see only
    padding, are among them. `valid=False` also draws windows that do not fit, strides, dilations and groups of 0 or −1,
    negative paddings, and images and kernels without pixels, for tests that a layer refuses them.

    Raises: ArgumentError for a maximum below 1 (for the padding, 0)

    >>> from hypothesis import find
    >>> find(windows(), lambda window: window.output == (2, 1))
    Window(size=(2, 1), kernel=(1, 1), stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), groups=1)
    """
    sizes = _lengths("windows: max_size", max_size)
    limits = {"max_kernel": max_kernel, "max_stride": max_stride, "max_dilation": max_dilation}
    for name, limit in {**limits, "max_groups": max_groups}.items():
        _check_limit(f"windows: {name}", limit, 1)
    _check_limit("windows: max_padding", max_padding, 0)
    if valid:
        return _windows(_fitting(sizes, max_kernel, max_stride, max_padding, max_dilation), st.integers(1, max_groups))
    in_range = _windows(
        _axes(
            st.integers(1, max_size),
            st.integers(1, max_kernel),
            st.integers(1, max_stride),
            st.integers(0, max_padding),
            st.integers(1, max_dilation),
        ),
        st.integers(1, max_groups),
    )
    anything = _windows(
        _axes(
            st.integers(0, max_size),
            st.integers(0, max_kernel),
            st.integers(-1, max_stride),
            st.integers(-1, max_padding),
            st.integers(-1, max_dilation),
        ),
        st.integers(-1, max_groups),
    )
    return in_range | anything


def images(
    channels: int | Sequence[int] = (1, 3),
    *,
    max_batch: int = 4,
    max_size: int = 9,
    dtype: str = "float32",
    layouts: Sequence[str] | str = LAYOUTS[:4],
) -> st.SearchStrategy[Array]:
    """Batches of images with pixels in [−1, 1]; in some, most pixels are −1 or 1, as in line drawings.

    `channels` is a number, or several to draw from. Images shrink to one pixel.

    Shapes: (N, H, W, C)
    Raises: ArgumentError for a maximum or channels below 1, DTypeError for other dtypes than float32 and float64

    >>> from hypothesis import find
    >>> find(images(channels=3), lambda x: x.shape[1] > x.shape[2]).shape
    (1, 2, 1, 3)
    """
    _check_dtype("images", dtype)
    layouts = as_names("images: layouts", layouts)
    _check_choice("images: layouts", layouts, LAYOUTS)
    choices = (channels,) if isinstance(channels, int) else tuple(channels)
    _check_limit("images: channels", min(choices, default=0), 1)
    batches, sizes = _lengths("images: max_batch", max_batch), _lengths("images: max_size", max_size)
    return _images(
        st.tuples(batches, sizes, sizes, st.sampled_from(choices)), np.dtype(dtype), st.sampled_from(layouts)
    )


# --- arrays --------------------------------------------------------------------------------------------------------


@st.composite
def _arrays(
    draw: st.DrawFn,
    shapes: st.SearchStrategy[Shape],
    dtype: np.dtype[Any],
    layouts: tuple[str, ...],
    magnitudes: tuple[str | float, ...],
) -> Array:
    shape = draw(shapes)
    magnitude, layout = draw(st.sampled_from(magnitudes)), draw(st.sampled_from(layouts))
    values = draw(_generators()).standard_normal(shape) * _factor(magnitude, dtype)
    return _laid_out(np.asarray(values, dtype), layout)


@st.composite
def _images(
    draw: st.DrawFn,
    shapes: st.SearchStrategy[tuple[int, int, int, int]],
    dtype: np.dtype[Any],
    layouts: st.SearchStrategy[str],
) -> Array:
    shape, layout = draw(shapes), draw(layouts)
    contrast = draw(st.sampled_from((1, 4)))  # with 4, three of four pixels are −1 or 1
    pixels = np.clip(contrast * draw(_generators()).uniform(-1, 1, shape), -1, 1)
    return _laid_out(pixels.astype(dtype), layout)


def _generators() -> st.SearchStrategy[np.random.Generator]:
    return st.integers(0, 2**32 - 1).map(np.random.default_rng)


def _factor(magnitude: str | float, dtype: np.dtype[Any]) -> float:
    """The factor of a magnitude: a power of 2, so that multiplying rounds nothing."""
    if isinstance(magnitude, str):
        return 2.0 ** int(MAGNITUDES[magnitude] * np.finfo(dtype).maxexp)
    return magnitude


def _laid_out(values: Array, layout: str) -> Array:
    """The same numbers in a layout of `LAYOUTS`; "broadcast" repeats the first row."""
    if layout != LAYOUTS[0]:
        note(f"the array of shape {values.shape} is {layout} in memory")  # a failure's numbers do not show it
    if layout == "broadcast":
        return np.broadcast_to(values[:1] if values.ndim else values, values.shape)
    return memory.LAYOUTS[layout](values)


def _lengths(name: str, most: int) -> st.SearchStrategy[int]:
    """Any length, or one made odd by subtracting at most 1, so that both shrink to the least that fails."""
    _check_limit(name, most, 1)
    lengths = st.integers(1, most)
    return lengths | lengths.map(lambda length: length - (length + 1) % 2)


# --- windows -------------------------------------------------------------------------------------------------------

Axis = tuple[int, int, int, tuple[int, int], int]
"""Size, kernel, stride, padding (before, after) and dilation along one axis."""


@st.composite
def _fitting(
    draw: st.DrawFn,
    sizes: st.SearchStrategy[int],
    max_kernel: int,
    max_stride: int,
    max_padding: int,
    max_dilation: int,
) -> Axis:
    """Draw kernel and dilation no larger than there is room for, so that no draw is rejected."""
    padding = draw(_pads(st.integers(0, max_padding)))  # the first draw shrinks most
    size = draw(sizes)
    room = size + sum(padding)
    kernel = draw(st.integers(1, min(max_kernel, room)))
    if kernel > 1:
        max_dilation = min(max_dilation, (room - 1) // (kernel - 1))
    dilation = draw(st.integers(1, max_dilation))
    return size, kernel, draw(st.integers(1, max_stride)), padding, dilation


def _pads(pads: st.SearchStrategy[int]) -> st.SearchStrategy[tuple[int, int]]:
    """Paddings (before, after). Half of them are zero, because code without padding is often another branch."""
    return st.just((0, 0)) | st.tuples(pads, pads)


def _axes(
    sizes: st.SearchStrategy[int],
    kernels: st.SearchStrategy[int],
    strides: st.SearchStrategy[int],
    pads: st.SearchStrategy[int],
    dilations: st.SearchStrategy[int],
) -> st.SearchStrategy[Axis]:
    return st.tuples(sizes, kernels, strides, _pads(pads), dilations)


def _windows(axes: st.SearchStrategy[Axis], groups: st.SearchStrategy[int]) -> st.SearchStrategy[Window]:
    """Windows of two axes and groups; their fields are pairs (vertical, horizontal)."""

    def window(vertical: Axis, horizontal: Axis, groups: int) -> Window:
        size, kernel, stride, padding, dilation = zip(vertical, horizontal, strict=True)
        return Window(size, kernel, stride, padding, dilation, groups)  # type: ignore[arg-type]  # zip forgets pairs

    return st.builds(window, axes, axes, groups)


# --- arguments -----------------------------------------------------------------------------------------------------


def _check_dtype(name: str, dtype: str) -> None:
    if np.dtype(dtype).name not in FLOATS:
        raise DTypeError(f"{name}: dtype must be float32 or float64, but is {dtype}")


def _check_choice(name: str, given: Sequence[Any], choices: Sequence[str]) -> None:
    unknown = [choice for choice in given if isinstance(choice, str) and choice not in choices]
    if unknown or not given:
        raise ArgumentError(f"{name} must be some of {', '.join(choices)}, but is {list(given)}")


def _check_limit(name: str, value: int, least: int) -> None:
    if value < least:
        raise ArgumentError(f"{name} must be at least {least}, but is {value}")
