"""The conv triple: by the fast way where it is open and its result is finite, else by the general way.

The fast way, `convolutions.winograd`, is for 4×4 taps and stride 2, as in most layers of a GAN.
"""

from typing import Any

import numpy as np

from rawgan_kernels.cpu.convolutions import general, winograd, winograd_weight_grad
from rawgan_kernels.dispatch import implements
from rawgan_kernels.window import Window

Array = np.ndarray[Any, Any]


@implements
def conv2d(x: Array, w: Array, window: Window, b: Array | None = None, slope: float = 1.0) -> Array:
    x, w, b = np.ascontiguousarray(x), np.ascontiguousarray(w), _bias(b, x.dtype)
    if winograd.applies(window, x.shape[3], w.shape[3], x.dtype):
        y = winograd.conv2d(x, w, window, b, slope)
        if y is not None:
            return y
    return general.conv2d(x, w, window, b, slope)


@implements
def conv2d_input_grad(gy: Array, w: Array, window: Window, b: Array | None = None, slope: float = 1.0) -> Array:
    gy, w, b = np.ascontiguousarray(gy), np.ascontiguousarray(w), _bias(b, gy.dtype)
    if winograd.applies(window, w.shape[2] * window.groups, w.shape[3], gy.dtype):
        gx = winograd.conv2d_input_grad(gy, w, window, b, slope)
        if gx is not None:
            return gx
    return general.conv2d_input_grad(gy, w, window, b, slope)


@implements
def conv2d_weight_grad(x: Array, gy: Array, window: Window) -> Array:
    x, gy = np.ascontiguousarray(x), np.ascontiguousarray(gy)
    if winograd.applies(window, x.shape[3], gy.shape[3], x.dtype) and len(x):
        gw = winograd_weight_grad.conv2d_weight_grad(x, gy, window)
        if gw is not None:
            return gw
    return general.conv2d_weight_grad(x, gy, window)


def _bias(b: Array | None, dtype: np.dtype[Any]) -> Array:
    """The bias; an empty array if there is none."""
    return np.empty(0, dtype) if b is None else np.ascontiguousarray(b)
