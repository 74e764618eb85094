"""ONNX's convolutions, pools and resizing, as rawgan's.

ONNX lays images out as (batch, channels, height, width), rawgan as (batch, height, width, channels). Images with one
spatial axis get a second one of length 1.
"""

import math
from typing import Any

import numpy as np
from onnx_graphs import Node, NotApplicable, Operator

from rawgan import Tensor, ops
from rawgan_kernels.window import output_size, same_padding, transposed_size

Pair = tuple[int, int]


# --- layouts ---------------------------------------------------------------------------------------------


def to_nhwc(x: Tensor) -> Tensor:
    if x.ndim == 5:
        raise NotApplicable("three spatial axes")
    return ops.transpose(x[..., None] if x.ndim == 3 else x, (0, 2, 3, 1))


def to_nchw(y: Tensor, like: Tensor) -> Tensor:
    y = ops.transpose(y, (0, 3, 1, 2))
    return y[..., 0] if like.ndim == 3 else y


def to_kernel(w: Tensor) -> Tensor:
    """ONNX's (out, in, kh, kw) as (kh, kw, in, out); its (in, out, kh, kw) for ConvTranspose as (kh, kw, out, in)."""
    return ops.transpose(w[..., None] if w.ndim == 3 else w, (2, 3, 1, 0))


def filled(value: float, shape: tuple[int, ...], like: Tensor) -> Tensor:
    return Tensor(np.full(shape, value, like.dtype))


def pair(node: Node, name: str, default: int = 1) -> Pair:
    """An attribute with a number for each spatial axis."""
    first, second = [*node.get(name, [default, default]), default][:2]
    return first, second


def padding(node: Node, size: Pair, kernel: Pair) -> Any:
    """The padding of a window over images of `size`, as rawgan takes it."""
    auto = node.get("auto_pad", "NOTSET")
    if auto == "SAME_UPPER":
        return "same"
    if auto == "SAME_LOWER":  # the odd pixel goes in front
        sides = zip(size, kernel, pair(node, "strides"), pair(node, "dilations"), strict=True)
        return tuple(same_padding(*side)[::-1] for side in sides)
    widths = node.get("pads", [0, 0, 0, 0])
    half = len(widths) // 2
    return (*zip(widths[:half], widths[half:], strict=True), (0, 0))[:2]


# --- convolutions ----------------------------------------------------------------------------------------


def conv(node: Node, x: Tensor, w: Tensor, b: Tensor | None = None) -> Tensor:
    image, kernel = to_nhwc(x), to_kernel(w)
    y = ops.conv2d(
        image,
        kernel,
        b,
        stride=pair(node, "strides"),
        padding=padding(node, image.shape[1:3], kernel.shape[:2]),
        dilation=pair(node, "dilations"),
        groups=node.get("group", 1),
    )
    return to_nchw(y, x)


def conv_transpose(node: Node, x: Tensor, w: Tensor, b: Tensor | None = None) -> Tensor:
    image, kernel = to_nhwc(x), to_kernel(w)
    size, taps, strides, dilations = image.shape[1:3], kernel.shape[:2], pair(node, "strides"), pair(node, "dilations")
    enlarged = (size[0] * strides[0], size[1] * strides[1])
    pads, extra = padding(node, enlarged, taps), pair(node, "output_padding", 0)
    if node.get("output_shape"):  # what is too much is padding, what is missing is output padding
        whole = map(transposed_size, size, taps, strides, [(0, 0)] * 2, dilations, extra)
        surplus = [n - wanted for n, wanted in zip(whole, pair(node, "output_shape"), strict=True)]
        pads = tuple((max(n, 0) - max(n, 0) // 2, max(n, 0) // 2) for n in surplus)
        extra = tuple(e + max(-n, 0) for e, n in zip(extra, surplus, strict=True))
    y = ops.conv_transpose2d(
        image,
        kernel,
        b,
        stride=strides,
        padding=pads,
        output_padding=extra,
        dilation=dilations,
        groups=node.get("group", 1),
    )
    return to_nchw(y, x)


def causal_conv(
    node: Node, x: Tensor, w: Tensor, b: Tensor | None = None, past: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """A depthwise convolution that sees what came before x in `past`; what x leaves behind is the next one's past."""
    seen = w.shape[2] - 1
    past = filled(0, (*x.shape[:2], seen), x) if past is None else past
    longer = ops.concatenate([past, x], 2)
    y = conv(Node("Conv", {"group": x.shape[1]}, 1), longer, w, b)
    if node.get("activation", "none") != "none":  # silu, or swish: two names of one function
        y = ops.silu(y)
    return y, longer[:, :, longer.shape[2] - seen :]


def col2im(node: Node, x: Tensor, size: Any, block: Any) -> Tensor:
    """Each column holds the pixels of one window: a transposed convolution by a kernel with a single 1 for each."""
    if len(size) > 2:
        raise NotApplicable("three spatial axes")
    strides, dilations, pads = pair(node, "strides"), pair(node, "dilations"), padding(node, size, block)
    windows = tuple(map(output_size, size, block, strides, pads, dilations))
    covered = map(transposed_size, windows, block, strides, pads, dilations, (0, 0))
    n, rows = x.shape[:2]
    kernel = np.eye(rows, dtype=x.dtype).reshape(-1, *block, rows).transpose(1, 2, 0, 3)
    y = ops.conv_transpose2d(
        to_nhwc(ops.reshape(x, (n, rows, *windows))),
        Tensor(kernel),
        stride=strides,
        padding=pads,
        output_padding=tuple(whole - part for whole, part in zip(size, covered, strict=True)),
        dilation=dilations,
    )
    return ops.transpose(y, (0, 3, 1, 2))


# --- pools -----------------------------------------------------------------------------------------------


def pool_window(node: Node, size: Pair) -> tuple[dict[str, Any], Pair]:
    """Kernel, stride and padding; and how far, by ceil_mode, the last windows reach past the padding."""
    kernel, strides = pair(node, "kernel_shape"), pair(node, "strides")
    if pair(node, "dilations") != (1, 1):
        raise NotApplicable("a pool with dilation")
    pads = padding(node, size, kernel)
    if pads == "same" or not node.get("ceil_mode", 0):
        return {"kernel": kernel, "stride": strides, "padding": pads}, (0, 0)
    beyond = tuple(map(overhang, size, kernel, strides, pads))
    wider = tuple((before, after + more) for (before, after), more in zip(pads, beyond, strict=True))
    return {"kernel": kernel, "stride": strides, "padding": wider}, beyond


def overhang(size: int, kernel: int, stride: int, pads: Pair) -> int:
    windows = math.ceil((size + sum(pads) - kernel) / stride) + 1
    if (windows - 1) * stride >= size + pads[0]:  # a window that would begin on the padding at the end is left out
        windows -= 1
    return max((windows - 1) * stride + kernel - size - sum(pads), 0)


def max_pool(node: Node, x: Tensor) -> Tensor:
    if node.results > 1:
        raise NotApplicable("the places of the largest pixels as a second result")
    image = to_nhwc(x)
    window, _ = pool_window(node, image.shape[1:3])
    return to_nchw(ops.max_pool2d(image, **window), x)


def average_pool(node: Node, x: Tensor) -> Tensor:
    """In rawgan, padding counts as zeros. Where in ONNX some does not, divide by the share of the window that does."""
    image = to_nhwc(x)
    size = image.shape[1:3]
    window, beyond = pool_window(node, size)
    y, counting = to_nchw(ops.avg_pool2d(image, **window), x), filled(1, (1, *size, 1), x)
    if node.get("count_include_pad", 0):
        counting = ops.pad(counting, ((0, 0), *padding(node, size, window["kernel"]), (0, 0)), 1.0)
        window["padding"] = ((0, beyond[0]), (0, beyond[1]))
    if window["padding"] == ((0, 0), (0, 0)):
        return y  # all of it counts
    return y / to_nchw(ops.avg_pool2d(counting, **window), x)


def lp_pool(node: Node, x: Tensor) -> Tensor:
    image, p = to_nhwc(x), node.get("p", 2)
    window, _ = pool_window(node, image.shape[1:3])
    sums = math.prod(window["kernel"]) * ops.avg_pool2d(ops.abs(image) ** p, **window)
    return to_nchw(sums ** (1 / p), x)


def global_pool(pool: Any) -> Operator:
    """A pool with one window, the whole image."""

    def whole(node: Node, x: Tensor) -> Tensor:
        image = to_nhwc(x)
        return to_nchw(pool(image, image.shape[1:3]), x)

    return whole


# --- resizing --------------------------------------------------------------------------------------------

HALF_PIXEL = ("half_pixel", "half_pixel_symmetric", "pytorch_half_pixel")  # where the factor is whole, they are one


def resize(node: Node, x: Tensor, roi: Any = None, scales: Tensor | None = None, sizes: Any = None) -> Tensor:
    axes = node.get("axes", range(x.ndim))
    factors = scales.data.tolist() if scales is not None else [n / x.shape[a] for a, n in zip(axes, sizes, strict=True)]
    policy = node.get("keep_aspect_ratio_policy", "stretch")
    if policy != "stretch":
        factors = [{"not_larger": min, "not_smaller": max}[policy](factors)] * len(factors)
    mode, places = node.get("mode", "nearest"), node.get("coordinate_transformation_mode", "half_pixel")
    rounding = node.get("nearest_mode", "round_prefer_floor") if mode == "nearest" else None
    return enlarge(x, dict(zip(axes, factors, strict=True)), mode, places, rounding)


def upsample(node: Node, x: Tensor, scales: Tensor) -> Tensor:
    """The operator before Resize, whose pixels are where Resize calls it asymmetric."""
    factors = dict(enumerate(scales.data.tolist()))
    return enlarge(x, factors, node.get("mode", "nearest"), "asymmetric", "floor")


def enlarge(x: Tensor, factors: dict[int, float], mode: str, places: str, rounding: str | None) -> Tensor:
    """Both spatial axes at once if their factors are equal, else axis by axis.

    rawgan goes by the centres of pixels; the nearest centre is that of the pixel that the new one is a part of, as it
    is if edges, not centres, are compared and rounded down.
    """
    if mode not in ("nearest", "linear"):
        raise NotApplicable(f"{mode} interpolation")
    by_centres = places in HALF_PIXEL and rounding in (None, "round_prefer_floor", "round_prefer_ceil")
    if not by_centres and (mode, places, rounding) != ("nearest", "asymmetric", "floor"):
        raise NotApplicable(f"pixels placed otherwise: {places}{', ' * bool(rounding)}{rounding or ''}")
    if any(factor < 1 or factor % 1 for factor in factors.values()):
        raise NotApplicable("a factor that is not a whole number")
    function = ops.upsample_nearest if mode == "nearest" else ops.upsample_bilinear
    whole = {axis: int(factor) for axis, factor in factors.items() if factor > 1}
    if x.ndim == 4 and whole.keys() == {2, 3} and whole[2] == whole[3]:
        return to_nchw(function(to_nhwc(x), whole[2]), x)
    for axis, factor in whole.items():
        x = stretch(function, x, axis, factor)
    return x


def stretch(function: Any, x: Tensor, axis: int, factor: int) -> Tensor:
    """Enlarge one axis: each line along it is an image one pixel wide, of whose equal columns one is kept."""
    order = (*(other for other in range(x.ndim) if other != axis), axis)
    last = ops.transpose(x, order)
    images = ops.reshape(last, (math.prod(last.shape[:-1]), last.shape[-1], 1, 1))
    longer = ops.reshape(function(images, factor)[:, :, 0], (*last.shape[:-1], last.shape[-1] * factor))
    return ops.transpose(longer, tuple(np.argsort(order).tolist()))


def depth_to_space(node: Node, x: Tensor) -> Tensor:
    (n, c, h, w), factor = x.shape, node.get("blocksize")
    area = factor**2
    if node.get("mode", "DCR") == "DCR":  # channels numbered pixel by pixel; pixel_shuffle takes them the other way
        x = ops.reshape(ops.transpose(ops.reshape(x, (n, area, c // area, h, w)), (0, 2, 1, 3, 4)), x.shape)
    return to_nchw(ops.pixel_shuffle(to_nhwc(x), factor), x)


def space_to_depth(node: Node, x: Tensor) -> Tensor:
    (n, c, h, w), factor = x.shape, node.get("blocksize")
    blocks = ops.reshape(x, (n, c, h // factor, factor, w // factor, factor))
    order = (0, 3, 5, 1, 2, 4) if node.get("mode", "DCR") == "DCR" else (0, 1, 3, 5, 2, 4)
    return ops.reshape(ops.transpose(blocks, order), (n, c * factor**2, h // factor, w // factor))


# --- the table -------------------------------------------------------------------------------------------

IMAGES: dict[str, Operator] = {
    "AveragePool": average_pool,
    "CausalConvWithState": causal_conv,
    "Col2Im": col2im,
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "DepthToSpace": depth_to_space,
    "GlobalAveragePool": global_pool(ops.avg_pool2d),
    "GlobalMaxPool": global_pool(ops.max_pool2d),
    "LpPool": lp_pool,
    "MaxPool": max_pool,
    "Resize": resize,
    "SpaceToDepth": space_to_depth,
    "Upsample": upsample,
}
