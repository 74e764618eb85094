"""Channels of each image, scaled or summed by themselves."""

import torch
from torch import Tensor

from bench.competitors.torch_kernels.counterpart import Run, counterpart


@counterpart
def scale_channels(x: Tensor, factors: Tensor) -> Run:
    """Product of images and of a number for each of their channels, which are the second axis in PyTorch."""
    factors = factors.reshape(*factors.shape, *(1,) * (x.ndim - 2))
    return lambda: torch.mul(x, factors)


@counterpart
def channel_products(a: Tensor, b: Tensor) -> Run:
    """Sum over the pixels of a product, if there are any."""
    axes = tuple(range(2, a.ndim))
    return lambda: torch.mul(a, b).sum(dim=axes) if axes else torch.mul(a, b)
