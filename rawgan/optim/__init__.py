"""Optimisers, one a file. The modules export what they register with `@optimizer`: see `rawgan.optim.registry`."""
# ruff: noqa: F403

from rawgan.optim.adam import *
from rawgan.optim.optimizer import Optimizer
from rawgan.optim.registry import OPTIMIZERS
from rawgan.optim.rmsprop import *
from rawgan.optim.sgd import *

__all__ = ["Optimizer"]
__all__ += sorted(OPTIMIZERS)
