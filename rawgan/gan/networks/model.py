"""The declaration of a model: two networks that make data of noise and tell it from real data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rawgan import nn
from rawgan.gan.specs import DataSpec, ImageSpec

Networks = tuple[nn.Sequential, nn.Sequential]
"""Generator and discriminator."""


@dataclass(frozen=True)
class Model:
    """A model that `--model` can choose, Adam's constants for it, and its own defaults of other options."""

    name: str
    summary: str
    """One line for help texts."""
    build: Callable[[Any, int, int, int, int, np.random.Generator], Networks]
    """(spec, pack, noise size, width of G, width of D, random numbers) → both networks."""
    learning_rate: float
    """Learning rate of G, if no option sets it."""
    betas: tuple[float, float]
    eps: float = 1e-8
    spec: type[DataSpec] = ImageSpec
    """The data that it makes."""
    d_rate: float = 1.0
    """D's learning rate relative to G's. Source: Heusel et al. 2017 (two time scales)"""
    kernels: tuple[str, ...] = ()
    """Kernels that it needs beside those of every model, to be compiled ahead: names in `cpu/warm_up/calls.py`."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Defaults of other options of `rawgan train`, by name, such as the objective; an option that is given wins."""
