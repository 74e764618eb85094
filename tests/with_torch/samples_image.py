"""Convolutions, pools and the sizes of images. See `twins`."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from samples import NotApplicable, both, channels_first, channels_last, kernel, over_images, overhang
from twins import twin

from rawgan import Tensor, ops


def conv(
    spatial: int,
    x: Tensor,
    w: Tensor,
    b: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """In one dimension, over images of height 1."""
    options: dict[str, Any] = {
        "stride": both(stride, spatial, 1),
        "padding": padding if padding == "same" else both(0 if padding == "valid" else padding, spatial, 0),
        "dilation": both(dilation, spatial, 1),
        "groups": groups,
    }
    return over_images(lambda images: ops.conv2d(images, kernel(w, spatial), b, **options), x, spatial)


def conv_transpose(
    spatial: int,
    x: Tensor,
    w: Tensor,
    b: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """In one dimension, over images of height 1."""
    steps, extra = both(stride, spatial, 1), both(output_padding, spatial, 0)
    if any(e >= s for e, s in zip(extra, steps, strict=True)):
        raise NotApplicable("output_padding as large as the stride")
    options: dict[str, Any] = {
        "stride": steps,
        "padding": both(padding, spatial, 0),
        "output_padding": extra,
        "dilation": both(dilation, spatial, 1),
        "groups": groups,
    }
    return over_images(lambda images: ops.conv_transpose2d(images, kernel(w, spatial), b, **options), x, spatial)


def conv1d(
    x: Tensor,
    w: Tensor,
    b: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    options: dict[str, Any] = {
        "stride": single(stride),
        "padding": padding if padding == "same" else 0 if padding == "valid" else single(padding),
        "dilation": single(dilation),
        "groups": groups,
    }
    return over_sequences(lambda sequences: ops.conv1d(sequences, ops.transpose(w), b, **options), x)


def conv_transpose1d(
    x: Tensor,
    w: Tensor,
    b: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    options = {
        "stride": single(stride),
        "padding": single(padding),
        "output_padding": single(output_padding),
        "dilation": single(dilation),
        "groups": groups,
    }
    if options["output_padding"] >= options["stride"]:
        raise NotApplicable("output_padding as large as the stride")
    return over_sequences(lambda sequences: ops.conv_transpose1d(sequences, ops.transpose(w), b, **options), x)


def single(x: Any) -> Any:
    """A number, which PyTorch takes in a tuple, too."""
    return x[0] if isinstance(x, tuple | list) else x


def over_sequences(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Apply a function of NLC sequences to x (N, C, L) or (C, L)."""
    y = channels_first(function(channels_last(x if x.ndim == 3 else x[None])))
    return y if x.ndim == 3 else y[0]


def max_pool(
    spatial: int,
    x: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor:
    """PyTorch's ceil_mode is more padding behind than in front, as padding never wins."""
    if both(dilation, spatial, 1) != (1, 1):
        raise NotApplicable("dilated pooling")
    if return_indices:
        raise NotApplicable("indices of the largest elements; the same sample without them is compared")
    window, steps, pads, over = pooling(spatial, x, kernel_size, stride, padding, ceil_mode)
    sides = tuple((p, p + o) for p, o in zip(pads, over, strict=True))
    return over_images(lambda images: ops.max_pool2d(images, window, steps, sides), x, spatial)


def avg_pool(
    spatial: int,
    x: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """rawgan divides by all elements of a window; PyTorch may leave out padding, and ceil_mode's always."""
    window, steps, pads, over = pooling(spatial, x, kernel_size, stride, padding, ceil_mode)
    sides = tuple((p, p + o) for p, o in zip(pads, over, strict=True))
    height, width = (1, *x.shape[-spatial:])[-2:]
    counted = np.pad(np.ones((height, width)), [(p, p) for p in pads], constant_values=float(count_include_pad))
    counted = np.pad(counted, [(0, o) for o in over])
    seen = np.lib.stride_tricks.sliding_window_view(counted, window)[:: steps[0], :: steps[1]]
    divisors = divisor_override or seen.sum(axis=(2, 3))[..., None]
    scale = Tensor(np.asarray(math.prod(window) / divisors))
    return over_images(lambda images: ops.avg_pool2d(images, window, steps, sides) * scale, x, spatial)


def pooling(spatial: int, x: Tensor, window: Any, stride: Any, padding: Any, ceil_mode: bool) -> tuple[Any, ...]:
    """Window, stride, padding, and what ceil_mode sees beyond it, each (vertical, horizontal)."""
    windows, pads = both(window, spatial, 1), both(padding, spatial, 0)
    steps = both(stride, spatial, 1) if stride else windows
    sizes = (1, *x.shape[-spatial:])[-2:]
    geometry = zip(sizes, windows, steps, pads, strict=True)
    over = tuple(overhang(*each) if ceil_mode else 0 for each in geometry)
    return windows, steps, pads, over


def adaptive_pool(
    op: Callable[..., Tensor], spatial: int, x: Tensor, output_size: Any, return_indices: bool = False
) -> Tensor:
    """An ordinary pool, if the outputs share the pixels evenly."""
    if return_indices:
        raise NotApplicable("indices of the largest elements; the same sample without them is compared")
    sizes = x.shape[-spatial:]
    given = both(output_size, spatial, 1)[-spatial:]
    outputs = [n if wanted is None else wanted for n, wanted in zip(sizes, given, strict=True)]
    if any(n % wanted for n, wanted in zip(sizes, outputs, strict=True)):
        raise NotApplicable("adaptive windows of unequal sizes")
    window = both([n // wanted for n, wanted in zip(sizes, outputs, strict=True)], spatial, 1)
    return over_images(lambda images: op(images, window), x, spatial)


@twin("reflection_pad2d", "nn.functional.pad.reflect")
def reflected(x: Tensor, widths: tuple[int, ...], mode: str = "reflect") -> Tensor:
    if len(widths) != 4:
        raise NotApplicable("another number of spatial axes than two")
    if min(widths) < 0:
        raise NotApplicable("negative padding")
    pairs = (widths[2:], widths[:2])
    return over_images(lambda images: ops.reflection_pad2d(images, pairs), x, 2)


twin("avg_pool2d", "nn.functional.avg_pool1d")(partial(avg_pool, 1))
twin("avg_pool2d", "nn.functional.avg_pool2d")(partial(avg_pool, 2))
twin("avg_pool2d", "nn.functional.adaptive_avg_pool1d")(partial(adaptive_pool, ops.avg_pool2d, 1))
twin("avg_pool2d", "nn.functional.adaptive_avg_pool2d")(partial(adaptive_pool, ops.avg_pool2d, 2))
twin("conv1d", "nn.functional.conv1d")(conv1d)
twin("conv2d", "nn.functional.conv2d")(partial(conv, 2))
twin("conv_transpose1d", "nn.functional.conv_transpose1d")(conv_transpose1d)
twin("conv_transpose2d", "nn.functional.conv_transpose2d")(partial(conv_transpose, 2))
twin("max_pool2d", "nn.functional.max_pool1d")(partial(max_pool, 1))
twin("max_pool2d", "nn.functional.max_pool2d")(partial(max_pool, 2))
twin("max_pool2d", "nn.functional.adaptive_max_pool1d")(partial(adaptive_pool, ops.max_pool2d, 1))
twin("max_pool2d", "nn.functional.adaptive_max_pool2d")(partial(adaptive_pool, ops.max_pool2d, 2))
twin("pixel_shuffle", "nn.functional.pixel_shuffle")(
    lambda x, upscale_factor: over_images(lambda images: ops.pixel_shuffle(images, upscale_factor), x, 2)
)
twin("pixel_unshuffle", "nn.functional.pixel_unshuffle")(
    lambda x, downscale_factor: over_images(lambda images: ops.pixel_unshuffle(images, downscale_factor), x, 2)
)
