"""Pixels at places of an image, and images of a batch."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from bench.competitors.torch_kernels.counterpart import Run, aten, counterpart


@counterpart
def grid_sample(x: Tensor, grid: Tensor, padding: str, aligned: bool) -> Run:
    """functional.grid_sample; the grid has four axes, but is no image."""
    places = grid.permute(0, 2, 3, 1).contiguous()
    return lambda: functional.grid_sample(x, places, "bilinear", padding, aligned)


@counterpart
def grid_sample_input_grad(gy: Tensor, grid: Tensor, size: Any, padding: str, aligned: bool) -> Run:
    """The backward pass of grid_sample for the images, with the grid's gradient, which PyTorch always computes."""
    backward = _grid_sample_backward(gy, gy.new_zeros(len(gy), gy.shape[1], *size), grid, padding, aligned, True)
    return lambda: backward()[0]


@counterpart
def grid_sample_grid_grad(x: Tensor, grid: Tensor, gy: Tensor, padding: str, aligned: bool) -> Run:
    """The backward pass of grid_sample for the grid alone."""
    backward = _grid_sample_backward(gy, x, grid, padding, aligned, False)
    return lambda: backward()[1].permute(0, 3, 1, 2)


def _grid_sample_backward(gy: Tensor, x: Tensor, grid: Tensor, padding: str, aligned: bool, images: bool) -> Run:
    places, number = grid.permute(0, 2, 3, 1).contiguous(), ("zeros", "border", "reflection").index(padding)
    return lambda: aten.grid_sampler_2d_backward(gy, x, places, 0, number, aligned, (images, True))


@counterpart
def sample_pixels(x: Tensor, weights: Tensor, at: Tensor) -> Run:
    """embedding_bag over the pixels of all images, a bag for each place."""
    rows, bags = x.flatten(0, 1), _numbered(at, x.shape[1]).flatten(0, 1)
    given = {"mode": "sum", "per_sample_weights": weights.flatten(0, 1)}
    return lambda: functional.embedding_bag(bags, rows, **given).view(*at.shape[:2], -1)


@counterpart
def sample_pixels_input_grad(gy: Tensor, weights: Tensor, at: Tensor, pixels: int) -> Run:
    """index_add of the weighted gradients."""
    n, count, taps = at.shape
    numbers = _numbered(at, pixels).flatten()

    def run() -> Tensor:
        each = (weights[..., None] * gy[:, :, None]).view(n * count * taps, -1)
        return gy.new_zeros(n * pixels, gy.shape[2]).index_add_(0, numbers, each).view(n, pixels, -1)

    return run


@counterpart
def sample_pixels_weight_grad(x: Tensor, gy: Tensor, at: Tensor) -> Run:
    """Products of the pixels and the gradients, summed."""
    rows, numbers = x.flatten(0, 1), _numbered(at, x.shape[1])
    return lambda: (rows[numbers] * gy[:, :, None]).sum(-1)


def _numbered(at: Tensor, pixels: int) -> Tensor:
    """Numbers of pixels among those of all images."""
    return at + pixels * torch.arange(len(at))[:, None, None]


@counterpart
def gather_pixels(images: Tensor, indices: Tensor, dtype: Any) -> Run:
    """Selected images, with pixels from 0 to 255 scaled to [−1, 1]."""
    kind = torch.float64 if np.dtype(dtype) == np.float64 else torch.float32
    return lambda: images[indices].to(kind).div_(127.5).sub_(1)
