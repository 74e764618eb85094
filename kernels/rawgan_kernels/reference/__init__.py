"""The reference backend: every kernel as its plain formula, over NumPy or CuPy arrays.

Written to be read. What stands here is what the other backends have to agree with.
"""

from rawgan_kernels.reference.activation import (
    bce_with_logits,
    bce_with_logits_grad,
    leaky_relu,
    leaky_relu_grad,
    sigmoid,
    softplus,
    tanh,
    tanh_grad,
)
from rawgan_kernels.reference.arithmetic import add, channel_sum
from rawgan_kernels.reference.conv import conv2d, conv2d_input_grad, conv2d_weight_grad
from rawgan_kernels.reference.norm import normalize, normalize_grad
from rawgan_kernels.reference.optim import adam_update, rmsprop_update, sgd_update
from rawgan_kernels.reference.pixels import gather_pixels
from rawgan_kernels.reference.product import matmul

__all__ = [
    "adam_update",
    "add",
    "bce_with_logits",
    "bce_with_logits_grad",
    "channel_sum",
    "conv2d",
    "conv2d_input_grad",
    "conv2d_weight_grad",
    "gather_pixels",
    "leaky_relu",
    "leaky_relu_grad",
    "matmul",
    "normalize",
    "normalize_grad",
    "rmsprop_update",
    "sgd_update",
    "sigmoid",
    "softplus",
    "tanh",
    "tanh_grad",
]
