"""Layers that own their parameters."""

from rawgan.nn import init
from rawgan.nn.layers import (
    AvgPool2d,
    Conv2d,
    ConvTranspose2d,
    Dropout,
    Embedding,
    Flatten,
    LeakyReLU,
    Linear,
    MaxPool2d,
    PixelShuffle,
    ReLU,
    Reshape,
    Sequential,
    Sigmoid,
    Tanh,
    Upsample,
)
from rawgan.nn.module import Buffer, Module, Parameter
from rawgan.nn.norm import BatchNorm, InstanceNorm, LayerNorm

__all__ = [
    "AvgPool2d",
    "BatchNorm",
    "Buffer",
    "Conv2d",
    "ConvTranspose2d",
    "Dropout",
    "Embedding",
    "Flatten",
    "InstanceNorm",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "MaxPool2d",
    "Module",
    "Parameter",
    "PixelShuffle",
    "ReLU",
    "Reshape",
    "Sequential",
    "Sigmoid",
    "Tanh",
    "Upsample",
    "init",
]
