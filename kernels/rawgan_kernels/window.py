"""The integer arithmetic of convolutions: how a window slides over an image, and how large the result is.

All sizes are in pixels, per axis. With `span = dilation · (kernel − 1) + 1`, the reach of the kernel::

    output = ⌊(size + before + after − span) / stride⌋ + 1

Several sizes share one output when stride > 1 (the floor forgets the remainder), so going back, as a transposed
convolution does, needs to be told which: that is all `output_padding` is.
"""

from dataclasses import dataclass

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Window:
    """The whole geometry of one convolution (or pooling), shared by the three kernels of the conv triple.

    `size` is that of the larger image, `x` in `y = conv2d(x, w)`; `output` is that of `y`. Every pair is
    (vertical, horizontal), `padding` is ((top, bottom), (left, right)), in pixels.

    Source: Dumoulin and Visin 2016, "A guide to convolution arithmetic for deep learning"

    >>> Window((28, 28), (4, 4), (2, 2), ((1, 1), (1, 1))).output
    (14, 14)
    """

    size: Pair
    kernel: Pair
    stride: Pair = (1, 1)
    padding: tuple[Pair, Pair] = ((0, 0), (0, 0))
    dilation: Pair = (1, 1)
    groups: int = 1

    @property
    def output(self) -> Pair:
        """Size of the smaller image, in pixels."""
        vertical, horizontal = (
            output_size(size, kernel, stride, padding, dilation)
            for size, kernel, stride, padding, dilation in zip(
                self.size, self.kernel, self.stride, self.padding, self.dilation, strict=True
            )
        )
        return vertical, horizontal


def span(kernel: int, dilation: int) -> int:
    """How many pixels a dilated kernel reaches over: from its first tap to its last.

    >>> span(kernel=3, dilation=2)
    5
    """
    return dilation * (kernel - 1) + 1


def output_size(size: int, kernel: int, stride: int, padding: Pair, dilation: int) -> int:
    """Size of a convolution's result along one axis; zero or less if the window does not fit.

    >>> output_size(28, kernel=4, stride=2, padding=(1, 1), dilation=1)
    14
    """
    return (size + sum(padding) - span(kernel, dilation)) // stride + 1


def transposed_size(size: int, kernel: int, stride: int, padding: Pair, dilation: int, output_padding: int) -> int:
    """Size of a transposed convolution's result along one axis.

    >>> transposed_size(14, kernel=4, stride=2, padding=(1, 1), dilation=1, output_padding=0)
    28
    """
    return (size - 1) * stride - sum(padding) + span(kernel, dilation) + output_padding


def same_padding(size: int, kernel: int, stride: int, dilation: int) -> Pair:
    """Keras's `padding="same"`: the output has ⌈size / stride⌉ pixels, and an odd pixel goes after, not before.

    >>> same_padding(28, kernel=3, stride=2, dilation=1)
    (0, 1)
    """
    output = -(-size // stride)
    total = max((output - 1) * stride + span(kernel, dilation) - size, 0)
    return total // 2, total - total // 2
