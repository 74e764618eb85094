"""Normalisation over pixels, over the values of a sample, or over groups of channels, with the activation after it."""

from math import prod
from typing import Any

from rawgan_kernels.axes import over_groups
from rawgan_kernels.cuda.arithmetic import channel_sum
from rawgan_kernels.cuda.norms import channels, groups, layer
from rawgan_kernels.cuda.run.columns import Grid, grid, parts, total_sums
from rawgan_kernels.cuda.run.launch import blocks_for, launch
from rawgan_kernels.cuda.run.memory import empty, empty_like, flat
from rawgan_kernels.dispatch import implements
from rawgan_kernels.errors import MissingKernel

Axes = tuple[int, ...]


@implements
def normalize(x: Any, gamma: Any, beta: Any, axes: Axes, eps: float, slope: float) -> tuple[Any, Any, Any]:
    y, gamma, beta = empty_like(x), flat(gamma), flat(beta)
    kept = tuple(1 if axis in axes else length for axis, length in enumerate(x.shape))
    mean, var = empty(x, kept), empty(x, kept)
    if not x.size:
        mean.fill(float("nan"))
        var.fill(float("nan"))
        return y, mean, var
    cut, x = _grid(x.shape, gamma.size, axes), flat(x)
    if cut is None:
        layer.forward(x, gamma, beta, flat(y), flat(mean), flat(var), eps, slope)
        return y, mean, var
    if over_groups(len(kept), axes):
        groups.forward(x, gamma, beta, flat(y), flat(mean), flat(var), cut, eps, slope)
        return y, mean, var
    found = parts(x, cut, 2)
    launch(channels.thread_moments, cut.blocks, x, found, cut.size, cut.width, cut.row_blocks, found.size // 2)
    launch(
        channels.combine_moments, cut.groups * cut.channels, found, flat(mean), flat(var), cut.size, cut.width,
        cut.row_blocks, cut.channels, found.size // 2,
    )  # fmt: skip
    launch(
        channels.apply, blocks_for(x.size), x, flat(mean), flat(var), gamma, beta, flat(y), x.size, cut.size,
        cut.channels, eps, slope,
    )  # fmt: skip
    return y, mean, var


@implements
def normalize_grad(
    x: Any, gy: Any, gamma: Any, beta: Any, mean: Any, var: Any, axes: Axes, eps: float, slope: float
) -> tuple[Any, Any, Any]:
    gx, ggamma, gbeta = empty_like(x), empty_like(gamma), empty_like(gamma)
    if not x.size:
        ggamma.fill(0)
        gbeta.fill(0)
        return gx, ggamma, gbeta
    cut, rank = _grid(x.shape, gamma.size, axes), x.ndim
    x, gy, gamma, beta, mean, var = (flat(each) for each in (x, gy, gamma, beta, mean, var))
    if cut is None:
        layer.backward(x, gy, gamma, beta, flat(gx), flat(ggamma), flat(gbeta), mean, var, eps, slope)
        return gx, ggamma, gbeta
    if over_groups(rank, axes):
        sums, products = groups.backward(x, gy, gamma, beta, flat(gx), mean, var, cut, eps, slope)
        return gx, channel_sum(products).reshape(ggamma.shape), channel_sum(sums).reshape(ggamma.shape)
    found, each = parts(x, cut, 2), cut.groups * cut.channels
    launch(
        channels.gradient_sums, cut.blocks, x, gy, gamma, beta, mean, var, found, cut.size, cut.width, cut.row_blocks,
        cut.channels, found.size // 2, eps, slope,
    )  # fmt: skip
    sums, products = empty(x, (cut.groups, cut.channels)), empty(x, (cut.groups, cut.channels))
    launch(total_sums, each, found[: found.size // 2], flat(sums), cut.width, cut.row_blocks, cut.channels)
    launch(total_sums, each, found[found.size // 2 :], flat(products), cut.width, cut.row_blocks, cut.channels)
    launch(
        channels.apply_grad, blocks_for(x.size), x, gy, gamma, beta, mean, var, flat(sums), flat(products), flat(gx),
        x.size, cut.size, cut.channels, eps, slope,
    )  # fmt: skip
    scaled_products = empty_like(products)
    launch(channels.divide, blocks_for(each), flat(products), var, flat(scaled_products), each, eps)
    return gx, channel_sum(scaled_products), channel_sum(sums)


def _grid(shape: tuple[int, ...], gamma_size: int, axes: Axes) -> Grid | None:
    """Blocks of x; None for layer norm, whose mean is over the axes of gamma, not over the pixels of a channel."""
    axes = tuple(sorted(axes))
    first, over = axes[0], [shape[axis] for axis in axes]
    if axes == tuple(range(first, len(shape))) and gamma_size == prod(over):
        return None
    if axes == tuple(range(first, len(shape) - 1)) and gamma_size == shape[-1]:
        return grid(prod(shape[:first]), prod(over), shape[-1])
    if over_groups(len(shape), axes) and gamma_size == shape[-2] * shape[-1]:
        return grid(prod(shape[:first]), prod(over[:-1]), gamma_size)
    raise MissingKernel(
        f"backend 'cuda' has batch, instance, layer and group norm, but not the mean of {shape} over the axes {axes} "
        f"with a gamma of {gamma_size}; use('reference') has every norm"
    )
