"""Products on tensor cores: the kernels of `product` and `conv`, with factors of a reduced precision.

Attention is not among them: of its products, only those of scores are of rounded factors alone. The others multiply the
weights of a softmax, which the reference does not round. So it rounds its arrays, and multiplies in float32.
"""

from typing import Any

from rawgan_kernels.cuda.conv import convolved, input_grad, weight_grad
from rawgan_kernels.cuda.product import multiplied
from rawgan_kernels.cuda.run.factors import FORMATS
from rawgan_kernels.dispatch import implements_at
from rawgan_kernels.precisions import chosen_precision
from rawgan_kernels.window import Window


@implements_at("tf32", "bf16")
def matmul(a: Any, b: Any) -> Any:
    return multiplied(a, b, FORMATS[chosen_precision()])


@implements_at("tf32", "bf16")
def conv2d(x: Any, w: Any, window: Window, b: Any = None, slope: float = 1.0) -> Any:
    return convolved(x, w, window, b, slope, FORMATS[chosen_precision()])


@implements_at("tf32", "bf16")
def conv2d_input_grad(gy: Any, w: Any, window: Window, b: Any = None, slope: float = 1.0) -> Any:
    return input_grad(gy, w, window, b, slope, FORMATS[chosen_precision()])


@implements_at("tf32", "bf16")
def conv2d_weight_grad(x: Any, gy: Any, window: Window) -> Any:
    return weight_grad(x, gy, window, FORMATS[chosen_precision()])
