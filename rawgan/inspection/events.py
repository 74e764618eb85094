"""Events of a training step, of which a tracer tells in the order in which they happen.

Arrays are the engine's own, copied to the host from a GPU. They are what they are during the event: later work may
write to them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rawgan.gan.parts import Part

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class PartBegins:
    """A numbered part of the step begins."""

    part: Part


@dataclass(frozen=True)
class Value:
    """The step has made something that has a name, such as noise, generated images or a loss."""

    name: str
    array: Array


@dataclass(frozen=True)
class LayerOutput:
    """A layer has worked forwards."""

    network: str
    layer: str
    """Position and type of the layer, and of an activation that it applied in the same pass."""
    array: Array
    ops: tuple[type, ...]
    """Types of the ops that it called, in order, without those of layers within it. None are known without a graph."""


@dataclass(frozen=True)
class LayerGradient:
    """The walk back has reached a layer: the gradient of the loss with respect to its output is known."""

    network: str
    layer: str
    array: Array


@dataclass(frozen=True)
class ParameterUpdate:
    """An optimiser has updated a parameter."""

    network: str
    parameter: str
    optimizer: str
    """Its type and learning rate."""
    rule: str
    """The formula of its step, in a line."""
    gradient: Array
    moments: Mapping[str, Array]
    """The optimiser's running averages of it, by name."""
    before: Array
    after: Array

    @property
    def arrays(self) -> dict[str, Array]:
        """Gradient g, the moments, the step in double precision, and w after it, by name."""
        step = self.after.astype(np.float64) - self.before
        return {"g": self.gradient, **self.moments, "step": step, "w": self.after}


Event = PartBegins | Value | LayerOutput | LayerGradient | ParameterUpdate
