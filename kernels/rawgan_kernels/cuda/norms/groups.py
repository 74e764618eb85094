"""Bodies of normalisation over the pixels and the channels of a group, with the activation after it: group norm.

The launches are those of `channels`, an image being a group there; here a group is a part of the channels. Between
them, one thread for each group joins the numbers of its channels, and writes what it finds for each of them.

Backward, with P the mean of gamma · g · (x − mean) over the group, and g the gradient before the activation,

    gx = gamma · g / std − mean(gamma · g) / std − (x − mean) · P / std³          std = √(var + eps)
"""

from typing import Any

from rawgan_kernels.cuda.compile.language import cuda_kernel, formulas, index, math, number, position
from rawgan_kernels.cuda.norms import channels
from rawgan_kernels.cuda.norms.channels import before_activation
from rawgan_kernels.cuda.run.columns import Grid, parts, total_sums
from rawgan_kernels.cuda.run.launch import blocks_for, launch
from rawgan_kernels.cuda.run.memory import empty, empty_like


def forward(x: Any, gamma: Any, beta: Any, y: Any, mean: Any, var: Any, cut: Grid, eps: float, slope: float) -> None:
    """Write y, and mean, var of each group of each image; all flat."""
    found, each = parts(x, cut, 2), cut.groups * cut.channels
    half, members = found.size // 2, each // mean.size
    launch(channels.thread_moments, cut.blocks, x, found, cut.size, cut.width, cut.row_blocks, half)
    means, spreads = empty(x, (each,)), empty(x, (each,))
    launch(
        channels.combine_moments, each, found, means, spreads, cut.size, cut.width, cut.row_blocks, cut.channels, half
    )
    launch(join_moments, blocks_for(mean.size), means, spreads, mean, var, mean.size, members)
    launch(spread, blocks_for(each), mean, means, each, members)
    launch(spread, blocks_for(each), var, spreads, each, members)
    launch(
        channels.apply,
        blocks_for(x.size),
        x,
        means,
        spreads,
        gamma,
        beta,
        y,
        x.size,
        cut.size,
        cut.channels,
        eps,
        slope,
    )


def backward(
    x: Any, gy: Any, gamma: Any, beta: Any, gx: Any, mean: Any, var: Any, cut: Grid, eps: float, slope: float
) -> tuple[Any, Any]:
    """Write gx; → Σ g, and Σ g · x̂, over each channel of each image (images, channels)."""
    found, each = parts(x, cut, 2), cut.groups * cut.channels
    half, members = found.size // 2, each // mean.size
    means, spreads = empty(x, (each,)), empty(x, (each,))
    launch(spread, blocks_for(each), mean, means, each, members)
    launch(spread, blocks_for(each), var, spreads, each, members)
    launch(
        channels.gradient_sums, cut.blocks, x, gy, gamma, beta, means, spreads, found, cut.size, cut.width,
        cut.row_blocks, cut.channels, half, eps, slope,
    )  # fmt: skip
    sums, products = empty(x, (each,)), empty(x, (each,))
    launch(total_sums, each, found[:half], sums, cut.width, cut.row_blocks, cut.channels)
    launch(total_sums, each, found[half:], products, cut.width, cut.row_blocks, cut.channels)
    away, tilt, scaled = empty_like(sums), empty_like(sums), empty_like(sums)
    launch(
        join_sums, blocks_for(mean.size), sums, products, gamma, var, away, tilt, mean.size, members, cut.size,
        cut.channels, eps,
    )  # fmt: skip
    launch(
        apply_group_grad, blocks_for(x.size), x, gy, gamma, beta, means, spreads, away, tilt, gx, x.size, cut.size,
        cut.channels, eps, slope,
    )  # fmt: skip
    launch(channels.divide, blocks_for(each), products, spreads, scaled, each, eps)
    return sums.reshape(cut.groups, cut.channels), scaled.reshape(cut.groups, cut.channels)


@cuda_kernel("x: in, y: out, count: index, members: index")
def spread(x, y, count, members):  # type: ignore[no-untyped-def]
    """A number of each group, for each of its channels."""
    i = position()
    if i < count:
        y[i] = x[index(i // members)]


@cuda_kernel("means: in, spreads: in, mean: out, var: out, count: index, members: index")
def join_moments(means, spreads, mean, var, count, members):  # type: ignore[no-untyped-def]
    """Mean and variance of each group, of those of its channels, which have equally many numbers."""
    i = position()
    if i < count:
        first, center, total = index(i * members), number(0), number(0)
        for member in range(members):
            center += means[index(first + index(member))]
        center /= number(members)
        for member in range(members):
            away = means[index(first + index(member))] - center
            total += spreads[index(first + index(member))] + away * away
        mean[i] = center
        var[i] = total / number(members)


@cuda_kernel(
    "sums: in, products: in, gamma: in, var: in, away: out, tilt: out, count: index, members: index, size: index, "
    "channels: index, eps: number"
)
def join_sums(  # type: ignore[no-untyped-def]
    sums, products, gamma, var, away, tilt, count, members, size, channels, eps
):
    """mean(gamma · g) / std and P / std³ of each group, written for each of its channels."""
    i = position()
    if i < count:
        first, total, product = index(i * members), number(0), number(0)
        for member in range(members):
            at = index(first + index(member))
            total += gamma[index(at % channels)] * sums[at]
            product += gamma[index(at % channels)] * products[at]
        numbers = number(index(size // channels)) * number(members)
        inv_std = number(1) / math.sqrt(var[i] + eps)
        for member in range(members):
            at = index(first + index(member))
            away[at] = total / numbers * inv_std
            tilt[at] = product / numbers * inv_std * inv_std * inv_std


@cuda_kernel(
    "x: in, gy: in, gamma: in, beta: in, mean: in, var: in, away: in, tilt: in, gx: out, count: index, size: index, "
    "channels: index, eps: number, slope: number"
)
def apply_group_grad(  # type: ignore[no-untyped-def]
    x, gy, gamma, beta, mean, var, away, tilt, gx, count, size, channels, eps, slope
):
    i = position()
    if i < count:
        channel = index(i % channels)
        at = index(i // size * channels + channel)
        z = before_activation(x[i], mean[at], var[at], gamma[channel], beta[channel], eps)
        g = formulas.leaky_relu_grad(z, gy[i], slope)
        gx[i] = gamma[channel] / math.sqrt(var[at] + eps) * g - away[at] - (x[i] - mean[at]) * tilt[at]
