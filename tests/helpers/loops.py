"""Convolutions and normalisations written as loops over indices, to compare kernels and ops with."""

import numpy as np


def connections(batch, channels, outputs, geometry):
    """Elements that a convolution multiplies: (index into x, index into w, index into y), one tap at a time."""
    (height, width), (top, left) = geometry.size, (geometry.padding[0][0], geometry.padding[1][0])
    (s, t), (d, e), groups = geometry.stride, geometry.dilation, geometry.groups
    for n, i, j, k in np.ndindex(batch, *geometry.output, outputs):
        group = k // (outputs // groups)
        for a, b, c in np.ndindex(*geometry.kernel, channels // groups):
            p, q = i * s + a * d - top, j * t + b * e - left
            if 0 <= p < height and 0 <= q < width:
                yield (n, p, q, group * (channels // groups) + c), (a, b, c, k), (n, i, j, k)


def conv_triple(x, w, gy, geometry):
    """conv2d(x, w), conv2d_input_grad(gy, w) and conv2d_weight_grad(x, gy), in float64."""
    y, gx, gw = np.zeros(gy.shape), np.zeros(x.shape), np.zeros(w.shape)
    for at_x, at_w, at_y in connections(x.shape[0], x.shape[3], gy.shape[3], geometry):
        a, b, c = float(x[at_x]), float(w[at_w]), float(gy[at_y])
        y[at_y] += a * b
        gx[at_x] += c * b
        gw[at_w] += a * c
    return y, gx, gw


def positions(size, kernel, stride, padding, dilation):
    """Number of places where a window fits, counted one by one."""
    before, after = padding
    return sum(
        1 for at in range(0, before + size + after, stride) if at + dilation * (kernel - 1) < before + size + after
    )


def populations(shape, axes):
    """Index arrays of the elements that share a mean: the reduced axes whole, one index of every other."""
    kept = [axis for axis in range(len(shape)) if axis not in axes]
    for index in np.ndindex(*(shape[axis] for axis in kept)):
        where = [slice(None)] * len(shape)
        for axis, i in zip(kept, index, strict=True):
            where[axis] = slice(i, i + 1)
        yield tuple(where)
