"""Layers that change the size of images."""

from rawgan import ops
from rawgan.errors import ShapeError, shapes
from rawgan.nn.base.module import Module
from rawgan.nn.registry import example, layer
from rawgan.ops.arguments import choice, whole
from rawgan.ops.geometry import Padding, check_padding, padding_of, pair_of
from rawgan.ops.registry import apart, normal
from rawgan.tensor import Tensor
from rawgan_kernels.window import IntPair

_UPSAMPLE = {"nearest": ops.upsample_nearest, "bilinear": ops.upsample_bilinear}


@layer(example("nearest", normal(1, 2, 3, 2)), example("bilinear", normal(1, 2, 3, 2), mode="bilinear"))
class Upsample(Module):
    """Enlarge images, `"nearest"` or `"bilinear"`. Shapes: (N, H, W, C) → (N, H·factor, W·factor, C).

    Raises: ArgumentError for another mode

    >>> import numpy as np
    >>> Upsample(2)(np.ones((1, 3, 3, 1), "float32")).shape
    (1, 6, 6, 1)
    """

    def __init__(self, factor: int = 2, mode: str = "nearest") -> None:
        self.factor = whole("Upsample", "factor", factor, 1)
        self.mode = choice("Upsample", "mode", mode, _UPSAMPLE)

    def forward(self, x: Tensor) -> Tensor:
        return _UPSAMPLE[self.mode](x, self.factor)

    def describe_options(self) -> str:
        return f"×{self.factor}, {self.mode}"


@layer(example("twice", normal(1, 2, 3, 8)))
class PixelShuffle(Module):
    """Channels into pixels; see `rawgan.ops.pixel_shuffle`. Shapes: (N, H, W, C·factor²) → (N, H·factor, W·factor, C).

    >>> import numpy as np
    >>> PixelShuffle(2)(np.ones((1, 3, 3, 8), "float32")).shape
    (1, 6, 6, 2)
    """

    def __init__(self, factor: int = 2) -> None:
        self.factor = whole("PixelShuffle", "factor", factor, 1)

    def forward(self, x: Tensor) -> Tensor:
        return ops.pixel_shuffle(x, self.factor)

    def describe_options(self) -> str:
        return f"×{self.factor}"


@layer(example("each side its own", normal(1, 3, 4, 2), padding=((0, 2), (3, 1))))
class ReflectionPad2d(Module):
    """A border of mirrored pixels; see `rawgan.ops.reflection_pad2d`. Shapes: (N, H, W, C) → (N, I, J, C).

    >>> import numpy as np
    >>> ReflectionPad2d(1)(np.ones((1, 3, 3, 2), "float32")).shape
    (1, 5, 5, 2)
    """

    def __init__(self, padding: int | IntPair | tuple[IntPair, IntPair]) -> None:
        padding_of("ReflectionPad2d", padding)
        self.padding = padding

    def forward(self, x: Tensor) -> Tensor:
        return ops.reflection_pad2d(x, self.padding)

    def describe_options(self) -> str:
        return f"{self.padding}"


class _Pool(Module):
    """Options of a pool."""

    def __init__(self, kernel: int | IntPair = 2, stride: int | IntPair | None = None, padding: Padding = 0) -> None:
        layer = type(self).__name__
        pair_of(layer, "kernel", kernel, 1)
        if stride is not None:
            pair_of(layer, "stride", stride, 1)
        check_padding(layer, padding)
        self.kernel, self.stride, self.padding = kernel, stride, padding

    def describe_options(self) -> str:
        return f"{self.kernel}, stride {self.kernel if self.stride is None else self.stride}"


@layer(example("overlapping and padded", normal(1, 5, 4, 2), kernel=3, stride=2, padding=1))
class AvgPool2d(_Pool):
    """Mean over windows; see `rawgan.ops.avg_pool2d`. Shapes: (N, H, W, C) → (N, I, J, C).

    >>> import numpy as np
    >>> AvgPool2d(2)(np.ones((1, 4, 4, 3), "float32")).shape
    (1, 2, 2, 3)
    """

    def forward(self, x: Tensor) -> Tensor:
        return ops.avg_pool2d(x, self.kernel, self.stride, self.padding)


@layer(example("overlapping", apart(1, 5, 4, 2), kernel=(3, 2), stride=(2, 1)))
class MaxPool2d(_Pool):
    """Largest value in each window; see `rawgan.ops.max_pool2d`. Shapes: (N, H, W, C) → (N, I, J, C).

    >>> import numpy as np
    >>> MaxPool2d(2)(np.ones((1, 4, 4, 3), "float32")).shape
    (1, 2, 2, 3)
    """

    def forward(self, x: Tensor) -> Tensor:
        return ops.max_pool2d(x, self.kernel, self.stride, self.padding)


@layer(example("images", normal(2, 3, 4, 2)), example("sequences", normal(2, 3, 2)))
class GlobalAvgPool(Module):
    """Mean of each channel over all pixels: a vector for each image, of any size.

    Shapes: (N, …, C), such as images (N, H, W, C) → (N, C)
    Raises: ShapeError if there are no pixels

    >>> import numpy as np
    >>> GlobalAvgPool()(np.ones((2, 4, 4, 3), "float32")).shape
    (2, 3)
    """

    def forward(self, x: Tensor) -> Tensor:
        if x is None or x.ndim < 3 or 0 in x.shape[1:-1]:
            raise ShapeError(f"GlobalAvgPool: x must be (N, …, C) with pixels\n{shapes(x=x)}")
        return ops.mean(x, axis=tuple(range(1, x.ndim - 1)))
