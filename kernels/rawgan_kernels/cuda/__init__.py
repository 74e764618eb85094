"""The CUDA backend: kernels in Numba's CUDA Python, launched on CuPy arrays; matrix products by cuBLAS.

`language` says how a kernel is written, compiled and launched; `simulator` runs it on the CPU and checks each access.
"""

from rawgan_kernels.cuda.activation import (
    add,
    bce_with_logits,
    bce_with_logits_grad,
    leaky_relu,
    leaky_relu_grad,
    sigmoid,
    softplus,
    tanh,
    tanh_grad,
)
from rawgan_kernels.cuda.conv import conv2d, conv2d_input_grad, conv2d_weight_grad
from rawgan_kernels.cuda.norm import normalize, normalize_grad
from rawgan_kernels.cuda.optim import adam_update, rmsprop_update, sgd_update
from rawgan_kernels.cuda.pixels import gather_pixels
from rawgan_kernels.cuda.product import matmul
from rawgan_kernels.cuda.run.columns import channel_sum

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
