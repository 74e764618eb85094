"""Channels of each image, scaled or summed by themselves."""

import torch
from torch import Tensor

from bench.competitors.torch_kernels.counterpart import Run, counterpart


@counterpart
def scale_channels(x: Tensor, factors: Tensor) -> Run:
    """Product of images and of a number for each of their channels, which are the second axis in PyTorch."""
    factors = factors[:, :, None, None]
    return lambda: torch.mul(x, factors)


@counterpart
def channel_products(a: Tensor, b: Tensor) -> Run:
    """Sum over the pixels of a product."""
    return lambda: torch.mul(a, b).sum(dim=(2, 3))
