"""Differentiable functions: forward and backward side by side.

The classes hold the mathematics; the lower-case functions check their arguments and call them.
"""

from rawgan.operators import OPERATORS
from rawgan.ops.activation import leaky_relu, relu, sigmoid, softplus, tanh
from rawgan.ops.arithmetic import abs, add, astype, div, exp, log, maximum, mul, neg, pow, sqrt, sub
from rawgan.ops.comparison import compare
from rawgan.ops.conv import conv2d, conv_transpose2d
from rawgan.ops.dropout import dropout
from rawgan.ops.image import (
    avg_pool2d,
    max_pool2d,
    pixel_shuffle,
    reflection_pad2d,
    upsample_bilinear,
    upsample_nearest,
)
from rawgan.ops.linear import linear, matmul
from rawgan.ops.loss import bce_with_logits, l1, mse, softmax_cross_entropy
from rawgan.ops.norm import batch_norm, instance_norm, layer_norm
from rawgan.ops.reduce import broadcast_to, max, mean, sum
from rawgan.ops.shape import concatenate, pad, reshape, slice_, take, transpose

__all__ = [
    "abs",
    "add",
    "astype",
    "avg_pool2d",
    "batch_norm",
    "bce_with_logits",
    "broadcast_to",
    "concatenate",
    "conv2d",
    "conv_transpose2d",
    "div",
    "dropout",
    "exp",
    "instance_norm",
    "l1",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log",
    "matmul",
    "max",
    "max_pool2d",
    "maximum",
    "mean",
    "mse",
    "mul",
    "neg",
    "pad",
    "pixel_shuffle",
    "pow",
    "reflection_pad2d",
    "relu",
    "reshape",
    "sigmoid",
    "slice_",
    "softmax_cross_entropy",
    "softplus",
    "sqrt",
    "sub",
    "sum",
    "take",
    "tanh",
    "transpose",
    "upsample_bilinear",
    "upsample_nearest",
]

OPERATORS.update(
    abs=abs,
    add=add,
    astype=astype,
    compare=compare,
    div=div,
    matmul=matmul,
    max=max,
    mean=mean,
    mul=mul,
    neg=neg,
    pow=pow,
    reshape=reshape,
    slice=slice_,
    sub=sub,
    sum=sum,
    transpose=transpose,
)
