"""Every error that rawgan raises on purpose.

All of them derive from :class:`RawganError` and from ``ValueError`` or ``TypeError`` (or ``AssertionError``, where a
check found something), so code that knows nothing of rawgan catches them too. They are raised before any work is done.
Each names the op or file, the expected and the given values, and the way out if there is one.
"""

from rawgan_kernels.errors import MissingKernel, NumbaError, RawganError, one_line

__all__ = [
    "ArgumentError",
    "CheckFailed",
    "ConfigError",
    "DTypeError",
    "DataError",
    "DeviceError",
    "DivergedError",
    "FileError",
    "GradientMismatch",
    "GraphError",
    "MissingKernel",
    "NotTwiceDifferentiable",
    "NumbaError",
    "RawganError",
    "ShapeError",
    "described",
    "one_line",
    "shapes",
    "shown",
]


class ShapeError(RawganError, ValueError):
    """Arrays whose ranks, sizes or channels do not fit together, or a window that does not fit the image."""


class ArgumentError(RawganError, ValueError):
    """An option outside the range that has a meaning, such as a stride of 0."""


class DTypeError(RawganError, TypeError):
    """A dtype that is neither float32 nor float64, or the two mixed."""


class DeviceError(RawganError, ValueError):
    """Arrays of two devices in one graph, or a device that this machine does not have."""


class GraphError(RawganError, ValueError):
    """A graph that cannot be walked: released, stale, or never recorded."""


class NotTwiceDifferentiable(GraphError):
    """An op without a second derivative was asked for one."""


class DataError(RawganError, ValueError):
    """A file or folder of training data that cannot be used as it is."""


class DivergedError(RawganError, ValueError):
    """A loss that is no longer a finite number, so that training cannot go on."""


class ConfigError(RawganError, ValueError):
    """A configuration, run folder or weight file with missing or impossible contents."""


class FileError(ConfigError):
    """A file or folder of a run that the system does not allow to be read, written or deleted."""


class CheckFailed(RawganError, AssertionError):
    """A function, layer or kernel that fails a check of `rawgan.testing`: it writes to its input, say."""


class GradientMismatch(CheckFailed):
    """A gradient that differs from the slope by finite differences.

    `order` of the derivative, name of the `input`, `index` of the worst element, and the two values there: `backward`
    and `numerical`.
    """

    def __init__(
        self, message: str, order: int, input: str, index: tuple[int, ...], backward: float, numerical: float
    ) -> None:
        super().__init__(message)
        self.order, self.input, self.index = order, input, index
        self.backward, self.numerical = backward, numerical


def shown(value: object, most: int = 60) -> str:
    """`repr` of a value from a file, which may be of any size, cut after `most` characters.

    >>> shown("a" * 1000, most=5)
    "'aaaa…"
    """
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits, a table in a table in a table …
        return f"{type(value).__name__}, too long to be printed"
    return text if len(text) <= most else f"{text[:most]}…"


def described(value: object) -> str:
    """Describe an argument in one line: an array by its shape, anything else by its `repr`.

    >>> import numpy as np
    >>> described(np.zeros((2, 3))), described("a")
    ('ndarray (2, 3)', "'a'")
    """
    shape = getattr(value, "shape", None)
    return f"{type(value).__name__} {shape}" if isinstance(shape, tuple) else shown(value)


def shapes(**arrays: object) -> str:
    """Second line of an error about shapes: every argument by name, with its whole shape.

    An array may come with the meaning of its axes, as a pair.

    >>> from rawgan import Tensor
    >>> shapes(x=Tensor([[1.0, 2.0]]), axis=3)
    '  x (1, 2)   axis 3'
    >>> shapes(x=(Tensor([[1.0, 2.0]]), "(N, C)"))
    '  x (1, 2), laid out (N, C)'
    """
    return "  " + "   ".join(f"{name} {_with_shape(value)}" for name, value in arrays.items())


def _with_shape(value: object) -> str:
    match value:
        case (array, str(layout)):
            return f"{_with_shape(array)}, laid out {layout}"
    shape = getattr(value, "shape", None)
    return f"{shape}" if isinstance(shape, tuple) else shown(value)
