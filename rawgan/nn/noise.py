"""Noise added to images, as detail that a generator need not make of its input."""

import numpy as np

from rawgan.autograd.checks import check_writable
from rawgan.device import to_device
from rawgan.errors import ShapeError, shapes
from rawgan.nn.base.module import Buffer, Module, Parameter
from rawgan.nn.registry import example, layer
from rawgan.ops.arguments import checked_generator
from rawgan.ops.registry import normal
from rawgan.random import make_rng
from rawgan.tensor import Tensor

FIXED = 0
"""Number of the draw that evaluation mode uses. Training begins with the next one."""


@layer(example("images", normal(2, 3, 2, 2)))
class NoiseInput(Module):
    """x plus noise of a learned strength: y = x + strength · n, the same n in all channels of a pixel.

    In training, n is drawn from N(0, 1) for each image and call. The draw is a function of a seed, taken from `rng`,
    and of the number of calls before, which is a Buffer: a run that is resumed draws what it would have drawn. From
    2²⁴ on, where float32 has no longer all integers, `count` goes on to the next one that it has. With frozen buffers
    the next draw is used, and used again. In evaluation, n is the same for all images and calls.

    Shapes: x (N, H, W, C) → the same; strength (1,), count ()
    Source: Karras et al. 2019 (StyleGAN)

    >>> NoiseInput(rng=np.random.default_rng(0))(np.ones((2, 4, 4, 3), "float32")).shape
    (2, 4, 4, 3)
    """

    def __init__(self, *, rng: np.random.Generator) -> None:
        self.seed = int(checked_generator("NoiseInput", rng).integers(2**63))
        self.strength = Parameter(np.zeros(1, np.float32))
        self.count = Buffer(np.zeros((), np.float32))

    def forward(self, x: Tensor) -> Tensor:
        if x is None or x.ndim != 4:
            raise ShapeError(f"NoiseInput: x must be (N, H, W, C)\n{shapes(x=x)}")
        draw = FIXED
        if self.training:
            before = self.count.item()
            draw = FIXED + 1 + int(before)
            if not self.buffers_frozen:
                check_writable("NoiseInput", count=self.count)
                self.count[...] = max(before + 1, np.nextafter(self.count.dtype.type(before), np.inf))
        images, height, width, _ = x.shape
        shape = (images if self.training else 1, height, width, 1)
        n = make_rng(self.seed, "noise input", draw).standard_normal(shape, np.float32).astype(x.dtype, copy=False)
        return x + self.strength * Tensor.wrap(to_device(n, x.device))
