"""Optimisers, one a file. The modules export what they register with `@optimizer`: see `rawgan.optim.registry`."""
# ruff: noqa: F403

from rawgan.optim import schedules
from rawgan.optim.adagrad import *
from rawgan.optim.adam import *
from rawgan.optim.clipping import clip_grad_norm, clip_grad_value
from rawgan.optim.ema import EMA
from rawgan.optim.lion import *
from rawgan.optim.optimizer import Optimizer
from rawgan.optim.registry import OPTIMIZERS
from rawgan.optim.rmsprop import *
from rawgan.optim.sgd import *

__all__ = [
    "EMA",
    "Optimizer",
    "clip_grad_norm",
    "clip_grad_value",
    "schedules",
]
__all__ += sorted(OPTIMIZERS)
