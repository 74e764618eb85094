"""Checks of the options of convolutions and pools, and the windows that these describe."""

from typing import Any

from rawgan.errors import ArgumentError, ShapeError, described
from rawgan.ops.arguments import LARGEST, call_hint, is_whole
from rawgan_kernels.window import IntPair, Window, same_padding, transposed_size

Padding = int | str | tuple[int | IntPair, int | IntPair]

WEIGHTS, TRANSPOSED_WEIGHTS = "(kh, kw, in, out)", "(kh, kw, out, in)"


def make_window(
    op: str,
    size: IntPair,
    kernel: int | IntPair,
    stride: int | IntPair,
    padding: Padding,
    dilation: int | IntPair,
    groups: int = 1,
) -> Window:
    """Window of a convolution or pool over images of `size`, from the options that a user gives.

    Raises: ArgumentError for an option out of range, ShapeError if the window does not fit the image
    """
    kernel = pair_of(op, "kernel", kernel, 1)
    stride, dilation = pair_of(op, "stride", stride, 1), pair_of(op, "dilation", dilation, 1)
    if isinstance(padding, str) and padding == "same":
        vertical, horizontal = (
            same_padding(n, k, s, d) for n, k, s, d in zip(size, kernel, stride, dilation, strict=True)
        )
        pads = vertical, horizontal
    else:
        pads = padding_of(op, padding, ", or 'same'")
    window = Window(size, kernel, stride, pads, dilation, groups)
    for side, n, k, s, d, (before, after), output in zip(
        ("height", "width"), size, kernel, stride, dilation, pads, window.output, strict=True
    ):
        if n < 1:
            raise ShapeError(f"{op}: the image has no pixels, its {side} is {n}")
        if output < 1:
            raise ShapeError(
                f"{op}: the window does not fit, the output {side} would be {output}\n"
                f"  floor((size {n} + padding {before} + {after} - (dilation {d} * (kernel {k} - 1) + 1))"
                f" / stride {s}) + 1 = {output}"
            )
    return window


def transposed_window(
    op: str,
    output: IntPair,
    kernel: IntPair,
    stride: int | IntPair,
    padding: Padding,
    output_padding: int | IntPair,
    dilation: int | IntPair,
    groups: int,
) -> Window:
    """Window of the conv2d whose gradient a transposed convolution is; its output has size `output`.

    Raises: as `make_window`
    """
    kernel = pair_of(op, "kernel", kernel, 1)
    stride, dilation = pair_of(op, "stride", stride, 1), pair_of(op, "dilation", dilation, 1)
    extra = pair_of(op, "output_padding", output_padding, 0)
    if isinstance(padding, str) and padding == "same":
        if extra != (0, 0):
            raise ArgumentError(
                f"{op}: padding='same' determines the size, so output_padding must be 0, not {output_padding}"
            )
        return make_window(op, (output[0] * stride[0], output[1] * stride[1]), kernel, stride, "same", dilation, groups)
    if any(e >= s for e, s in zip(extra, stride, strict=True)):
        raise ArgumentError(
            f"{op}: output_padding must be smaller than stride\n  output_padding {extra}   stride {stride}"
        )
    pads = padding_of(op, padding, ", or 'same'")
    size = []
    for side, n, k, s, (before, after), d, e in zip(
        ("height", "width"), output, kernel, stride, pads, dilation, extra, strict=True
    ):
        if n < 1:
            raise ShapeError(f"{op}: the image has no pixels, its {side} is {n}")
        size.append(transposed_size(n, k, s, (before, after), d, e))
        if size[-1] < 1:
            raise ShapeError(
                f"{op}: the output {side} would be {size[-1]}\n"
                f"  (size {n} - 1) * stride {s} - padding {before} - {after} + dilation {d} * (kernel {k} - 1) + 1"
                f" + output_padding {e} = {size[-1]}"
            )
    return Window((size[0], size[1]), kernel, stride, pads, dilation, groups)


def pair_of(op: str, name: str, value: Any, least: int) -> IntPair:
    """(vertical, horizontal) of an integer, or of two. Raises: ArgumentError for anything else, or below `least`."""
    if value.__class__ is int and least <= value <= LARGEST:  # most often, and soon told
        return value, value
    pair = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(pair) != 2 or not all(is_whole(v) and least <= v <= LARGEST for v in pair):
        raise ArgumentError(
            f"{op}: {name} must be an integer >= {least}, or two of them, but is {described(value)}"
            f"{call_hint(op, value)}"
        )
    return int(pair[0]), int(pair[1])


def padding_of(op: str, padding: Any, otherwise: str = "", least: int = 0) -> tuple[IntPair, IntPair]:
    """(top, bottom), (left, right), in pixels; negative ones crop, where `least` allows them."""
    try:
        vertical, horizontal = padding if isinstance(padding, tuple | list) else (padding, padding)
        return pair_of(op, "padding", vertical, least), pair_of(op, "padding", horizontal, least)
    except (TypeError, ValueError):
        raise ArgumentError(
            f"{op}: padding must be a number of pixels{' >= 0' * (not least)}, a pair (vertical, horizontal) of "
            f"numbers or of pairs ((top, bottom), (left, right)){otherwise}, but is {described(padding)}"
        ) from None


def check_padding(op: str, padding: Any) -> None:
    """Raise an ArgumentError unless this is padding, of pixels or "same"."""
    if not (isinstance(padding, str) and padding == "same"):
        padding_of(op, padding, ", or 'same'")
