"""Convolution layers for sequences."""

from rawgan import ops
from rawgan.nn.conv import Axes, Convolution, TransposedConvolution
from rawgan.nn.registry import example, layer
from rawgan.ops.arguments import whole
from rawgan.ops.conv1d import Padding1d, check_padding1d
from rawgan.ops.registry import normal

SEQUENCES = Axes(lambda *given: (whole(*given),), check_padding1d)


@layer(
    example("bias", normal(2, 5, 2), inputs=2, outputs=3, kernel=3, padding=1),
    example(
        "every option", normal(1, 6, 2), inputs=2, outputs=4, kernel=2, stride=2, padding=(1, 0), dilation=2, groups=2,
        bias=False,
    ),
)  # fmt: skip
class Conv1d(Convolution[int, Padding1d]):
    """Convolution of sequences; see `rawgan.ops.conv1d` for stride, padding, dilation and groups.

    Shapes: x (N, L, inputs) → (N, M, outputs); w (kernel, inputs/groups, outputs), b (outputs,)

    >>> import numpy as np
    >>> Conv1d(1, 8, 4, stride=2, padding=1, rng=np.random.default_rng(0))(np.ones((5, 28, 1), "float32")).shape
    (5, 14, 8)
    """

    applies_slope = True
    function = staticmethod(ops.conv1d)
    axes = SEQUENCES


@layer(
    example("bias", normal(2, 3, 2), inputs=2, outputs=3, kernel=4, stride=2, padding=1),
    example("every option", normal(1, 2, 2), inputs=2, outputs=4, kernel=3, stride=3, output_padding=2, groups=2),
)
class ConvTranspose1d(TransposedConvolution[int, Padding1d]):
    """Transposed convolution of sequences; see `rawgan.ops.conv_transpose1d` for the options.

    Shapes: x (N, L, inputs) → (N, M, outputs); w (kernel, outputs/groups, inputs), b (outputs,)

    >>> import numpy as np
    >>> layer = ConvTranspose1d(8, 1, 4, stride=2, padding=1, rng=np.random.default_rng(0))
    >>> layer(np.ones((5, 14, 8), "float32")).shape
    (5, 28, 1)
    """

    applies_slope = True
    function = staticmethod(ops.conv_transpose1d)
    axes = SEQUENCES
