"""The CPU backend: kernels compiled by Numba for this machine's vector instructions and cores.

`simd` holds the two inner loops, `launch` runs blocks on all threads, `pool` keeps memory to be used again.
"""

from rawgan_kernels.cpu.compile import settings  # noqa: F401  # first, as it says what Numba would not

# isort: split
from rawgan_kernels.cpu.activation import (
    bce_with_logits,
    bce_with_logits_grad,
    leaky_relu,
    leaky_relu_grad,
    sigmoid,
    softplus,
    tanh,
    tanh_grad,
)
from rawgan_kernels.cpu.arithmetic import add, channel_sum
from rawgan_kernels.cpu.conv import conv2d, conv2d_input_grad, conv2d_weight_grad
from rawgan_kernels.cpu.norm import normalize, normalize_grad
from rawgan_kernels.cpu.optim import adam_update, rmsprop_update, sgd_update
from rawgan_kernels.cpu.pixels import gather_pixels
from rawgan_kernels.cpu.product import matmul

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
