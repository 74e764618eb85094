"""Sums, running sums and products."""

from typing import Any

import torch
from torch import Tensor

from bench.competitors.torch_kernels.counterpart import NoCounterpart, Run, counterpart
from rawgan_kernels import PRECISIONS


@counterpart
def add(a: Tensor, b: Tensor) -> Run:
    """Sum of two arrays; a b of one number for each channel is laid along PyTorch's axis of channels."""
    if b.ndim == 1 and a.ndim == 4:
        b = b.view(1, -1, 1, 1)
    return lambda: torch.add(a, b)


@counterpart
def channel_sum(x: Tensor) -> Run:
    """Sum over all axes but the channels', which are the second axis in PyTorch."""
    return lambda: x.sum(dim=[axis for axis in range(x.ndim) if axis != 1])


@counterpart
def cumsum(x: Tensor, reverse: bool) -> Run:
    return lambda: x.flip(1).cumsum(1).flip(1) if reverse else x.cumsum(1)


@counterpart
def scan(**arguments: Any) -> Run:
    """Raises: NoCounterpart"""
    raise NoCounterpart("PyTorch has no operator for it")


@counterpart
def rounded(x: Tensor, bits: int) -> Run:
    """Conversion to bf16 and back."""
    if bits != PRECISIONS["bf16"]:
        raise NoCounterpart("PyTorch has no such dtype")
    return lambda: x.bfloat16().float()


@counterpart
def matmul(a: Tensor, b: Tensor) -> Run:
    """torch.mm."""
    return lambda: torch.matmul(a, b)
