"""Differentiable functions: forward and backward side by side.

A class holds the mathematics; the lower-case function below it checks its arguments and calls it. The modules export
what they register with `@op`: see `rawgan.ops.registry`.
"""
# ruff: noqa: F403

from rawgan.operators import OPERATORS
from rawgan.ops.activation import *
from rawgan.ops.arithmetic import *
from rawgan.ops.attention import *
from rawgan.ops.axes import *
from rawgan.ops.classification import *
from rawgan.ops.comparison import compare
from rawgan.ops.conv import *
from rawgan.ops.conv1d import *
from rawgan.ops.cumulative import *
from rawgan.ops.diagonals import *
from rawgan.ops.distance import *
from rawgan.ops.dropout import *
from rawgan.ops.einsum import *
from rawgan.ops.elementary import *
from rawgan.ops.gelu import *
from rawgan.ops.image import *
from rawgan.ops.indexing import *
from rawgan.ops.linear import *
from rawgan.ops.loss import *
from rawgan.ops.modulation import *
from rawgan.ops.normalisation import *
from rawgan.ops.parts import *
from rawgan.ops.reduce import *
from rawgan.ops.registry import FUNCTIONS, OPS
from rawgan.ops.resampling import *
from rawgan.ops.rounding import *
from rawgan.ops.sampling import *
from rawgan.ops.selection import *
from rawgan.ops.shape import *
from rawgan.ops.softmax import *
from rawgan.ops.sorting import *
from rawgan.ops.statistics import *
from rawgan.ops.taking import *

__all__ = sorted([*OPS, *FUNCTIONS])

OPERATORS.update(OPS, compare=compare)
