"""Results that a graph keeps in 16 bits, where products are in bf16.

A product rounds its factors to bf16 anyway, so nothing is lost by keeping them so for the backward pass, and half of
the memory is saved. An op that says `keeps_rounded` has its inputs and its result kept that way; leaves, such as
weights, are there anyway.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from rawgan.memory import Memory
from rawgan.tensor import Tensor
from rawgan_kernels import array_module
from rawgan_kernels.halves import narrowed, widened

PRECISION = "bf16"
"""The precision of products in which results are packed."""

PART = 1 << 20
"""Numbers that are unpacked together where not all are needed at once."""

SMALL = 4096
"""Numbers up to which a result is kept as it is: logits and statistics."""


class Packed(Tensor):
    """Stands for a result in the ops that keep it: its place in the graph, and its numbers in bf16.

    Its array has the shape and the dtype, but takes no memory.
    """

    __slots__ = ("_bits",)

    def __init__(self, x: Tensor, with_numbers: bool) -> None:
        array = x._array
        xp = array_module(array)
        self._array = xp.broadcast_to(xp.zeros((), array.dtype), array.shape)
        self._memory = Memory(self._array)
        self.requires_grad, self.op, self.grad = x.requires_grad, x.op, None
        self._bits: Any = _bits_of(x) if with_numbers else None

    def unpacked(self) -> Tensor:
        """The result itself, with rounded numbers."""
        result = Tensor.wrap(widened(self._bits))
        result.requires_grad, result.op = self.requires_grad, self.op
        return result

    def combined(self, other: Any, function: Callable[[Any, Any], Any]) -> Any:
        """function(x, other), element by element, for the result x: part by part, so that x is never unpacked whole.

        Shapes: other as x → the same
        """
        made = array_module(other).empty(other.shape, other.dtype)
        bits, others, to = self._bits.reshape(-1), other.reshape(-1), made.reshape(-1)
        for start in range(0, made.size, PART):
            part = slice(start, start + PART)
            to[part] = function(widened(bits[part]), others[part])
        return made


def packed(inputs: tuple[Tensor, ...], with_numbers: bool) -> tuple[Tensor, ...]:
    """The inputs of an op as it keeps them: large results packed, and without numbers if its backward needs none."""
    return tuple([Packed(x, with_numbers) if x.op is not None and _is_large(x._array) else x for x in inputs])


def packed_result(x: Tensor) -> Packed | None:
    """The result of an op as it keeps it; None if it is small."""
    return Packed(x, True) if _is_large(x._array) else None


def _is_large(array: Any) -> bool:
    return bool(array.size > SMALL and array.dtype == np.float32)


def _bits_of(x: Tensor) -> Any:
    """The numbers in bf16. All ops that keep a result share them."""
    contents, array = x.memory.used(), x._array
    if array is not contents.array:
        return narrowed(array)
    if contents.bits is None:
        contents.bits = narrowed(array)
    return contents.bits
