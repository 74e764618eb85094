"""The container of layers that are called one after the other."""

from collections.abc import Iterator
from typing import Any

from rawgan.errors import RawganError
from rawgan.nn.activation import LeakyReLU, ReLU
from rawgan.nn.conv import Conv2d
from rawgan.nn.module import Module, check_modules, name_layer
from rawgan.nn.registry import example, layer
from rawgan.ops.registry import normal
from rawgan.tensor import Tensor


@layer(
    example("fused", normal(2, 3, 3, 1), make=lambda rng: Sequential(Conv2d(1, 2, 3, padding=1, rng=rng), LeakyReLU())),
)
class Sequential(Module):
    """Modules, one after the other. Their names are their positions: "0", "1", …

    >>> import numpy as np
    >>> from rawgan.nn import Flatten, Linear
    >>> Sequential(Flatten(), Linear(4, 1, rng=np.random.default_rng(0)))
    Sequential()
      0: Flatten()
      1: Linear(4 → 1)                                         w (4, 1)  b (1,)
    5 parameters in 2 arrays
    """

    def __init__(self, *layers: Module) -> None:
        check_modules("Sequential", "layer", layers)
        self.layers = layers

    def children(self) -> Iterator[tuple[str, Module]]:
        """The layers, by position; then what a subclass may have added."""
        return ((name.removeprefix("layers."), child) for name, child in super().children())

    def as_input(self, x: Any) -> Any:
        """As the first layer takes it."""
        return self.layers[0].as_input(x) if self.layers else super().as_input(x)

    def forward(self, x: Tensor) -> Tensor:
        """The last layer's result. A LeakyReLU or ReLU is left to the layer before it, if that can apply it itself."""
        index, layers = 0, self.layers
        try:
            while index < len(layers):
                layer, slope = layers[index], 1.0
                if _applies_slope(layer) and index + 1 < len(layers):
                    slope = _slope(layers[index + 1])
                x = layer(x) if slope == 1 else layer(x, slope=slope)  # which is one pass over memory less
                index += 1 if slope == 1 else 2
        except RawganError as error:
            name_layer(error, layers[index], f"{index}")
            raise
        return x

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, index: int) -> Module:
        return self.layers[index]


def _applies_slope(layer: Module) -> bool:
    """True if this very layer can apply the LeakyReLU that follows it: a subclass may do something else."""
    return type(layer).__dict__.get("applies_slope", False) and _calls_its_own(layer)


def _slope(layer: Module) -> float:
    """The slope of an activation that the layer before it may apply; 1 for any other layer, which is called."""
    if type(layer) is LeakyReLU and _calls_its_own(layer):
        return layer.slope
    return 0.0 if type(layer) is ReLU and _calls_its_own(layer) else 1.0


def _calls_its_own(layer: Module) -> bool:
    """True if a call runs the forward of its class: nobody gave this one layer another."""
    return "forward" not in vars(layer)
