"""Weight normalisation: length and direction of a layer's weights as parameters apart."""

import numpy as np

from rawgan import ops
from rawgan.nn.base.module import Module, Parameter
from rawgan.nn.conv import Conv2d
from rawgan.nn.linear import Linear
from rawgan.nn.registry import example, layer
from rawgan.nn.reparametrization import Reparametrized, power_of_two
from rawgan.ops.registry import normal
from rawgan.paper import blank, is_on_paper
from rawgan.tensor import Tensor
from rawgan_kernels import array_module


@layer(
    example("of Linear", normal(4, 3), make=lambda rng: WeightNorm(Linear(3, 2, rng=rng))),
    example("of Conv2d, by inputs", normal(2, 3, 3, 2), make=lambda rng: WeightNorm(Conv2d(2, 3, 2, rng=rng), axis=2)),
)
class WeightNorm(Reparametrized):
    """A layer whose weights are w = g · v / ‖v‖, for each output by itself: a length g, and the direction of v.

    v is the layer's own parameter, "layer.w", and g begins as ‖v‖, so the layer begins as it is. Where v is 0, w is 0.

    Any layer with a parameter `name` can be inside: see `rawgan.nn.reparametrization`. axis −1 counts the outputs of
    Linear and Conv2d, and the inputs of ConvTranspose2d, whose outputs are axis −2.

    Shapes: as the layer; g (length of `axis`,)
    Source: Salimans and Kingma 2016

    >>> from rawgan import nn
    >>> layer = nn.WeightNorm(nn.Linear(3, 2, rng=np.random.default_rng(0)))
    >>> list(layer.state_dict())
    ['g', 'layer.w', 'layer.b']
    """

    applies_slope = True

    def __init__(self, layer: Module, *, name: str = "w", axis: int = -1) -> None:
        super().__init__(layer, name=name, axis=axis)
        length = self.parameter.shape[self.axis]
        if is_on_paper():
            self.g = Parameter(blank((length,)))
        else:
            v = self.parameter._array.astype(np.float64)
            self.g = Parameter(array_module(v).sqrt((v * v).sum(axis=self._inside())).astype(self.parameter.dtype))

    def weight(self) -> Tensor:
        """g · v / ‖v‖."""
        v, inside = self.parameter, self._inside()
        xp = array_module(v._array)
        largest = xp.abs(v._array).max(axis=inside, keepdims=True, initial=0)
        nothing = largest == 0
        # v / ‖v‖ is the same for all multiples of v, so a constant factor leaves value and derivatives as they are.
        scaled = v / Tensor.wrap(xp.asarray(power_of_two(largest, nothing), v.dtype))
        extra = Tensor.wrap(xp.asarray(nothing, v.dtype))  # makes the length of nothing 1
        length = ops.sqrt(ops.sum(scaled * scaled, inside, keepdims=True) + extra)
        return scaled * (ops.reshape(self.g, length.shape) / length)

    def _inside(self) -> tuple[int, ...]:
        """The axes of the weights of one output."""
        return tuple(axis for axis in range(self.parameter.ndim) if axis != self.axis)
