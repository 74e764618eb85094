"""Activations that the layer before them applies, in the same pass over memory."""

from rawgan.nn.activation import LeakyReLU, ReLU
from rawgan.nn.base.module import Module


def applies_slope(layer: Module) -> bool:
    """True if this very layer can apply the LeakyReLU that follows it: a subclass may do something else."""
    return type(layer).__dict__.get("applies_slope", False) and _calls_its_own(layer)


def slope_of(layer: Module) -> float:
    """The slope of an activation that the layer before it may apply; 1 for any other layer, which is called."""
    if type(layer) is LeakyReLU and _calls_its_own(layer):
        return layer.slope
    return 0.0 if type(layer) is ReLU and _calls_its_own(layer) else 1.0


def _calls_its_own(layer: Module) -> bool:
    """True if a call runs the forward of its class and nothing else: nobody gave this one layer another, or hooks."""
    return "forward" not in vars(layer) and not layer._hooks
