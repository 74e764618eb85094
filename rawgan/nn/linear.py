"""Layers that multiply by a matrix, or pick its rows."""

from typing import Any

import numpy as np

from rawgan import ops
from rawgan.arrays import plain
from rawgan.nn.base.module import Module
from rawgan.nn.init import Initializer, glorot_uniform
from rawgan.nn.registry import example, layer
from rawgan.nn.weights import bias_note, initial_bias, initial_weight
from rawgan.ops.arguments import flag, whole
from rawgan.ops.registry import constant, normal
from rawgan.ops.taking import ALL, Take, numbers_of
from rawgan.tensor import Tensor


@layer(
    example("bias", normal(5, 4), inputs=4, outputs=3),
    example("no bias", normal(2, 3, 4), inputs=4, outputs=3, bias=False),
)
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
        self.w = initial_weight("Linear", (inputs, outputs), inputs, outputs, init, rng)
        self.b = initial_bias(outputs) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """x @ w + b."""
        return ops.linear(x, self.w, self.b)

    def describe_options(self) -> str:
        inputs, outputs = self.w.shape
        return f"{inputs} → {outputs}{bias_note(self.b)}"


@layer(example("two axes", constant([[0, 4], [4, 2]]), count=5, width=3))
class Embedding(Module):
    """A learned vector for each of `count` numbers.

    Shapes: integers of any shape S, as an array, list or number → (*S, width); w (count, width)
    Raises: DTypeError unless they are integers, ArgumentError if one is not in 0 … count − 1

    >>> Embedding(10, 4, rng=np.random.default_rng(0))(np.array([3, 1, 3])).shape
    (3, 4)
    """

    def __init__(self, count: int, width: int, *, rng: np.random.Generator, init: Initializer = glorot_uniform) -> None:
        count, width = whole("Embedding", "count", count, 1), whole("Embedding", "width", width, 1)
        self.w = initial_weight("Embedding", (count, width), count, width, init, rng)

    def as_input(self, x: Any) -> Any:
        """Convert x to an array of integers; a list of integers, too, which other layers take for floats."""
        return plain(x, "Embedding: x") if isinstance(x, list | tuple | int) else super().as_input(x)

    def forward(self, x: Any) -> Tensor:
        """Look up the vector of each integer in x."""
        return Take((numbers_of("Embedding: indices", self.w, 0, x, from_end=False), ALL))(self.w)

    def describe_options(self) -> str:
        return f"{self.w.shape[0]} → {self.w.shape[1]}"
