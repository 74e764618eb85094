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

MODES = {"linear": "bilinear", "cubic": "bicubic"}
NEAREST = {  # where pixels are, and how places are rounded
    ("half_pixel", "round_prefer_floor"): "nearest-exact",
    ("half_pixel", "round_prefer_ceil"): "nearest-exact",
    ("asymmetric", "floor"): "nearest",
}


def resize(node: Node, x: Tensor, roi: Any = None, scales: Tensor | None = None, sizes: Any = None) -> Tensor:
    axes = list(node.get("axes", range(x.ndim)))
    factors = scales.data.tolist() if scales is not None else [n / x.shape[a] for a, n in zip(axes, sizes, strict=True)]
    policy = node.get("keep_aspect_ratio_policy", "stretch")
    if policy != "stretch":
        factors = [{"not_larger": min, "not_smaller": max}[policy](factors)] * len(factors)
    along = dict(zip(axes, factors, strict=True))
    if any(f != 1 for axis, f in along.items() if axis not in (2, 3)) or x.ndim != 4:
        raise NotApplicable("other axes than those of pixels")
    factor = along.get(2, 1.0), along.get(3, 1.0)
    outputs = [n * f for n, f in zip(x.shape[2:], factor, strict=True)]
    places = node.get("coordinate_transformation_mode", "half_pixel")
    if (places == "half_pixel_symmetric" and all(n % 1 == 0 for n in outputs)) or (
        places == "pytorch_half_pixel" and min(outputs) >= 2
    ):
        places = "half_pixel"  # here they are one
    if policy != "stretch" and any(n % 1 for n in outputs):
        raise NotApplicable("sizes that are rounded up")
    return resized(node, x, factor, places, node.get("nearest_mode", "round_prefer_floor"))


def upsample(node: Node, x: Tensor, scales: Tensor) -> Tensor:
    """The operator before Resize, whose pixels are where Resize calls it asymmetric."""
    return resized(node, x, tuple(scales.data.tolist()[2:]), "asymmetric", "floor")


def resized(node: Node, x: Tensor, factor: Any, places: str, rounding: str) -> Tensor:
    mode = node.get("mode", "nearest")
    options: dict[str, Any] = {"scale_factor": factor, "antialias": False}
    if mode == "nearest":
        if (places, rounding) not in NEAREST:
            raise NotApplicable(f"pixels placed otherwise: {places}, {rounding}")
        if rounding == "round_prefer_floor" and any(halfway(n, f) for n, f in zip(x.shape[2:], factor, strict=True)):
            raise NotApplicable("new pixels halfway between two, of which rawgan takes the second, as PyTorch does")
        return to_nchw(ops.resize(to_nhwc(x), mode=NEAREST[places, rounding], **options), x)
    if places not in ("half_pixel", "align_corners"):
        raise NotApplicable(f"pixels placed otherwise: {places}")
    if places == "align_corners" and any(n * f % 1 for n, f in zip(x.shape[2:], factor, strict=True)):
        raise NotApplicable("align_corners of a size that is rounded down")
    if node.get("antialias", 0):
        raise NotApplicable("antialias that repeats pixels at the edges; Pillow and PyTorch leave them out")
    if node.get("exclude_outside", 0):  # as antialias does, which changes nothing else of a larger image
        if min(factor) < 1:
            raise NotApplicable("exclude_outside without antialias")
        options["antialias"] = True
    options |= {"align_corners": places == "align_corners", "a": node.get("cubic_coeff_a", -0.75)}
    return to_nchw(ops.resize(to_nhwc(x), mode=MODES[mode], **options), x)


def halfway(size: int, factor: float) -> bool:
    """True if the centre of a new pixel lies between two old ones."""
    return any((i + 0.5) / factor % 1 == 0 for i in range(int(size * factor)))


def depth_to_space(node: Node, x: Tensor) -> Tensor:
    (n, c, h, w), factor = x.shape, node.get("blocksize")
    area = factor**2
    if node.get("mode", "DCR") == "DCR":  # channels numbered pixel by pixel; pixel_shuffle takes them the other way
        x = ops.reshape(ops.transpose(ops.reshape(x, (n, area, c // area, h, w)), (0, 2, 1, 3, 4)), x.shape)
    return to_nchw(ops.pixel_shuffle(to_nhwc(x), factor), x)


def space_to_depth(node: Node, x: Tensor) -> Tensor:
    (n, c), factor = x.shape[:2], node.get("blocksize")
    y = to_nchw(ops.pixel_unshuffle(to_nhwc(x), factor), x)
    if node.get("mode", "DCR") == "CRD":
        return y
    by_pixels = ops.transpose(ops.reshape(y, (n, c, factor**2, *y.shape[2:])), (0, 2, 1, 3, 4))
    return ops.reshape(by_pixels, y.shape)


def grid_sample(node: Node, x: Tensor, grid: Tensor) -> Tensor:
    mode = MODES.get(node.get("mode", "linear"), node.get("mode"))
    padding_mode, aligned = node.get("padding_mode", "zeros"), bool(node.get("align_corners", 0))
    return to_nchw(ops.grid_sample(to_nhwc(x), grid, mode, padding_mode, aligned), x)


def affine_grid(node: Node, theta: Tensor, size: Any) -> Tensor:
    if len(size) == 5:
        raise NotApplicable("three spatial axes")
    n, c, h, w = size.tolist()
    return ops.affine_grid(theta, (n, h, w, c), bool(node.get("align_corners", 0)))


# --- the table -------------------------------------------------------------------------------------------

IMAGES: dict[str, Operator] = {
    "AffineGrid": affine_grid,
    "AveragePool": average_pool,
    "CausalConvWithState": causal_conv,
    "Col2Im": col2im,
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "DepthToSpace": depth_to_space,
    "GlobalAveragePool": global_pool(ops.avg_pool2d),
    "GlobalMaxPool": global_pool(ops.max_pool2d),
    "GridSample": grid_sample,
    "LpPool": lp_pool,
    "MaxPool": max_pool,
    "Resize": resize,
    "SpaceToDepth": space_to_depth,
    "Upsample": upsample,
}
