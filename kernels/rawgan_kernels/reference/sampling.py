"""Weighted sums of pixels at given places, tap by tap, and the gradients."""

from typing import Any

from rawgan_kernels.arrays import array_module
from rawgan_kernels.dispatch import implements


@implements
def sample_pixels(x: Any, weights: Any, at: Any) -> Any:
    xp = array_module(x)
    images = xp.arange(len(x))[:, None]
    y = xp.zeros((*at.shape[:2], x.shape[2]), x.dtype)
    for k in range(at.shape[2]):
        pixel, scale = at[:, :, k], weights[:, :, k, None]
        y += xp.where(pixel[..., None] >= 0, scale * x[images, pixel], 0)
    return y


@implements
def sample_pixels_input_grad(gy: Any, weights: Any, at: Any, pixels: int) -> Any:
    xp = array_module(gy)
    gx = xp.zeros((len(gy), pixels + 1, gy.shape[2]), gy.dtype)  # the last pixel is that with the number −1
    for k in range(at.shape[2]):
        xp.add.at(gx, (xp.arange(len(gy))[:, None], at[:, :, k]), weights[:, :, k, None] * gy)
    return xp.ascontiguousarray(gx[:, :pixels])


@implements
def sample_pixels_weight_grad(x: Any, gy: Any, at: Any) -> Any:
    xp = array_module(x)
    images = xp.arange(len(x))[:, None]
    gw = xp.zeros(at.shape, x.dtype)
    for k in range(at.shape[2]):
        pixel = at[:, :, k]
        gw[:, :, k] = xp.where(pixel >= 0, (x[images, pixel] * gy).sum(axis=2), 0)
    return gw
