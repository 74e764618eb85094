"""Normalisation over pixels, over the values of a sample, or over groups of channels, with the activation after it."""

from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from rawgan_kernels.axes import over_groups
from rawgan_kernels.cpu.norms import channels, groups, layer
from rawgan_kernels.cpu.run import pool
from rawgan_kernels.cpu.run.columns import Grid, grid, grid_of_images
from rawgan_kernels.dispatch import implements
from rawgan_kernels.errors import MissingKernel

Array = np.ndarray[Any, Any]
Axes = tuple[int, ...]


@implements
def normalize(x: Array, gamma: Array, beta: Array, axes: Axes, eps: float, slope: float) -> tuple[Array, Array, Array]:
    y, gamma, beta = pool.empty(x.shape, x.dtype), gamma.ravel(), beta.ravel()
    kept, cut, count = _plan(x.shape, gamma.size, axes)
    if not x.size:
        mean, var = np.full((2, *kept), np.nan, x.dtype)
        return y, mean, var
    if cut is None:
        mean, var = layer.forward(x.ravel(), gamma, beta, y.reshape(-1), float(eps), float(slope))
        return y, mean.reshape(kept), var.reshape(kept)
    flat = x.ravel()
    if count:
        mean, var = groups.forward(flat, gamma, beta, y.reshape(-1), count, cut, float(eps), float(slope))
        return y, mean.reshape(kept), var.reshape(kept)
    mean, var = channels.forward(flat, gamma, beta, y.reshape(-1), cut, float(eps), float(slope))
    return y, mean.reshape(kept), var.reshape(kept)


@implements
def normalize_grad(
    x: Array, gy: Array, gamma: Array, beta: Array, mean: Array, var: Array, axes: Axes, eps: float, slope: float
) -> tuple[Array, Array, Array]:
    gx, shape, gamma, beta = pool.empty(x.shape, x.dtype), gamma.shape, gamma.ravel(), beta.ravel()
    _, cut, count = _plan(x.shape, gamma.size, axes)
    if not x.size:
        ggamma, gbeta = np.zeros((2, *shape), x.dtype)
        return gx, ggamma, gbeta
    if cut is None:
        ggamma, gbeta = layer.backward(
            x.ravel(), gy.ravel(), gamma, beta, gx.reshape(-1), mean.ravel(), var.ravel(), float(eps), float(slope)
        )
        return gx, ggamma.reshape(shape), gbeta.reshape(shape)
    if count:
        mean, var = mean.reshape(cut.groups, count), var.reshape(cut.groups, count)
        ggamma, gbeta = groups.backward(
            x.ravel(), gy.ravel(), gamma, beta, gx.reshape(-1), mean, var, cut, float(eps), float(slope)
        )
        return gx, ggamma.astype(x.dtype).reshape(shape), gbeta.astype(x.dtype).reshape(shape)
    mean, var = mean.reshape(-1, cut.channels), var.reshape(-1, cut.channels)
    ggamma, gbeta = channels.backward(
        x.ravel(), gy.ravel(), gamma, beta, gx.reshape(-1), mean, var, cut, float(eps), float(slope)
    )
    return gx, ggamma, gbeta


@lru_cache(maxsize=256)  # a network needs the same few in every step
def _plan(shape: tuple[int, ...], gamma_size: int, axes: Axes) -> tuple[tuple[int, ...], Grid | None, int]:
    """Shape of the statistics, the blocks of x, and the number of groups of channels of an image that have their own:
    one for each channel in instance norm, none in batch norm. No blocks for layer norm and for empty arrays.

    In layer norm the mean is over the axes of gamma, not over the pixels of a channel.
    """
    kept = tuple(1 if axis in axes else length for axis, length in enumerate(shape))
    axes = tuple(sorted(axes))
    first, over = axes[0], [shape[axis] for axis in axes]
    if 0 in shape or (axes == tuple(range(first, len(shape))) and gamma_size == prod(over)):
        return kept, None, 0
    if axes == tuple(range(first, len(shape) - 1)) and gamma_size == shape[-1]:
        sizes = prod(shape[:first]), prod(over), shape[-1]
        return (kept, grid_of_images(*sizes), shape[-1]) if first else (kept, grid(*sizes), 0)
    if over_groups(len(shape), axes) and gamma_size == shape[-2] * shape[-1]:
        return kept, grid_of_images(prod(shape[:first]), prod(over[:-1]), gamma_size), shape[-2]
    raise MissingKernel(
        f"backend 'cpu' has batch, instance, layer and group norm, but not the mean of {shape} over the axes {axes} "
        f"with a gamma of {gamma_size}; use('reference') has every norm"
    )
