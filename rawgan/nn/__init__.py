"""Layers that own their parameters."""

from rawgan.nn import init
from rawgan.nn.blocks import Branches, MinibatchStd, Residual, SpectralNorm
from rawgan.nn.layers import Conv2d, ConvTranspose2d, Embedding, Linear, Sequential
from rawgan.nn.module import Buffer, Module, Parameter
from rawgan.nn.norm import BatchNorm, InstanceNorm, LayerNorm
from rawgan.nn.stateless import (
    AvgPool2d,
    Dropout,
    Flatten,
    Identity,
    LeakyReLU,
    MaxPool2d,
    PixelShuffle,
    ReflectionPad2d,
    ReLU,
    Reshape,
    Sigmoid,
    Tanh,
    Upsample,
)

__all__ = [
    "AvgPool2d",
    "BatchNorm",
    "Branches",
    "Buffer",
    "Conv2d",
    "ConvTranspose2d",
    "Dropout",
    "Embedding",
    "Flatten",
    "Identity",
    "InstanceNorm",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "MaxPool2d",
    "MinibatchStd",
    "Module",
    "Parameter",
    "PixelShuffle",
    "ReLU",
    "ReflectionPad2d",
    "Reshape",
    "Residual",
    "Sequential",
    "Sigmoid",
    "SpectralNorm",
    "Tanh",
    "Upsample",
    "init",
]
