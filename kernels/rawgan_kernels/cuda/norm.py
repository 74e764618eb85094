"""Normalisation over the pixels of each channel, with the activation after it: batch norm and instance norm.

For (groups, pixels, channels), one group being the whole batch or one image. See `columns` for the blocks.

**Forward**, three launches. Each thread takes of its numbers of one column the mean and the sum of squares around it,
the numbers still being in the cache at the second look; then one block for each channel puts these together,

    mean = Σ nᵢ · meanᵢ / n          n · var = Σ (squaresᵢ + nᵢ · (meanᵢ − mean)²)

so that nothing cancels as it does in E[x²] − E[x]²; then y = leaky_relu((x − mean) · scale + beta), with
scale = gamma / √(var + eps), is computed number by number.

**Backward**: the sums of g and g · (x − mean), g being the gradient past the activation, in the same two steps; then,
with the mean of g and k = mean(g · (x − mean)) / (var + eps),

    gx = scale · (g − mean(g) − (x − mean) · k)

Both want the sign of what the activation saw. It is computed again, in one fused operation that says so: otherwise the
compiler might fuse it in one kernel and not in the other, and the sign would differ.

Layer norm is another matter, as its means run along the rows: `layer_norm`.
"""

from math import prod
from typing import Any

from rawgan_kernels import MissingKernel
from rawgan_kernels.cuda.compile.language import (
    THREADS,
    WARPS,
    block_sum,
    blocks_for,
    cuda,
    formulas,
    index,
    kernel,
    launch,
    math,
    number,
    position,
)
from rawgan_kernels.cuda.norms import layer
from rawgan_kernels.cuda.run.columns import (
    ROWS,
    Grid,
    _total,
    channel_sum,
    column_of,
    grid,
    part_of,
    parts,
    rows_of,
)
from rawgan_kernels.cuda.run.memory import empty, empty_like, flat

Axes = tuple[int, ...]


def normalize(x: Any, gamma: Any, beta: Any, axes: Axes, eps: float, slope: float) -> tuple[Any, Any, Any]:
    """y = leaky_relu(gamma · (x − mean) / √(var + eps) + beta), with mean and biased variance over `axes`.

    Shapes: x any; gamma, beta the trailing axes of x → y as x; mean, var as x with `axes` of size 1
    Flops:  9 · x.size
    Bytes:  x + y
    """
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
    found = parts(x, cut, 2)
    launch(_moments, cut.blocks, x, found, cut.size, cut.width, cut.row_blocks, found.size // 2)
    launch(
        _combine_moments, cut.groups * cut.channels, found, flat(mean), flat(var), cut.size, cut.width, cut.row_blocks,
        cut.channels, found.size // 2,
    )  # fmt: skip
    launch(
        _apply, blocks_for(x.size), x, flat(mean), flat(var), gamma, beta, flat(y), x.size, cut.size, cut.channels, eps,
        slope,
    )  # fmt: skip
    return y, mean, var


def normalize_grad(
    x: Any, gy: Any, gamma: Any, beta: Any, mean: Any, var: Any, axes: Axes, eps: float, slope: float
) -> tuple[Any, Any, Any]:
    """Gradients of normalize with respect to x, gamma and beta, the mean and the variance being functions of x.

    Shapes: x, gy any; gamma, beta its trailing axes; mean, var as x with `axes` of size 1
            → gx as x, ggamma, gbeta as gamma
    Flops:  18 · x.size
    Bytes:  x + gy + gx
    """
    gx, ggamma, gbeta = empty_like(x), empty_like(gamma), empty_like(gamma)
    if not x.size:
        ggamma.fill(0)
        gbeta.fill(0)
        return gx, ggamma, gbeta
    cut = _grid(x.shape, gamma.size, axes)
    x, gy, gamma, beta, mean, var = (flat(each) for each in (x, gy, gamma, beta, mean, var))
    if cut is None:
        layer.backward(x, gy, gamma, beta, flat(gx), flat(ggamma), flat(gbeta), mean, var, eps, slope)
        return gx, ggamma, gbeta
    found, each = parts(x, cut, 2), cut.groups * cut.channels
    launch(
        _gradient_sums, cut.blocks, x, gy, gamma, beta, mean, var, found, cut.size, cut.width, cut.row_blocks,
        cut.channels, found.size // 2, eps, slope,
    )  # fmt: skip
    sums, products = empty(x, (cut.groups, cut.channels)), empty(x, (cut.groups, cut.channels))
    launch(_total, each, found[: found.size // 2], flat(sums), cut.width, cut.row_blocks, cut.channels)
    launch(_total, each, found[found.size // 2 :], flat(products), cut.width, cut.row_blocks, cut.channels)
    launch(
        _apply_grad, blocks_for(x.size), x, gy, gamma, beta, mean, var, flat(sums), flat(products), flat(gx), x.size,
        cut.size, cut.channels, eps, slope,
    )  # fmt: skip
    scaled_products = empty_like(products)
    launch(_divide, blocks_for(each), flat(products), var, flat(scaled_products), each, eps)
    return gx, channel_sum(scaled_products), channel_sum(sums)


def _grid(shape: tuple[int, ...], gamma_size: int, axes: Axes) -> Grid | None:
    """The blocks of x; None in layer norm, whose mean is over the axes of gamma and not over pixels of a channel."""
    axes = tuple(sorted(axes))
    first, over = axes[0], [shape[axis] for axis in axes]
    if axes == tuple(range(first, len(shape))) and gamma_size == prod(over):
        return None
    if axes == tuple(range(first, len(shape) - 1)) and gamma_size == shape[-1]:
        return grid(prod(shape[:first]), prod(over), shape[-1])
    raise MissingKernel(
        f"backend 'cuda' has batch, instance and layer norm, but not the mean of {shape} over the axes {axes} with a "
        f"gamma of {gamma_size}; use('reference') has every norm"
    )


# --- for kernels to call --------------------------------------------------------------------------------------------


def before_activation(x, mean, var, gamma, beta, eps):  # type: ignore[no-untyped-def]
    """What the activation sees."""
    return cuda.fma(x - mean, gamma / math.sqrt(var + eps), beta)


# --- forward --------------------------------------------------------------------------------------------------------


@kernel("x: in, parts: out, size: index, width: index, row_blocks: index, kind: index")
def _moments(x, parts, size, width, row_blocks, kind):  # type: ignore[no-untyped-def]
    """The mean of the numbers of each thread, and the sum of squares around it."""
    part, column = part_of(width), column_of(width)
    if column < width:
        row_block = index(part % row_blocks)
        first = index(part // row_blocks * size + row_block * index(ROWS) * width + column)
        rows = rows_of(row_block, column, size, width)
        mean, squares = number(0), number(0)
        if rows > index(0):
            for row in range(rows):
                mean += x[index(first + index(row) * width)]
            mean /= number(rows)
            rest = number(0)  # of the mean, which was rounded
            for row in range(rows):
                away = x[index(first + index(row) * width)] - mean
                rest += away
                squares += away * away
            rest /= number(rows)
            squares -= rest * rest * number(rows)
        parts[index(part * width + column)] = mean
        parts[index(kind + part * width + column)] = squares


@kernel("parts: in, mean: out, var: out, size: index, width: index, row_blocks: index, channels: index, kind: index")
def _combine_moments(parts, mean, var, size, width, row_blocks, channels, kind):  # type: ignore[no-untyped-def]
    """One block for each channel of each group: its mean and variance."""
    scratch, shared_mean = cuda.shared.array(WARPS, number), cuda.shared.array(1, number)
    which = index(cuda.blockIdx.x)
    group, channel = index(which // channels), index(which % channels)
    repeats = index(width // channels)
    count, pixels = index(row_blocks * repeats), number(index(size // channels))
    total = number(0)
    for at in range(index(cuda.threadIdx.x), count, index(THREADS)):
        row_block, column = index(index(at) // repeats), index(index(at) % repeats * channels + channel)
        place = index((group * row_blocks + row_block) * width + column)
        total += number(rows_of(row_block, column, size, width)) * parts[place]
    total = block_sum(total, scratch)
    if index(cuda.threadIdx.x) == index(0):
        shared_mean[0] = total / pixels
    cuda.syncthreads()
    center = shared_mean[0]
    squares = number(0)
    for at in range(index(cuda.threadIdx.x), count, index(THREADS)):
        row_block, column = index(index(at) // repeats), index(index(at) % repeats * channels + channel)
        place = index((group * row_blocks + row_block) * width + column)
        away = parts[place] - center
        squares += parts[index(kind + place)] + number(rows_of(row_block, column, size, width)) * away * away
    squares = block_sum(squares, scratch)
    if index(cuda.threadIdx.x) == index(0):
        mean[which] = center
        var[which] = squares / pixels


@kernel(
    "x: in, mean: in, var: in, gamma: in, beta: in, y: out, count: index, size: index, channels: index, eps: number, "
    "slope: number"
)
def _apply(x, mean, var, gamma, beta, y, count, size, channels, eps, slope):  # type: ignore[no-untyped-def]
    i = position()
    if i < count:
        channel = index(i % channels)
        at = index(i // size * channels + channel)
        z = before_activation(x[i], mean[at], var[at], gamma[channel], beta[channel], eps)
        y[i] = formulas.leaky_relu(z, slope)


# --- backward -------------------------------------------------------------------------------------------------------


@kernel(
    "x: in, gy: in, gamma: in, beta: in, mean: in, var: in, parts: out, size: index, width: index, row_blocks: index, "
    "channels: index, kind: index, eps: number, slope: number"
)
def _gradient_sums(  # type: ignore[no-untyped-def]
    x, gy, gamma, beta, mean, var, parts, size, width, row_blocks, channels, kind, eps, slope
):
    """Σ g and Σ g · (x − mean) over the numbers of each thread."""
    part, column = part_of(width), column_of(width)
    if column < width:
        row_block, channel = index(part % row_blocks), index(column % channels)
        group = index(part // row_blocks)
        at = index(group * size + row_block * index(ROWS) * width + column)
        statistics = index(group * channels + channel)
        center, spread = mean[statistics], var[statistics]
        total, product = number(0), number(0)
        for _ in range(rows_of(row_block, column, size, width)):
            z = before_activation(x[at], center, spread, gamma[channel], beta[channel], eps)
            g = formulas.leaky_relu_grad(z, gy[at], slope)
            total += g
            product += g * (x[at] - center)
            at = index(at + width)
        parts[index(part * width + column)] = total
        parts[index(kind + part * width + column)] = product


@kernel("products: in, var: in, ggamma: out, count: index, eps: number")
def _divide(products, var, ggamma, count, eps):  # type: ignore[no-untyped-def]
    """Σ g · (x − mean) / √(var + eps): the gradient of gamma, one for each group."""
    i = position()
    if i < count:
        ggamma[i] = products[i] / math.sqrt(var[i] + eps)


@kernel(
    "x: in, gy: in, gamma: in, beta: in, mean: in, var: in, sums: in, products: in, gx: out, count: index, "
    "size: index, channels: index, eps: number, slope: number"
)
def _apply_grad(  # type: ignore[no-untyped-def]
    x, gy, gamma, beta, mean, var, sums, products, gx, count, size, channels, eps, slope
):
    i = position()
    if i < count:
        channel = index(i % channels)
        at, pixels = index(i // size * channels + channel), number(index(size // channels))
        z = before_activation(x[i], mean[at], var[at], gamma[channel], beta[channel], eps)
        g = formulas.leaky_relu_grad(z, gy[i], slope)
        k = products[at] / pixels / (var[at] + eps)
        gx[i] = gamma[channel] / math.sqrt(var[at] + eps) * (g - sums[at] / pixels - (x[i] - mean[at]) * k)
