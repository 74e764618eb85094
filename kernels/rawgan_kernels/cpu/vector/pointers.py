"""Pointers to numbers of arrays, and calls of functions by their addresses, inside compiled functions."""

import ctypes
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from rawgan_kernels.cpu.compile.compiled import compiled


@intrinsic
def pointer(typing: Any, array: Any, offset: Any) -> Any:
    """Pointer to element `offset` of a contiguous array, counted as if the array were flat."""
    signature = types.CPointer(array.dtype)(array, types.intp)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        return builder.gep(data, [args[1]])

    return signature, generate


@intrinsic
def at_address(typing: Any, array: Any, address: Any) -> Any:
    """Pointer to numbers at an address, of the dtype of an array or a pointer."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[1], context.get_value_type(signature.return_type))

    return types.CPointer(array.dtype)(array, types.intp), generate


def address_of(array: Any) -> int:
    """Address of an array's first number, for `at_address`.

    Functions are compiled for each kind of array, and a transposed array is another kind; an address is not.
    """
    return array.__array_interface__["data"][0]


def offsets_of(x: Any) -> Any:
    """Offsets of the matrices of x, its last two axes, in bytes from the first. Shape: (matrices,)"""
    offsets = np.zeros((), np.int64)
    for n, step in zip(x.shape[:-2], x.strides[:-2], strict=True):
        offsets = offsets[..., None] + np.arange(n) * step
    return offsets.reshape(-1)


def addresses_of(arrays: list[Any]) -> Any:
    """Addresses of the first numbers of NumPy arrays, int64, as `address_of` gives them one by one.

    That takes a microsecond each, as long as the update of a small array. In CPython, `id` is the address of an object,
    and an array's first field, behind the head that all objects have, is its address (`PyArrayObject.data` in C).
    """
    found = np.fromiter(map(way_to, arrays), np.int64, len(arrays))
    _follow(found, OFFSET)
    return found


def _way_to_address() -> tuple[Callable[[Any], int], int]:
    head, probe = object.__basicsize__, np.zeros(1)
    known = sys.implementation.name == "cpython" and ctypes.sizeof(ctypes.c_void_p) == 8
    if known and ctypes.c_int64.from_address(id(probe) + head).value == address_of(probe):
        return id, head
    return address_of, -1


way_to, OFFSET = _way_to_address()
"""A function of an array, as fast as can be, and the offset with which `address_in` finds its address from there."""


@compiled
def address_in(way, offset):  # type: ignore[no-untyped-def]
    """Address of an array's first number, from `way_to`."""
    return way if offset < 0 else integers_at(way + offset)[0]


@compiled(entry=True)
def _follow(ways, offset):  # type: ignore[no-untyped-def]
    for i in range(len(ways)):
        ways[i] = address_in(ways[i], offset)


@intrinsic
def integers_at(typing: Any, address: Any) -> Any:
    """Pointer to the whole numbers at an address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], context.get_value_type(signature.return_type))

    return types.CPointer(types.intp)(types.intp), generate


@intrinsic
def as_float64(typing: Any, pointer: Any) -> Any:
    """The pointer, taken as one to float64."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_value_type(signature.return_type))

    return types.CPointer(types.float64)(pointer), generate


@intrinsic
def itemsize(typing: Any, pointer: Any) -> Any:
    """Bytes of a number of a pointer's dtype."""
    size = pointer.dtype.bitwidth // 8
    return types.intp(pointer), lambda context, builder, signature, args: context.get_constant(types.intp, size)


@intrinsic
def shifted(typing: Any, pointer: Any, offset: Any) -> Any:
    """The pointer, `offset` elements further on."""
    return pointer(pointer, types.intp), lambda context, builder, signature, args: builder.gep(args[0], [args[1]])


def by_address(name: str) -> Any:
    """An intrinsic that calls a standalone function: its first argument is the address, the others are passed on."""

    def call(typing: Any, address: Any, *arguments: Any) -> Any:
        signature = types.void(types.intp, types.StarArgTuple.from_types(arguments))

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            values = cgutils.unpack_tuple(builder, args[1])
            passed = [
                context.get_value_as_argument(builder, kind, value)
                for kind, value in zip(signature.args[1].types, values, strict=True)
            ]
            kind = ir.FunctionType(ir.VoidType(), [value.type for value in passed])
            builder.call(builder.inttoptr(args[0], kind.as_pointer()), passed)
            return context.get_dummy_value()

        return signature, generate

    call.__name__ = name
    return intrinsic(call)
