"""Layers with parameters, and the container of layers.

Layers with random weights take `rng`, a NumPy generator: there is no hidden one.
"""

import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np

from rawgan import ops
from rawgan.arrays import plain
from rawgan.errors import ArgumentError, RawganError, ShapeError, described, shapes
from rawgan.nn.init import Initializer, glorot_uniform
from rawgan.nn.module import Module, Parameter, check_modules, name_layer
from rawgan.nn.stateless import LeakyReLU, ReLU
from rawgan.ops._arguments import checked_generator, flag, is_whole, whole
from rawgan.ops.conv import Padding, check_padding, pair_of
from rawgan.paper import blank, is_on_paper
from rawgan.tensor import Tensor

Pair = tuple[int, int]


class Sequential(Module):
    """Modules, one after the other. Their names are their positions: "0", "1", …

    >>> from rawgan.nn import Flatten
    >>> Sequential(Flatten(), Linear(4, 1, rng=np.random.default_rng(0)))
    Sequential()
      0: Flatten()
      1: Linear(4 → 1)                                         w (4, 1)  b (1,)
    5 parameters in 2 arrays
    """

    def __init__(self, *layers: Module) -> None:
        check_modules("Sequential", "layer", layers)
        self.layers = layers

    def children(self) -> Iterator[tuple[str, Module]]:
        """The layers, by position; then what a subclass may have added."""
        return ((name.removeprefix("layers."), child) for name, child in super().children())

    def as_input(self, x: Any) -> Any:
        """As the first layer takes it."""
        return self.layers[0].as_input(x) if self.layers else super().as_input(x)

    def forward(self, x: Tensor) -> Tensor:
        """The last layer's result. A LeakyReLU or ReLU is left to the layer before it, if that can apply it itself."""
        index, layers = 0, self.layers
        try:
            while index < len(layers):
                layer, slope = layers[index], 1.0
                if _applies_slope(layer) and index + 1 < len(layers):
                    slope = _slope(layers[index + 1])
                x = layer(x) if slope == 1 else layer(x, slope=slope)  # which is one pass over memory less
                index += 1 if slope == 1 else 2
        except RawganError as error:
            name_layer(error, layers[index], f"{index}")
            raise
        return x

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, index: int) -> Module:
        return self.layers[index]


class Linear(Module):
    """y = x @ w + b, along the last axis of x.

    Shapes: x (N, inputs) → (N, outputs), or (…, inputs) → (…, outputs); w (inputs, outputs), b (outputs,)

    >>> Linear(3, 2, rng=np.random.default_rng(0))(np.ones((5, 3), "float32")).shape
    (5, 2)
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        rng: np.random.Generator,
        bias: bool = True,
        init: Initializer = glorot_uniform,
    ) -> None:
        inputs, outputs = whole("Linear", "inputs", inputs, 1), whole("Linear", "outputs", outputs, 1)
        bias = flag("Linear", "bias", bias)
        self.w = _weight("Linear", (inputs, outputs), inputs, outputs, init, rng)
        self.b = _bias(outputs) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """x @ w + b."""
        return self._with_weight(x, self.w)

    def _with_weight(self, x: Tensor, w: Tensor, slope: float = 1.0) -> Tensor:
        """The same with other weights of the same shape; then LeakyReLU, if the slope is below 1."""
        y = ops.linear(x, w, self.b)
        return y if slope == 1 else ops.leaky_relu(y, slope)

    def describe_options(self) -> str:
        """Widths."""
        inputs, outputs = self.w.shape
        return f"{inputs} → {outputs}{_no_bias(self.b)}"


class Conv2d(Module):
    """Convolution; see `rawgan.ops.conv2d` for stride, padding, dilation and groups.

    Shapes: x (N, H, W, inputs) → (N, I, J, outputs); w (kh, kw, inputs/groups, outputs), b (outputs,)

    >>> Conv2d(1, 8, 4, stride=2, padding=1, rng=np.random.default_rng(0))(np.ones((5, 28, 28, 1), "float32")).shape
    (5, 14, 14, 8)
    """

    applies_slope = True

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int | Pair,
        *,
        rng: np.random.Generator,
        stride: int | Pair = 1,
        padding: Padding = 0,
        dilation: int | Pair = 1,
        groups: int = 1,
        bias: bool = True,
        init: Initializer = glorot_uniform,
    ) -> None:
        inputs, outputs, groups = _channels("Conv2d", inputs, outputs, groups)
        kh, kw = pair_of("Conv2d", "kernel", kernel, 1)
        bias = flag("Conv2d", "bias", bias)
        _check_options("Conv2d", stride, padding, dilation)
        taps = kh * kw
        shape = (kh, kw, inputs // groups, outputs)
        self.w = _weight("Conv2d", shape, taps * inputs // groups, taps * outputs // groups, init, rng)
        self.b = _bias(outputs) if bias else None
        self.stride, self.padding, self.dilation, self.groups = stride, padding, dilation, groups

    def forward(self, x: Tensor, slope: float = 1.0) -> Tensor:
        """The convolution of x with w, plus b; then LeakyReLU, if the slope is below 1."""
        return self._with_weight(x, self.w, slope)

    def _with_weight(self, x: Tensor, w: Tensor, slope: float) -> Tensor:
        return ops.conv2d(
            x,
            w,
            self.b,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
            slope=slope,
        )

    def describe_options(self) -> str:
        """Channels, kernel and options."""
        kh, kw, inputs, outputs = self.w.shape
        return f"{inputs * self.groups} → {outputs}, {kh}×{kw}{_options(self)}{_no_bias(self.b)}"


class ConvTranspose2d(Module):
    """Transposed convolution; see `rawgan.ops.conv_transpose2d` for the options.

    Shapes: x (N, I, J, inputs) → (N, H, W, outputs); w (kh, kw, outputs/groups, inputs), b (outputs,)

    >>> layer = ConvTranspose2d(8, 1, 4, stride=2, padding=1, rng=np.random.default_rng(0))
    >>> layer(np.ones((5, 14, 14, 8), "float32")).shape
    (5, 28, 28, 1)
    """

    applies_slope = True

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int | Pair,
        *,
        rng: np.random.Generator,
        stride: int | Pair = 1,
        padding: Padding = 0,
        output_padding: int | Pair = 0,
        dilation: int | Pair = 1,
        groups: int = 1,
        bias: bool = True,
        init: Initializer = glorot_uniform,
    ) -> None:
        inputs, outputs, groups = _channels("ConvTranspose2d", inputs, outputs, groups)
        kh, kw = pair_of("ConvTranspose2d", "kernel", kernel, 1)
        bias = flag("ConvTranspose2d", "bias", bias)
        _check_options("ConvTranspose2d", stride, padding, dilation)
        pair_of("ConvTranspose2d", "output_padding", output_padding, 0)
        taps = kh * kw
        shape = (kh, kw, outputs // groups, inputs)
        self.w = _weight("ConvTranspose2d", shape, taps * inputs // groups, taps * outputs // groups, init, rng)
        self.b = _bias(outputs) if bias else None
        self.stride, self.padding, self.output_padding = stride, padding, output_padding
        self.dilation, self.groups = dilation, groups

    def forward(self, x: Tensor, slope: float = 1.0) -> Tensor:
        """The transposed convolution of x with w, plus b; then LeakyReLU, if the slope is below 1."""
        return self._with_weight(x, self.w, slope)

    def _with_weight(self, x: Tensor, w: Tensor, slope: float) -> Tensor:
        return ops.conv_transpose2d(
            x,
            w,
            self.b,
            stride=self.stride,
            padding=self.padding,
            output_padding=self.output_padding,
            dilation=self.dilation,
            groups=self.groups,
            slope=slope,
        )

    def describe_options(self) -> str:
        """Channels, kernel and options."""
        kh, kw, outputs, inputs = self.w.shape
        return f"{inputs} → {outputs * self.groups}, {kh}×{kw}{_options(self)}{_no_bias(self.b)}"


class Embedding(Module):
    """A learned vector for each of `count` numbers.

    Shapes: integers of any shape S, as an array, list or number → (*S, width); w (count, width)

    >>> Embedding(10, 4, rng=np.random.default_rng(0))(np.array([3, 1, 3])).shape
    (3, 4)
    """

    def __init__(self, count: int, width: int, *, rng: np.random.Generator, init: Initializer = glorot_uniform) -> None:
        count, width = whole("Embedding", "count", count, 1), whole("Embedding", "width", width, 1)
        self.w = _weight("Embedding", (count, width), count, width, init, rng)

    def as_input(self, x: Any) -> Any:
        """An array of integers, of a list of them, too: these would be floats anywhere else."""
        return plain(x, "Embedding: x") if isinstance(x, list | tuple | int) else super().as_input(x)

    def forward(self, x: Any) -> Tensor:
        """The vectors that x, an array of integers, numbers."""
        return ops.take(self.w, x)

    def describe_options(self) -> str:
        """Count and width."""
        return f"{self.w.shape[0]} → {self.w.shape[1]}"


def _applies_slope(layer: Module) -> bool:
    """Whether this very layer can apply the LeakyReLU that follows it: a subclass may do something else."""
    return type(layer).__dict__.get("applies_slope", False) and _calls_its_own(layer)


def _slope(layer: Module) -> float:
    """The slope of an activation that the layer before it may apply; 1 for any other layer, which is called."""
    if type(layer) is LeakyReLU and _calls_its_own(layer):
        return layer.slope
    return 0.0 if type(layer) is ReLU and _calls_its_own(layer) else 1.0


def _calls_its_own(layer: Module) -> bool:
    """True if a call runs its class's forward: nobody gave this one layer another."""
    return "forward" not in layer.__dict__


def _weight(
    layer: str, shape: tuple[int, ...], fan_in: int, fan_out: int, init: Initializer, rng: np.random.Generator
) -> Parameter:
    if not _takes(init, 4):
        raise ArgumentError(
            f"{layer}: init must be a function (shape, fan_in, fan_out, rng) → array, nn.init.he_normal or "
            f"nn.init.normal(0.02), say, but is {described(init)}"
        )
    if is_on_paper():
        return Parameter(blank(shape))
    array = np.asarray(init(shape, fan_in, fan_out, checked_generator(layer, rng)))
    if array.shape != shape:
        raise ShapeError(f"{layer}: init made an array of another shape\n{shapes(wanted=shape, made=array)}")
    return Parameter(array.astype(np.float32))


def _takes(function: Any, count: int) -> bool:
    """Whether it can be called with so many arguments, as far as it says."""
    if not callable(function) or isinstance(function, type | Module):
        return False
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # compiled functions need not say
        pass
    return True


def _bias(length: int) -> Parameter:
    return Parameter(blank((length,)))


def _channels(layer: str, inputs: int, outputs: int, groups: int) -> tuple[int, int, int]:
    """The three as ints. Raises: ArgumentError for others than integers >= 1, and for groups that do not divide."""
    inputs, outputs = whole(layer, "inputs", inputs, 1), whole(layer, "outputs", outputs, 1)
    for name, count in {"inputs": inputs, "outputs": outputs}.items():
        if not is_whole(groups) or groups < 1 or count % groups:
            raise ArgumentError(
                f"{layer}: groups must divide {name}, but {name} is {count} and groups {described(groups)}"
            )
    return inputs, outputs, int(groups)


def _check_options(layer: str, stride: int | Pair, padding: Padding, dilation: int | Pair) -> None:
    """Raise an ArgumentError for options of a convolution that no image would fit."""
    pair_of(layer, "stride", stride, 1)
    pair_of(layer, "dilation", dilation, 1)
    check_padding(layer, padding)


def _no_bias(b: Tensor | None) -> str:
    return ", no bias" if b is None else ""


def _options(layer: Any) -> str:
    defaults = {"stride": 1, "padding": 0, "output_padding": 0, "dilation": 1, "groups": 1}
    chosen = {name: getattr(layer, name, default) for name, default in defaults.items()}
    return "".join(f", {name} {value}" for name, value in chosen.items() if value != defaults[name])
