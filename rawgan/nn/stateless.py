"""Layers without parameters: activations, shapes, sizes, dropout."""

import math

import numpy as np

from rawgan import ops
from rawgan.errors import ArgumentError, ShapeError, described, shapes
from rawgan.nn.module import Module
from rawgan.ops.activation import checked_slope
from rawgan.ops.arguments import checked_generator, whole
from rawgan.ops.dropout import checked_rate
from rawgan.ops.geometry import Padding, check_padding, padding_of, pair_of
from rawgan.tensor import Tensor

Pair = tuple[int, int]


class LeakyReLU(Module):
    """x where x > 0, slope · x elsewhere. Shapes: any → the same.

    >>> LeakyReLU(0.2)(np.array([-1.0, 2.0], "float32"))
    Tensor([-0.2,  2. ], float32)
    """

    def __init__(self, slope: float = 0.2) -> None:
        self.slope = checked_slope("LeakyReLU", slope)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return ops.leaky_relu(x, self.slope)

    def describe_options(self) -> str:
        """Slope."""
        return f"{self.slope}"


class ReLU(Module):
    """x where x > 0, 0 elsewhere. Shapes: any → the same.

    >>> ReLU()(np.array([2.0], "float32"))
    Tensor([2.], float32)
    """

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return ops.relu(x)


class Tanh(Module):
    """Hyperbolic tangent. Shapes: any → the same.

    >>> Tanh()(np.array([0.0], "float32"))
    Tensor([0.], float32)
    """

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return ops.tanh(x)


class Sigmoid(Module):
    """1 / (1 + e^−x). Shapes: any → the same.

    >>> Sigmoid()(np.array([0.0], "float32"))
    Tensor([0.5], float32)
    """

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return ops.sigmoid(x)


class Reshape(Module):
    """Give each sample another shape; one length may be −1. Shapes: (N, …) → (N, *shape).

    >>> Reshape(2, 2)(np.ones((3, 4), "float32")).shape
    (3, 2, 2)
    """

    def __init__(self, *shape: int) -> None:
        numbers = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
        self.shape = tuple(whole("Reshape", "shape", n, -1) for n in numbers)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return ops.reshape(x, (_samples(x), *self.shape))

    def describe_options(self) -> str:
        """Shape of a sample."""
        return ", ".join(str(n) for n in self.shape)


class Flatten(Module):
    """Make a vector of each sample. Shapes: (N, …) → (N, features).

    >>> Flatten()(np.ones((3, 2, 2), "float32")).shape
    (3, 4)
    """

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return ops.reshape(x, (_samples(x), math.prod(x.shape[1:])))


class Dropout(Module):
    """In training, set elements to 0 with probability `rate` and scale the rest by 1 / (1 − rate).

    Shapes: any → the same

    >>> Dropout(0.5, rng=np.random.default_rng(0)).eval()(np.ones(3, "float32"))
    Tensor([1., 1., 1.], float32)
    """

    def __init__(self, rate: float = 0.5, *, rng: np.random.Generator) -> None:
        self.rate, self.rng = checked_rate("Dropout", rate), checked_generator("Dropout", rng)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return ops.dropout(x, self.rate, self.rng) if self.training else x

    def describe_options(self) -> str:
        """Rate."""
        return f"{self.rate}"


_UPSAMPLE = {"nearest": ops.upsample_nearest, "bilinear": ops.upsample_bilinear}


class Upsample(Module):
    """Enlarge images, `"nearest"` or `"bilinear"`. Shapes: (N, H, W, C) → (N, H·factor, W·factor, C).

    Raises: ArgumentError for another mode

    >>> Upsample(2)(np.ones((1, 3, 3, 1), "float32")).shape
    (1, 6, 6, 1)
    """

    def __init__(self, factor: int = 2, mode: str = "nearest") -> None:
        if not isinstance(mode, str) or mode not in _UPSAMPLE:
            raise ArgumentError(f"Upsample: mode is {described(mode)}; choose one of: {', '.join(_UPSAMPLE)}")
        self.factor, self.mode = whole("Upsample", "factor", factor, 1), mode

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return _UPSAMPLE[self.mode](x, self.factor)

    def describe_options(self) -> str:
        """Factor and mode."""
        return f"×{self.factor}, {self.mode}"


class _Pool(Module):
    def __init__(self, kernel: int | Pair = 2, stride: int | Pair | None = None, padding: Padding = 0) -> None:
        layer = type(self).__name__
        pair_of(layer, "kernel", kernel, 1)
        if stride is not None:
            pair_of(layer, "stride", stride, 1)
        check_padding(layer, padding)
        self.kernel, self.stride, self.padding = kernel, stride, padding

    def describe_options(self) -> str:
        """Window and stride."""
        return f"{self.kernel}, stride {self.kernel if self.stride is None else self.stride}"


class AvgPool2d(_Pool):
    """Mean over windows; see `rawgan.ops.avg_pool2d`. Shapes: (N, H, W, C) → (N, I, J, C).

    >>> AvgPool2d(2)(np.ones((1, 4, 4, 3), "float32")).shape
    (1, 2, 2, 3)
    """

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return ops.avg_pool2d(x, self.kernel, self.stride, self.padding)


class MaxPool2d(_Pool):
    """Largest value in each window; see `rawgan.ops.max_pool2d`. Shapes: (N, H, W, C) → (N, I, J, C).

    >>> MaxPool2d(2)(np.ones((1, 4, 4, 3), "float32")).shape
    (1, 2, 2, 3)
    """

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return ops.max_pool2d(x, self.kernel, self.stride, self.padding)


class PixelShuffle(Module):
    """Channels into pixels; see `rawgan.ops.pixel_shuffle`. Shapes: (N, H, W, C·factor²) → (N, H·factor, W·factor, C).

    >>> PixelShuffle(2)(np.ones((1, 3, 3, 8), "float32")).shape
    (1, 6, 6, 2)
    """

    def __init__(self, factor: int = 2) -> None:
        self.factor = whole("PixelShuffle", "factor", factor, 1)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return ops.pixel_shuffle(x, self.factor)

    def describe_options(self) -> str:
        """Factor."""
        return f"×{self.factor}"


class ReflectionPad2d(Module):
    """A border of mirrored pixels; see `rawgan.ops.reflection_pad2d`. Shapes: (N, H, W, C) → (N, I, J, C).

    >>> ReflectionPad2d(1)(np.ones((1, 3, 3, 2), "float32")).shape
    (1, 5, 5, 2)
    """

    def __init__(self, padding: int | Pair | tuple[Pair, Pair]) -> None:
        padding_of("ReflectionPad2d", padding)
        self.padding = padding

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return ops.reflection_pad2d(x, self.padding)

    def describe_options(self) -> str:
        """Padding."""
        return f"{self.padding}"


class Identity(Module):
    """What comes in; a shortcut of `Branches`, as in a U-Net.

    >>> Identity()(np.ones(2, "float32"))
    Tensor([1., 1.], float32)
    """

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return x


def _samples(x: Tensor) -> int:
    """N. Raises: ShapeError if there is no such axis."""
    if x is None or not x.ndim:
        raise ShapeError(f"x must be (N, …), but has no axes\n{shapes(x=x)}")
    return x.shape[0]
