"""The integer arithmetic of convolutions: sizes, paddings and output paddings of a sliding window.

All sizes are in pixels, per axis. With `span = dilation · (kernel − 1) + 1`, the reach of the kernel::

    output = ⌊(size + before + after − span) / stride⌋ + 1

If stride > 1, several sizes have the same output (the floor drops the remainder). A transposed convolution goes from
the output back to the size, and `output_padding` says to which one.
"""

from dataclasses import dataclass

IntPair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Window:
    """Geometry of a convolution (or pooling), shared by the three kernels of the conv triple.

    `size` is the size of the larger image, `x` in `y = conv2d(x, w)`, and `output` the size of `y`. Every pair is
    (vertical, horizontal); `padding` is ((top, bottom), (left, right)), in pixels.

    Source: Dumoulin and Visin 2016, "A guide to convolution arithmetic for deep learning"

    >>> Window((28, 28), (4, 4), (2, 2), ((1, 1), (1, 1))).output
    (14, 14)
    """

    size: IntPair
    kernel: IntPair
    stride: IntPair = (1, 1)
    padding: tuple[IntPair, IntPair] = ((0, 0), (0, 0))
    dilation: IntPair = (1, 1)
    groups: int = 1

    @property
    def output(self) -> IntPair:
        """Size of the smaller image, in pixels."""
        vertical, horizontal = (
            output_size(size, kernel, stride, padding, dilation)
            for size, kernel, stride, padding, dilation in zip(
                self.size, self.kernel, self.stride, self.padding, self.dilation, strict=True
            )
        )
        return vertical, horizontal


def span(kernel: int, dilation: int) -> int:
    """Pixels from the first to the last tap of a dilated kernel.

    >>> span(kernel=3, dilation=2)
    5
    """
    return dilation * (kernel - 1) + 1


def output_size(size: int, kernel: int, stride: int, padding: IntPair, dilation: int) -> int:
    """Size of a convolution's result along one axis; zero or less if the window does not fit.

    >>> output_size(28, kernel=4, stride=2, padding=(1, 1), dilation=1)
    14
    """
    return (size + sum(padding) - span(kernel, dilation)) // stride + 1


def transposed_size(size: int, kernel: int, stride: int, padding: IntPair, dilation: int, output_padding: int) -> int:
    """Size of a transposed convolution's result along one axis.

    >>> transposed_size(14, kernel=4, stride=2, padding=(1, 1), dilation=1, output_padding=0)
    28
    """
    return (size - 1) * stride - sum(padding) + span(kernel, dilation) + output_padding


def same_padding(size: int, kernel: int, stride: int, dilation: int) -> IntPair:
    """Padding as in Keras's `padding="same"`: the output has ⌈size / stride⌉ pixels, and an odd pixel comes last.

    >>> same_padding(28, kernel=3, stride=2, dilation=1)
    (0, 1)
    """
    output = -(-size // stride)
    total = max((output - 1) * stride + span(kernel, dilation) - size, 0)
    return total // 2, total - total // 2
