"""Bodies of layer norm: each sample is normalised over its values, with one gamma and beta for each value.

Arrays count as (samples, values). Forward, and for gx, a block takes one sample and adds up its values, always in the
same pairs. The gradients of gamma and beta are sums over the samples, one for each column; see `run.columns`.
"""

from typing import Any

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
)
from rawgan_kernels.cuda.run.columns import ROWS, column_of, grid, part_of, parts, rows_of, total_sums
from rawgan_kernels.cuda.run.launch import launch

PLACES = WARPS + 1
"""Numbers of shared memory that `shared_sum` needs."""


def forward(x: Any, gamma: Any, beta: Any, y: Any, mean: Any, var: Any, eps: float, slope: float) -> None:
    """Write y (samples · values,) and mean, var (samples,)."""
    launch(_layer, mean.size, x, gamma, beta, y, mean, var, gamma.size, eps, slope)


def backward(
    x: Any, gy: Any, gamma: Any, beta: Any, gx: Any, ggamma: Any, gbeta: Any, mean: Any, var: Any, eps: float,
    slope: float,
) -> None:  # fmt: skip
    """Write gx (samples · values,), ggamma and gbeta (values,)."""
    values = gamma.size
    launch(_layer_grad, mean.size, x, gy, gamma, beta, mean, var, gx, values, eps, slope)
    cut = grid(1, mean.size, values)
    found = parts(x, cut, 2)
    half = found.size // 2
    launch(
        _layer_sums, cut.blocks, x, gy, gamma, beta, mean, var, found, cut.size, cut.width, cut.row_blocks, values,
        half, eps, slope,
    )  # fmt: skip
    launch(total_sums, values, found[:half], gbeta, cut.width, cut.row_blocks, values)
    launch(total_sums, values, found[half:], ggamma, cut.width, cut.row_blocks, values)


def shared_sum(value, scratch):  # type: ignore[no-untyped-def]
    """The sum over the threads of a block, returned to all of them; `scratch` is shared memory of `PLACES` numbers."""
    total = block_sum(value, scratch)
    if index(cuda.threadIdx.x) == index(0):
        scratch[WARPS] = total
    cuda.syncthreads()
    return scratch[WARPS]


def layer_before_activation(x, mean, inv_std, gamma, beta):  # type: ignore[no-untyped-def]
    """The value that the activation is applied to: explicitly fused, so that all kernels compute the same bits."""
    return cuda.fma(x - mean, inv_std * gamma, beta)


@cuda_kernel("x: in, gamma: in, beta: in, y: out, mean: out, var: out, values: index, eps: number, slope: number")
def _layer(x, gamma, beta, y, mean, var, values, eps, slope):  # type: ignore[no-untyped-def]
    """y, mean and variance of one sample."""
    scratch = cuda.shared.array(PLACES, number)
    sample, thread = index(cuda.blockIdx.x), index(cuda.threadIdx.x)
    first = index(sample * values)
    total = number(0)
    for at in range(thread, values, index(THREADS)):
        total += x[index(first + index(at))]
    center = shared_sum(total, scratch) / number(values)
    squares = number(0)
    for at in range(thread, values, index(THREADS)):
        away = x[index(first + index(at))] - center
        squares += away * away
    spread = shared_sum(squares, scratch) / number(values)
    inv_std = number(1) / math.sqrt(spread + eps)
    for at in range(thread, values, index(THREADS)):
        i = index(first + index(at))
        z = layer_before_activation(x[i], center, inv_std, gamma[index(at)], beta[index(at)])
        y[i] = formulas.leaky_relu(z, slope)
    if thread == index(0):
        mean[sample] = center
        var[sample] = spread


@cuda_kernel(
    "x: in, gy: in, gamma: in, beta: in, mean: in, var: in, gx: out, values: index, eps: number, slope: number"
)
def _layer_grad(x, gy, gamma, beta, mean, var, gx, values, eps, slope):  # type: ignore[no-untyped-def]
    """gx = (g − mean(g) − x̂ · mean(g · x̂)) / std of one sample; g = gamma · (gradient before the activation)."""
    scratch = cuda.shared.array(PLACES, number)
    sample, thread = index(cuda.blockIdx.x), index(cuda.threadIdx.x)
    first = index(sample * values)
    center, inv_std = mean[sample], number(1) / math.sqrt(var[sample] + eps)
    total, product = number(0), number(0)
    for at in range(thread, values, index(THREADS)):
        i, k = index(first + index(at)), index(at)
        z = layer_before_activation(x[i], center, inv_std, gamma[k], beta[k])
        g = gamma[k] * formulas.leaky_relu_grad(z, gy[i], slope)
        total += g
        product += g * ((x[i] - center) * inv_std)
    mean_g = shared_sum(total, scratch) / number(values)
    mean_product = shared_sum(product, scratch) / number(values)
    for at in range(thread, values, index(THREADS)):
        i, k = index(first + index(at)), index(at)
        z = layer_before_activation(x[i], center, inv_std, gamma[k], beta[k])
        g = gamma[k] * formulas.leaky_relu_grad(z, gy[i], slope)
        gx[i] = inv_std * (g - mean_g - (x[i] - center) * inv_std * mean_product)


@cuda_kernel(
    "x: in, gy: in, gamma: in, beta: in, mean: in, var: in, parts: out, size: index, width: index, row_blocks: index, "
    "values: index, kind: index, eps: number, slope: number"
)
def _layer_sums(  # type: ignore[no-untyped-def]
    x, gy, gamma, beta, mean, var, parts, size, width, row_blocks, values, kind, eps, slope
):
    """Σ g and Σ g · x̂ over the samples of each thread, for its column."""
    part, column = part_of(width), column_of(width)
    if column < width:
        at, k = index(part * index(ROWS) * width + column), index(column % values)
        total, product = number(0), number(0)
        for _ in range(rows_of(part, column, size, width)):
            sample = index(at // values)
            center, inv_std = mean[sample], number(1) / math.sqrt(var[sample] + eps)
            z = layer_before_activation(x[at], center, inv_std, gamma[k], beta[k])
            g = formulas.leaky_relu_grad(z, gy[at], slope)
            total += g
            product += g * ((x[at] - center) * inv_std)
            at = index(at + width)
        parts[index(part * width + column)] = total
        parts[index(kind + part * width + column)] = product
