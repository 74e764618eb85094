"""The layer by which a discriminator compares the images of a batch."""

from rawgan import ops
from rawgan.errors import ShapeError, shapes
from rawgan.nn.base.module import Module
from rawgan.nn.registry import example, layer
from rawgan.ops.arguments import whole
from rawgan.ops.registry import normal
from rawgan.tensor import Tensor


@layer(example("groups of two", normal(4, 2, 2, 3), group=2))
class MinibatchStd(Module):
    """One more channel, with the standard deviation within groups of the batch: D sees when all images are alike.

    The standard deviation of each number over a group of images is averaged to one number per group. A group has
    `group` images where N is a multiple of it, else as many as the largest divisor of N below it, but more than one
    (N = 6 and group 4: two groups of 3); all N images are one group if there is no such divisor (N = 7).

    Shapes: x (N, H, W, C) → (N, H, W, C + 1)
    Raises: ShapeError for x of other than four axes
    Source: Karras et al. 2018

    >>> import numpy as np
    >>> MinibatchStd(2)(np.ones((4, 2, 2, 3), "float32")).shape
    (4, 2, 2, 4)
    """

    compares_samples = True

    def __init__(self, group: int = 4) -> None:
        self.group = whole("MinibatchStd", "group", group, 2)

    def forward(self, x: Tensor) -> Tensor:
        if x is None or x.ndim != 4:
            raise ShapeError(f"MinibatchStd: x must be (N, H, W, C)\n{shapes(x=x)}")
        n, height, width, channels = x.shape
        size = self.size_of_groups(n)
        groups = ops.reshape(x, (n // size, size, height, width, channels))
        away = groups - ops.mean(groups, axis=1, keepdims=True)
        deviations = ops.sqrt(ops.mean(away * away, axis=1) + 1e-8)
        one = ops.mean(deviations, axis=(1, 2, 3), keepdims=True)  # (N / group, 1, 1, 1)
        each = ops.broadcast_to(ops.reshape(one, (n // size, 1, 1, 1, 1)), (n // size, size, height, width, 1))
        return ops.concatenate([x, ops.reshape(each, (n, height, width, 1))], axis=3)

    def size_of_groups(self, n: int) -> int:
        """Number of images that are compared with each other, in a batch of n.

        >>> [MinibatchStd(4).size_of_groups(n) for n in (128, 3, 6, 7)]
        [4, 3, 3, 7]
        """
        return next((size for size in range(min(self.group, n), 1, -1) if n % size == 0), max(n, 1))

    def describe_options(self) -> str:
        return f"{self.group}"
