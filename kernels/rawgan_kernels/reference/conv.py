"""The conv triple: a convolution and its two gradients, closed under differentiation.

    y  = conv2d(x, w)          gx = conv2d_input_grad(gy, w)          gw = conv2d_weight_grad(x, gy)

Letters: x (N, H, W, C), w (A, B, C/G, K), y (N, I, J, K), in G groups. At tap (a, b) of the kernel, output pixel (i, j)
sees the input pixel (i·stride + a·dilation, j·stride + b·dilation) of the padded image:

    y[n, i, j, k] = Σ_{a, b, c}  x[n, i·s + a·d, j·s + b·d, c] · w[a, b, c, k]

`_windows` expresses that index arithmetic as a view with six axes; then one matrix product is left. (The product takes
each window as a row, so forward pass and weight gradient copy the view, which is about A·B / stride² times as large as
x. One product per tap needs no copy, but takes three to seven times as long on a CPU.)

All three are linear in each argument, and the derivative of each is one of the others: that is what "closed" means.
"""

from collections.abc import Iterator
from typing import Any

from rawgan_kernels.arrays import array_module
from rawgan_kernels.dispatch import implements
from rawgan_kernels.reference.activation import leaky_relu
from rawgan_kernels.window import Window, span


@implements
def conv2d(x: Any, w: Any, window: Window, b: Any = None, slope: float = 1.0) -> Any:
    """Slide w over x: every output pixel is the product of one window of x with w. Then add b, and apply leaky_relu."""
    n, k = x.shape[0], w.shape[3]
    i, j = window.output
    # (G, N·I·J, A·B·C/G) @ (G, A·B·C/G, K/G) → (G, N·I·J, K/G)
    y = _window_matrix(x, window) @ _weight_matrix(w, window.groups)
    return _finished(y.transpose(1, 0, 2).reshape(n, i, j, k), b, slope)


@implements
def conv2d_input_grad(gy: Any, w: Any, window: Window, b: Any = None, slope: float = 1.0) -> Any:
    """Each output pixel hands its gradient back, tap by tap, to the input pixels of its window.

    As a transposed convolution, it may be followed by adding b and by leaky_relu.
    """
    xp = array_module(gy)
    n, i, j, k = gy.shape
    g, c = window.groups, w.shape[2]
    gy_groups = gy.reshape(n * i * j, g, k // g).transpose(1, 0, 2)
    w_groups = w.reshape(*window.kernel, c, g, k // g).transpose(0, 1, 3, 4, 2)
    padded = xp.zeros((n, *_padded_size(window), g * c), gy.dtype)
    for tap, pixels in _taps(window):
        # (G, N·I·J, K/G) @ (G, K/G, C/G) → (G, N·I·J, C/G)
        seen = gy_groups @ w_groups[tap]
        padded[pixels] += seen.transpose(1, 0, 2).reshape(n, i, j, g * c)
    return _finished(xp.ascontiguousarray(padded[_inside(window)]), b, slope)


@implements
def conv2d_weight_grad(x: Any, gy: Any, window: Window) -> Any:
    """The input that each tap was multiplied with, times the gradient of the output that it contributed to."""
    n, i, j, k = gy.shape
    g = window.groups
    gy_groups = gy.reshape(n * i * j, g, k // g).transpose(1, 0, 2)
    # (G, A·B·C/G, N·I·J) @ (G, N·I·J, K/G) → (G, A·B·C/G, K/G)
    gw = _window_matrix(x, window).transpose(0, 2, 1) @ gy_groups
    return gw.transpose(1, 0, 2).reshape(*window.kernel, x.shape[3] // g, k)


def _finished(y: Any, b: Any, slope: float) -> Any:
    """leaky_relu(y + b); y is overwritten."""
    if b is not None:
        y += b
    return y if slope == 1 else leaky_relu(y, slope)


def _window_matrix(x: Any, window: Window) -> Any:
    """Every window of x as one row: (G, N·I·J, A·B·C/G)."""
    windows = _windows(x, window)
    n, i, j, a, b, c = windows.shape
    g = window.groups
    by_group = windows.reshape(n, i, j, a, b, g, c // g).transpose(5, 0, 1, 2, 3, 4, 6)
    return by_group.reshape(g, n * i * j, a * b * c // g)


def _weight_matrix(w: Any, groups: int) -> Any:
    """Weights of each group as a matrix: (G, A·B·C/G, K/G)."""
    a, b, c, k = w.shape
    return w.reshape(a * b * c, groups, k // groups).transpose(1, 0, 2)


def _windows(x: Any, window: Window) -> Any:
    """A view (N, I, J, A, B, C) of the padded image: [n, i, j, a, b] is the pixel that (i, j) sees at tap (a, b)."""
    xp = array_module(x)
    padded = x
    if window.padding != ((0, 0), (0, 0)):
        padded = xp.zeros((x.shape[0], *_padded_size(window), x.shape[3]), x.dtype)
        padded[_inside(window)] = x
    (a, b), (s, t), (d, e) = window.kernel, window.stride, window.dilation
    views = xp.lib.stride_tricks.sliding_window_view(padded, (span(a, d), span(b, e)), axis=(1, 2))
    return views[:, ::s, ::t, :, ::d, ::e].transpose(0, 1, 2, 4, 5, 3)


def _taps(window: Window) -> Iterator[tuple[tuple[int, int], tuple[slice, ...]]]:
    """Each tap (a, b) with the slice of the padded image that it sees, one pixel for each of the I·J outputs."""
    (i, j), (s, t), (d, e) = window.output, window.stride, window.dilation
    for a in range(window.kernel[0]):
        for b in range(window.kernel[1]):
            rows = slice(a * d, a * d + (i - 1) * s + 1, s)
            columns = slice(b * e, b * e + (j - 1) * t + 1, t)
            yield (a, b), (slice(None), rows, columns)


def _padded_size(window: Window) -> tuple[int, int]:
    (h, w), (vertical, horizontal) = window.size, window.padding
    return h + sum(vertical), w + sum(horizontal)


def _inside(window: Window) -> tuple[slice, ...]:
    """The place of the image in the padded image."""
    (h, w), ((top, _), (left, _)) = window.size, window.padding
    return slice(None), slice(top, top + h), slice(left, left + w)
