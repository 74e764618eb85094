"""Layers that own their parameters. The modules export what they register with `@layer`: see `rawgan.nn.registry`."""
# ruff: noqa: F403

from rawgan.nn import init
from rawgan.nn.activation import *
from rawgan.nn.attention import *
from rawgan.nn.base.module import Buffer, Module, Parameter
from rawgan.nn.blocks import *
from rawgan.nn.conditional_norm import *
from rawgan.nn.containers import *
from rawgan.nn.conv import *
from rawgan.nn.conv1d import *
from rawgan.nn.dropout import *
from rawgan.nn.equalized import *
from rawgan.nn.image import *
from rawgan.nn.linear import *
from rawgan.nn.minibatch_std import *
from rawgan.nn.modulation import *
from rawgan.nn.noise import *
from rawgan.nn.norm import *
from rawgan.nn.pixel_norm import *
from rawgan.nn.registry import LAYERS
from rawgan.nn.sequential import *
from rawgan.nn.shape import *
from rawgan.nn.spectral_norm import *
from rawgan.nn.weight_norm import *

__all__ = ["Buffer", "Module", "Parameter", "init"]
__all__ += sorted(LAYERS)
