"""The container of layers that are called one after the other."""

from typing import Any

from rawgan.errors import RawganError
from rawgan.nn.activation import LeakyReLU
from rawgan.nn.base.module import Module, check_modules, name_layer
from rawgan.nn.containers import ModuleRow
from rawgan.nn.conv import Conv2d
from rawgan.nn.fusing import applies_slope, slope_of
from rawgan.nn.registry import example, layer
from rawgan.ops.registry import normal
from rawgan.tensor import Tensor


@layer(
    example("fused", normal(2, 3, 3, 1), make=lambda rng: Sequential(Conv2d(1, 2, 3, padding=1, rng=rng), LeakyReLU())),
)
class Sequential(ModuleRow):
    """Modules, one after the other. Their names are their positions: "0", "1", …

    A slice is a Sequential that shares the modules, so `network[:3]` gives the features of a network, and layers are
    added, replaced and removed as in a list.

    >>> import numpy as np
    >>> from rawgan.nn import Flatten, Linear
    >>> Sequential(Flatten(), Linear(4, 1, rng=np.random.default_rng(0)))
    Sequential()
      0: Flatten()
      1: Linear(4 → 1)                                         w (4, 1)  b (1,)
    5 parameters in 2 arrays
    >>> network = Sequential(Flatten(), Flatten()).append(LeakyReLU(0.5))
    >>> network[1] = LeakyReLU(0.1)
    >>> network[1:]
    Sequential()
      0: LeakyReLU(0.1)
      1: LeakyReLU(0.5)
    0 parameters in 0 arrays
    """

    def __init__(self, *layers: Module) -> None:
        check_modules("Sequential", "layer", layers)
        self.layers = layers

    def as_input(self, x: Any) -> Any:
        """As the first layer takes it."""
        return self.layers[0].as_input(x) if self.layers else super().as_input(x)

    def forward(self, x: Tensor) -> Tensor:
        """The last layer's result. A LeakyReLU or ReLU is left to the layer before it, if that can apply it itself."""
        index, layers = 0, self.layers
        try:
            while index < len(layers):
                layer, slope = layers[index], 1.0
                if applies_slope(layer) and index + 1 < len(layers):
                    slope = slope_of(layers[index + 1])
                x = layer(x) if slope == 1 else layer(x, slope=slope)  # which is one pass over memory less
                index += 1 if slope == 1 else 2
        except RawganError as error:
            name_layer(error, layers[index], f"{index}")
            raise
        return x

    def _of(self, layers: tuple[Module, ...]) -> "Sequential":
        return Sequential(*layers)
