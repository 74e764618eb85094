"""Images sampled between their pixels, at places of a grid, and the gradients: four weighted pixels for each place."""

from typing import Any

from rawgan_kernels.arrays import array_module
from rawgan_kernels.dispatch import implements
from rawgan_kernels.places import bilinear, slopes
from rawgan_kernels.reference.sampling import sample_pixels, sample_pixels_input_grad, sample_pixels_weight_grad


@implements
def grid_sample(x: Any, grid: Any, padding: str, aligned: bool) -> Any:
    n, h, w, c = x.shape
    at, weights, _ = bilinear(grid, (h, w), padding, aligned)
    return sample_pixels(x.reshape(n, h * w, c), weights, at).reshape(*grid.shape[:3], c)


@implements
def grid_sample_input_grad(gy: Any, grid: Any, size: tuple[int, int], padding: str, aligned: bool) -> Any:
    n, *_, c = gy.shape
    at, weights, _ = bilinear(grid, size, padding, aligned)
    gx = sample_pixels_input_grad(gy.reshape(n, -1, c), weights, at, size[0] * size[1])
    return gx.reshape(n, *size, c)


@implements
def grid_sample_grid_grad(x: Any, grid: Any, gy: Any, padding: str, aligned: bool) -> Any:
    n, h, w, c = x.shape
    at, _, rest = bilinear(grid, (h, w), padding, aligned)
    gw = sample_pixels_weight_grad(x.reshape(n, h * w, c), gy.reshape(n, -1, c), at)
    down, along = slopes(gw, *rest)
    return array_module(x).stack([along, down], axis=-1).reshape(grid.shape)
