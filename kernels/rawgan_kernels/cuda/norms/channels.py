"""Bodies of normalisation over the pixels of each channel, with the activation after it: batch norm and instance norm.

Arrays count as (groups, pixels, channels), a group being the whole batch or one image; `run.columns` cuts them into
blocks.

**Forward**, three launches. Each thread takes the mean of its numbers of one column, and the sum of squares around it;
the numbers are still in the cache when it reads them again. Then one block for each channel combines these,

    mean = Σ nᵢ · meanᵢ / n          n · var = Σ (squaresᵢ + nᵢ · (meanᵢ − mean)²)

so that nothing cancels, as it would in E[x²] − E[x]². Then y = leaky_relu((x − mean) · scale + beta) is computed number
by number, with scale = gamma / √(var + eps).

**Backward**: the sums of g and g · (x − mean), in the same two steps, where g is the gradient before the activation;
then, with the mean of g and k = mean(g · (x − mean)) / (var + eps),

    gx = scale · (g − mean(g) − (x − mean) · k)

Both sums need the sign of the value before the activation. It is computed again, in one explicitly fused operation:
otherwise the compiler might fuse it in one kernel and not in the other, and the signs could differ.
"""

from rawgan_kernels.cuda.compile.language import (
    THREADS,
    WARPS,
    block_sum,
    cuda,
    cuda_kernel,
    formulas,
    index,
    math,
    number,
    position,
)
from rawgan_kernels.cuda.run.columns import ROWS, column_of, part_of, rows_of

# --- a function that kernels call -------------------------------------------------------------------------------------


def before_activation(x, mean, var, gamma, beta, eps):  # type: ignore[no-untyped-def]
    """The value that the activation is applied to."""
    return cuda.fma(x - mean, gamma / math.sqrt(var + eps), beta)


# --- forward --------------------------------------------------------------------------------------------------------


@cuda_kernel("x: in, parts: out, size: index, width: index, row_blocks: index, kind: index")
def thread_moments(x, parts, size, width, row_blocks, kind):  # type: ignore[no-untyped-def]
    """Mean of the numbers of each thread, and the sum of squares around it."""
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
            rest = number(0)  # what rounding took from the mean
            for row in range(rows):
                away = x[index(first + index(row) * width)] - mean
                rest += away
                squares += away * away
            rest /= number(rows)
            squares -= rest * rest * number(rows)
        parts[index(part * width + column)] = mean
        parts[index(kind + part * width + column)] = squares


@cuda_kernel(
    "parts: in, mean: out, var: out, size: index, width: index, row_blocks: index, channels: index, kind: index"
)
def combine_moments(parts, mean, var, size, width, row_blocks, channels, kind):  # type: ignore[no-untyped-def]
    """Mean and variance of each channel of each group, one block each."""
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


@cuda_kernel(
    "x: in, mean: in, var: in, gamma: in, beta: in, y: out, count: index, size: index, channels: index, eps: number, "
    "slope: number"
)
def apply(x, mean, var, gamma, beta, y, count, size, channels, eps, slope):  # type: ignore[no-untyped-def]
    i = position()
    if i < count:
        channel = index(i % channels)
        at = index(i // size * channels + channel)
        z = before_activation(x[i], mean[at], var[at], gamma[channel], beta[channel], eps)
        y[i] = formulas.leaky_relu(z, slope)


# --- backward -------------------------------------------------------------------------------------------------------


@cuda_kernel(
    "x: in, gy: in, gamma: in, beta: in, mean: in, var: in, parts: out, size: index, width: index, row_blocks: index, "
    "channels: index, kind: index, eps: number, slope: number"
)
def gradient_sums(  # type: ignore[no-untyped-def]
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


@cuda_kernel("products: in, var: in, ggamma: out, count: index, eps: number")
def divide(products, var, ggamma, count, eps):  # type: ignore[no-untyped-def]
    """Σ g · (x − mean) / √(var + eps): each group's part of the gradient of gamma."""
    i = position()
    if i < count:
        ggamma[i] = products[i] / math.sqrt(var[i] + eps)


@cuda_kernel(
    "x: in, gy: in, gamma: in, beta: in, mean: in, var: in, sums: in, products: in, gx: out, count: index, "
    "size: index, channels: index, eps: number, slope: number"
)
def apply_grad(  # type: ignore[no-untyped-def]
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
