"""Resizing, filtering and sampling of images. See `twins`."""

import math
from functools import partial
from typing import Any

import numpy as np
import torch.nn.functional as functional
from samples import NotApplicable, both, nchw, nhwc, over_images
from twins import twin

from rawgan import Tensor, ops


@twin("upfirdn2d", "nn.functional.unfold")
def unfold(x: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """Every tap of the window by itself is a filter of one 1; PyTorch puts the taps behind the channels."""
    (a, b), (d, e), pads = both(kernel_size, 2, 1), both(dilation, 2, 1), both(padding, 2, 0)
    batch = x if x.ndim == 4 else x[None]
    filters = np.zeros((a * b, (a - 1) * d + 1, (b - 1) * e + 1))
    filters[:, ::d, ::e] = np.eye(a * b).reshape(-1, a, b)
    images = nhwc(batch)
    each = [ops.upfirdn2d(images, f, down=both(stride, 2, 1), padding=pads, flip_filter=True) for f in filters]
    seen = nchw(ops.concatenate(each, axis=3))  # (N, taps · C, I, J)
    n, c = batch.shape[:2]
    columns = ops.transpose(ops.reshape(seen, (n, a * b, c, math.prod(seen.shape[2:]))), (0, 2, 1, 3))
    y = ops.reshape(columns, (n, c * a * b, columns.shape[3]))
    return y if x.ndim == 4 else y[0]


def interpolated(
    x: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "bilinear",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Rows of pixels are images of height 1."""
    spatial = x.ndim - 2
    if spatial > 2:
        raise NotApplicable("three spatial axes")
    options: dict[str, Any] = {"antialias": antialias, "align_corners": bool(align_corners)}
    if size is None and not recompute_scale_factor:
        options["scale_factor"] = both(scale_factor, spatial, 1)
    elif size is None:
        options["size"] = [
            int(n * f) for n, f in zip((1, *x.shape[2:])[-2:], both(scale_factor, spatial, 1), strict=True)
        ]
    else:
        options["size"] = both(size, spatial, 1)
    mode = "bilinear" if mode == "linear" else mode
    return over_images(lambda images: ops.resize(images, mode=mode, **options), x, spatial)


def antialiased(
    x: Tensor,
    output_size: Any,
    align_corners: bool,
    scale_factors: Any = None,
    scales_h: float | None = None,
    scales_w: float | None = None,
) -> Tensor:
    """The operator below interpolate(antialias=True)."""
    if align_corners:
        raise NotApplicable("align_corners with antialias, where PyTorch aligns no corners")
    if scales_h or scales_w:
        raise NotApplicable("a size and a scale that is not that of the sizes")
    return interpolated(x, output_size, scale_factors, antialias=True)


twin("resize", "_upsample_bilinear2d_aa")(antialiased)
for each in ("area", "bicubic", "bilinear", "linear", "nearest", "nearest-exact"):
    twin("resize", f"nn.functional.interpolate.{each}")(interpolated)
# PyTorch's older names; rawgan's ops with these enlarge by whole numbers, see test_agreement_ops.py.
for op, mode, corners in (("upsample_bilinear", "bilinear", True), ("upsample_nearest", "nearest", None)):
    options: dict[str, Any] = {"mode": mode, "align_corners": corners}
    twin(op, f"nn.functional.{op}", theirs=partial(functional.interpolate, **options))(partial(interpolated, **options))

GRID_MODES, GRID_PADDINGS = ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection")


@twin("grid_sample", "nn.functional.grid_sample")
def grid_sample(
    x: Tensor, grid: Tensor, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool | None = None
) -> Tensor:
    if x.ndim == 5:
        raise NotApplicable("three spatial axes")
    return nchw(ops.grid_sample(nhwc(x), grid, mode, padding_mode, bool(align_corners)))


@twin("grid_sample", "grid_sampler_2d")
def grid_sampler(x: Tensor, grid: Tensor, mode: int, padding_mode: int, align_corners: bool) -> Tensor:
    return grid_sample(x, grid, GRID_MODES[mode], GRID_PADDINGS[padding_mode], align_corners)


def moved(library: Any, x: Any, grid: Any, mode: int, padding_mode: int, align_corners: bool) -> Any:
    """The places of a grid for any matrices: PyTorch has no samples of affine_grid, so it takes those of a sampler."""
    theta = grid[:, :2, :3, 0]
    return library(theta, x.shape, align_corners)


twin("affine_grid", "grid_sampler_2d (affine_grid)", theirs=partial(moved, functional.affine_grid))(
    partial(moved, lambda theta, size, corners: ops.affine_grid(theta, (size[0], *size[2:], size[1]), corners))
)
