"""The places of a grid: four pixels around each, their weights, and the derivatives of the weights.

A place is a pair (horizontal, vertical), (−1, −1) for the upper left corner of the image and (1, 1) for the lower right
one. In pixels, along one axis, it is (place + 1) · factor − shift. These formulas are for whole arrays; the CPU's
kernel has them for one number.
"""

from typing import Any, NamedTuple

from rawgan_kernels.arrays import array_module

PADDINGS = ("zeros", "border", "reflection")
FAR = 2.0**30
"""Pixels from the image, further than which nothing changes; integers would overflow."""


class Axis(NamedTuple):
    """One axis of an image, along which a place in pixels is (place + 1) · factor − shift."""

    factor: float
    shift: float
    low: float
    """The mirror at the lower end, in pixels."""
    span: float
    """Pixels between the two mirrors."""
    last: float
    """The last pixel."""


def axis_of(size: int, aligned: bool) -> Axis:
    """Constants of an axis of so many pixels, whose ends are the centres of its outermost pixels if `aligned`.

    >>> axis_of(4, False)
    Axis(factor=2.0, shift=0.5, low=-0.5, span=4.0, last=3.0)
    """
    last = size - 1.0
    return Axis(last / 2, 0.0, 0.0, last, last) if aligned else Axis(size / 2, 0.5, -0.5, float(size), last)


def in_pixels(places: Any, axis: Axis, padding: str) -> tuple[Any, Any]:
    """Places along one axis, in pixels, moved into the image unless there are zeros around it; and their slopes.

    NaN counts as −1. Its slope is 0, as is that of places which are moved to the border, or are on it: as in PyTorch.
    """
    xp = array_module(places)
    known = ~xp.isnan(places)
    at = (xp.where(known, places, -1) + 1) * axis.factor - axis.shift
    near = abs(at) <= FAR
    at = xp.where(near, at, xp.where(at < 0, -FAR, FAR)).astype(places.dtype)
    slope = xp.where(known & near, axis.factor, 0).astype(places.dtype)
    if padding == "reflection" and axis.span:
        mirrors = xp.floor((at - axis.low) / axis.span)
        odd = mirrors % 2 == 1  # between these two mirrors, the image is turned
        from_mirror = at - axis.low - mirrors * axis.span
        at = xp.where(odd, axis.span - from_mirror, from_mirror) + axis.low
        slope = xp.where(odd, -slope, slope)
    if padding != "zeros":
        slope = xp.where((at > 0) & (at < axis.last), slope, 0)
        at = xp.clip(at, 0, axis.last)
    return at, slope


def bilinear(grid: Any, size: tuple[int, int], padding: str, aligned: bool) -> tuple[Any, Any, tuple[Any, ...]]:
    """Numbers of the four pixels around each place, −1 for none, their weights, and what `slopes` takes.

    Shapes: grid (N, I, J, 2), size (H, W) → at, weights (N, I·J, 4), the rest (N, I·J) each
    """
    xp = array_module(grid)
    flat = grid.reshape(len(grid), grid.shape[1] * grid.shape[2], 2)  # −1 is no length of an empty batch
    found = [in_pixels(flat[..., 1 - k], axis_of(n, aligned), padding) for k, n in enumerate(size)]
    low = [xp.floor(at) for at, _ in found]
    down, along = (at - below for (at, _), below in zip(found, low, strict=True))
    row, column = (below.astype("int64") for below in low)
    pixels, weights = [], []
    for i, vertical in enumerate((1 - down, down)):
        for j, horizontal in enumerate((1 - along, along)):
            inside = (row + i >= 0) & (row + i < size[0]) & (column + j >= 0) & (column + j < size[1])
            pixels.append(xp.where(inside, (row + i) * size[1] + column + j, -1))
            weights.append(vertical * horizontal)
    return xp.stack(pixels, axis=-1), xp.stack(weights, axis=-1), (down, along, found[0][1], found[1][1])


def slopes(gw: Any, down: Any, along: Any, down_slope: Any, along_slope: Any) -> tuple[Any, Any]:
    """Gradients of the places, vertical and horizontal, from those of the four weights.

    Shapes: gw (N, P, 4), all others (N, P) → (N, P) twice
    """
    a, b, c, d = (gw[..., k] for k in range(4))
    vertical = ((c - a) * (1 - along) + (d - b) * along) * down_slope
    return vertical, ((b - a) * (1 - down) + (d - c) * down) * along_slope


# --- the kernels, made of those that add up weighted pixels -----------------------------------------------------------


def sampled(sample_pixels: Any, x: Any, grid: Any, padding: str, aligned: bool) -> Any:
    """`grid_sample`, by a backend's `sample_pixels`."""
    n, h, w, c = x.shape
    at, weights, _ = bilinear(grid, (h, w), padding, aligned)
    return sample_pixels(x.reshape(n, h * w, c), weights, at).reshape(*grid.shape[:3], c)


def sampled_input_grad(
    sample_pixels_input_grad: Any, gy: Any, grid: Any, size: tuple[int, int], padding: str, aligned: bool
) -> Any:
    """`grid_sample_input_grad`, by a backend's `sample_pixels_input_grad`."""
    n, i, j, c = gy.shape
    at, weights, _ = bilinear(grid, size, padding, aligned)
    gx = sample_pixels_input_grad(gy.reshape(n, i * j, c), weights, at, size[0] * size[1])
    return gx.reshape(n, *size, c)


def sampled_grid_grad(sample_pixels_weight_grad: Any, x: Any, grid: Any, gy: Any, padding: str, aligned: bool) -> Any:
    """`grid_sample_grid_grad`, by a backend's `sample_pixels_weight_grad`."""
    (n, h, w, c), places = x.shape, grid.shape[1] * grid.shape[2]
    at, _, rest = bilinear(grid, (h, w), padding, aligned)
    gw = sample_pixels_weight_grad(x.reshape(n, h * w, c), gy.reshape(n, places, c), at)
    down, along = slopes(gw, *rest)
    return array_module(x).stack([along, down], axis=-1).reshape(grid.shape)
