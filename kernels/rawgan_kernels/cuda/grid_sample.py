"""Images sampled between their pixels: pixels and weights of all places in CuPy, then the kernels of `sampling`."""

from typing import Any

from rawgan_kernels.cuda.sampling import sample_pixels, sample_pixels_input_grad, sample_pixels_weight_grad
from rawgan_kernels.dispatch import implements
from rawgan_kernels.places import sampled, sampled_grid_grad, sampled_input_grad


@implements
def grid_sample(x: Any, grid: Any, padding: str, aligned: bool) -> Any:
    return sampled(sample_pixels, x, grid, padding, aligned)


@implements
def grid_sample_input_grad(gy: Any, grid: Any, size: tuple[int, int], padding: str, aligned: bool) -> Any:
    return sampled_input_grad(sample_pixels_input_grad, gy, grid, size, padding, aligned)


@implements
def grid_sample_grid_grad(x: Any, grid: Any, gy: Any, padding: str, aligned: bool) -> Any:
    return sampled_grid_grad(sample_pixels_weight_grad, x, grid, gy, padding, aligned)
