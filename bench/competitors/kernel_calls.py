"""Calls of kernels: the shapes of their arrays, their notation on the command line, and random numbers for them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.common.errors import BenchError
from bench.common.shapes import as_text, parse_sizes
from rawgan_kernels import KERNELS, PRECISIONS, Window
from rawgan_kernels.axes import over_groups
from rawgan_kernels.resampling import Filter, Interpolation

POSITIVE = ("var", "v", "v_max", "square", "total")
"""Parameters of kernels that are never negative."""
PROBABILITIES = ("t",)


@dataclass(frozen=True)
class ArraySpec:
    """Shape, dtype and layout of an array argument. `order` lists its axes from the outermost in memory inwards.

    Indices are drawn from 0 to `below` − 1; if that is 0, up to the size of the array, as those of images in a batch.
    """

    shape: tuple[int, ...]
    dtype: str = "float32"
    order: tuple[int, ...] = ()
    below: int = 0

    def draw(self, name: str, rng: np.random.Generator) -> Any:
        """Draw random numbers in the range that a parameter of this name takes."""
        order = self.order or tuple(range(len(self.shape)))
        shape = [self.shape[axis] for axis in order]
        if self.dtype.startswith("uint"):
            values = rng.integers(0, 256, shape)
        elif self.dtype.startswith("int"):
            values = rng.integers(0, self.below or math.prod(shape), shape)
        elif name in PROBABILITIES:
            values = rng.random(shape, np.float32)
        elif name in POSITIVE:
            values = rng.random(shape, np.float32) + np.float32(0.5)
        else:
            values = 2 * rng.random(shape, np.float32) - 1
        return np.asarray(values, self.dtype).transpose(np.argsort(order))

    @property
    def transposed(self) -> bool:
        """True if its rows do not lie together in memory."""
        return self.order != tuple(sorted(self.order))


@dataclass(frozen=True)
class ArrayList:
    """A list of arrays as one argument."""

    items: tuple[ArraySpec, ...]


@dataclass(frozen=True)
class KernelCall:
    """One call of a kernel. Each argument is an ArraySpec, an ArrayList, or the value itself."""

    kernel: str
    arguments: tuple[Any, ...]

    def named(self) -> dict[str, Any]:
        """The arguments by the names of their parameters."""
        return dict(zip(KERNELS[self.kernel].signature.parameters, self.arguments, strict=False))

    def values(self) -> dict[str, Any]:
        """Arguments of the call by parameter: the same random numbers each time."""
        rng = np.random.default_rng(0)

        def value(name: str, argument: Any) -> Any:
            match argument:
                case ArraySpec():
                    return argument.draw(name, rng)
                case ArrayList():
                    return [item.draw(name, rng) for item in argument.items]
                case _:
                    return argument

        return {name: value(name, argument) for name, argument in self.named().items()}

    def arrays(self) -> Iterator[ArraySpec]:
        """Every array among the arguments."""
        for argument in self.arguments:
            if isinstance(argument, ArraySpec):
                yield argument
            elif isinstance(argument, ArrayList):
                yield from argument.items

    @property
    def size(self) -> int:
        """Number of elements of all arrays."""
        return sum(math.prod(array.shape) for array in self.arrays())

    @property
    def label(self) -> str:
        """Its shapes, in the notation of `--shape` where that can express them."""
        named = self.named()
        first = self.arguments[0]
        extras = ", bias" if "window" in named and named.get("b") is not None else ""
        slope = named.get("slope", 1.0)
        if slope == 0.0 or (slope != 1.0 and not self.kernel.startswith("leaky_relu")):
            extras += ", relu" if slope == 0.0 else ", leaky_relu"
        if "axes" in named and (kind := norm_of(len(first.shape), len(named["gamma"].shape), named["axes"])) != "batch":
            extras = f", {kind} norm{extras}"
        match first:
            case ArrayList():
                return f"{len(first.items)} arrays, {sum(math.prod(item.shape) for item in first.items):,} elements"
            case _ if "window" in named:
                return _conv_label(named) + extras
            case _ if self.kernel == "resample":
                columns = named["columns"]
                taps = f",taps={len(columns.taps)}" if isinstance(columns, Filter) else ""
                return f"{as_text(first.shape)}:{columns.output}{taps}"
            case _ if self.kernel == "matmul":
                turned = ", ".join(f"{name} transposed" for name in "ab" if named[name].transposed)
                return f"{as_text(first.shape)}:{named['b'].shape[-1]}" + (f", {turned}" if turned else "")
            case _:
                return as_text(first.shape) + extras


def parse_call(kernel: str, text: str) -> KernelCall:
    """Parse the notation of `--shape`: 128x32x32x64; for convolutions and matmul followed by :128, the channels or
    columns of the result, and for convolutions by ,kernel=4,stride=2,padding=1, where these are the defaults; for
    resample perhaps by :64, the height and width of the result, and by ,taps=4 if it is that of a filter.

    Raises: BenchError if the kernel cannot take it

    >>> parse_call("conv2d", "128x28x28x1:64").label
    '128×28×28×1:64'
    """
    shape_text, *options = text.split(",")
    shape_text, colon, outputs_text = shape_text.partition(":")
    shape = parse_sizes(shape_text)
    convolves, multiplies, resamples = kernel.startswith("conv2d"), kernel == "matmul", kernel == "resample"
    wanted = 4 if convolves or resamples else 2 if multiplies else None
    if (
        (not resamples and (colon != "") != (convolves or multiplies))
        or (options and not convolves and not (resamples and colon))
        or len(shape) != (wanted or len(shape))
    ):
        example = "128x32x32x64:128,kernel=4,stride=2,padding=1" if convolves else "128x512:256"
        raise BenchError(
            f"shape {text!r}: {kernel} takes "
            + (f"one such as {example}" if wanted else "the shape of one array, such as 128x32x32x64")
        )
    if not colon:
        return call_on(kernel, shape)
    (outputs,) = parse_sizes(outputs_text)[:1]
    if multiplies:
        return KernelCall(kernel, (ArraySpec(shape), ArraySpec((shape[1], outputs))))
    geometry = {"taps": 0} if resamples else {"kernel": 4, "stride": 2, "padding": 1}
    for option in options:
        name, _, number = option.partition("=")
        if name not in geometry or not number.isdigit():
            names = "=, ".join(geometry)
            raise BenchError(f"shape {text!r}: {option!r} is not one of {names}= and a number")
        geometry[name] = int(number)
    if resamples:
        maps = (_resampling(size, outputs, geometry["taps"]) for size in shape[1:3])
        return KernelCall(kernel, (ArraySpec(shape), *maps))
    taps, stride, padding = geometry.values()
    n, h, w, c = shape
    window = Window((h, w), (taps, taps), (stride, stride), ((padding, padding),) * 2)
    if not taps or not stride or min(window.output) < 1:
        raise BenchError(f"shape {text!r}: a kernel of {taps} pixels, stride {stride}, does not fit")
    x, y, weight = ArraySpec((n, h, w, c)), ArraySpec((n, *window.output, outputs)), ArraySpec((taps, taps, c, outputs))
    first, second = {"conv2d": (x, weight), "conv2d_input_grad": (y, weight), "conv2d_weight_grad": (x, y)}[kernel]
    return KernelCall(kernel, (first, second, window))


def call_on(kernel: str, shape: tuple[int, ...]) -> KernelCall:
    """A call on arrays of one shape, with typical values for all options.

    Raises: BenchError if the kernel has a parameter that this module does not know
    """
    x, channels = ArraySpec(shape), ArraySpec(shape[-1:])
    statistics = ArraySpec((1,) * (len(shape) - 1) + shape[-1:])
    many = ArrayList((x,))
    per_row = dict.fromkeys(("log_sum", "glog_sum"), ArraySpec(shape[:-1]))
    elementwise = dict.fromkeys(("x", "y", "gy", "t", "a", "b"), x)
    lists = dict.fromkeys(
        ("w", "gw", "m", "v", "v_max", "velocity", "square", "total", "average", "source"), many
    )  # fmt: skip
    per_channel = {"gamma": channels, "beta": channels, "mean": statistics, "var": statistics}
    per_channel |= {"factors": ArraySpec((shape[0], shape[-1]))}
    options = {"axes": tuple(range(len(shape) - 1)), "slope": 0.2, "alpha": 1.0, "eps": 1e-5}
    update = {
        "step": 10, "lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "rho": 0.99, "momentum": 0.9, "nesterov": False,
        "weight_decay": 0.0, "l2": 0.0, "lr_decay": 0.0, "decay": 0.998,
        "bits": PRECISIONS["bf16"],
    }  # fmt: skip
    images = {
        "images": ArraySpec(shape, "uint8"),
        "indices": ArraySpec(shape[:1], "int64"),
        "dtype": np.dtype("float32"),
    }
    known = elementwise | per_row | lists | per_channel | options | update | images
    parameters = KERNELS[kernel].signature.parameters
    if "rows" in parameters:  # of images
        _, height, width, _ = shape = (1,) * (4 - len(shape)) + shape
        known |= {
            "x": ArraySpec(shape),
            "rows": _resampling(height, height, 3),
            "columns": _resampling(width, width, 3),
        }
    if "at" in parameters:  # as many places as pixels, four taps for each
        shape = (1,) * (2 - len(shape)) + shape
        n, pixels, count = shape[0], math.prod(shape[1:-1]), shape[-1]
        known |= dict.fromkeys(("x", "gy"), ArraySpec((n, pixels, count)))
        known |= {"weights": ArraySpec((n, pixels, 4)), "at": ArraySpec((n, pixels, 4), "int64", below=pixels)}
        known |= {"pixels": pixels}
    if "reverse" in parameters:  # along the rows
        known |= dict.fromkeys(("x", "a", "b"), ArraySpec((math.prod(shape[:-1]), shape[-1], 1))) | {"reverse": False}
    if "grid" in parameters:  # as many places as pixels
        shape = (1,) * (4 - len(shape)) + shape
        known |= dict.fromkeys(("x", "gy"), ArraySpec(shape)) | {"grid": ArraySpec((*shape[:3], 2))}
        known |= {"size": shape[1:3], "padding": "zeros", "aligned": False}
    if "q" in parameters:  # of attention, whose v is no list as Adam's
        known |= dict.fromkeys(("q", "k", "v"), x) | {"lse": ArraySpec(shape[:-1]), "scale": shape[-1] ** -0.5}
    unknown = [name for name in parameters if name not in known]
    if unknown:
        raise BenchError(f"{kernel}: bench/competitors/kernel_calls.py has no value for {', '.join(unknown)}")
    return KernelCall(kernel, tuple(known[name] for name in parameters))


def norm_of(rank: int, gamma_rank: int, axes: tuple[int, ...]) -> str:
    """Name of the norm of arrays with `rank` axes over some of them: batch, layer, instance or group.

    >>> norm_of(4, 1, (0, 1, 2)), norm_of(4, 1, (3,)), norm_of(4, 1, (1, 2)), norm_of(4, 2, (1, 3))
    ('batch', 'layer', 'instance', 'group')
    """
    if over_groups(rank, axes):
        return "group"
    if max(axes) == rank - 1:
        return "layer"
    return "batch" if min(axes) == 0 else "instance"


def norms(shape: tuple[int, int, int, int], groups: int) -> Iterator[KernelCall]:
    """Calls of group, instance and layer norm and of their gradients, on images of this shape."""
    n, height, width, channels = shape
    pixels, each = height * width, channels // groups
    for x, gamma, axes in (
        ((n, pixels, groups, each), (groups, each), (1, 3)),
        (shape, (channels,), (1, 2)),
        ((n * pixels, channels), (channels,), (1,)),
    ):
        image, scale = ArraySpec(x), ArraySpec(gamma)
        statistics = ArraySpec(tuple(1 if axis in axes else size for axis, size in enumerate(x)))
        yield KernelCall("normalize", (image, scale, scale, axes, 1e-5, 1.0))
        yield KernelCall("normalize_grad", (image, image, scale, scale, statistics, statistics, axes, 1e-5, 1.0))


def _resampling(size: int, output: int, taps: int) -> Interpolation | Filter:
    """A map from `size` pixels to `output`: a binomial filter of so many taps, or, without taps, interpolation."""
    if not taps:
        return Interpolation(size, output)
    up, down = max(1, output // max(size, 1)), max(1, size // max(output, 1))
    before = (taps + up - down) // 2
    weights = tuple(float(math.comb(taps - 1, k)) for k in range(taps))
    return Filter(size, weights, up, down, (before, taps - down - before))


def _conv_label(named: dict[str, Any]) -> str:
    """The larger image and the channels of the smaller one, for all three kernels of a convolution."""
    window: Window = named["window"]
    (h, w), (taps, _), (stride, _), ((padding, _), _) = window.size, window.kernel, window.stride, window.padding
    batch = next(array for array in named.values() if isinstance(array, ArraySpec)).shape[0]
    channels = named["x"].shape[3] if "x" in named else named["w"].shape[2] * window.groups
    outputs = named["gy"].shape[3] if "gy" in named else named["w"].shape[3]
    text = f"{as_text((batch, h, w, channels))}:{outputs}"
    return text if (taps, stride, padding) == (4, 2, 1) else f"{text},kernel={taps},stride={stride},padding={padding}"
