"""Pointers to numbers of arrays, and calls of functions by their addresses, inside compiled functions."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


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
    """Pointer to numbers of the array's dtype at an address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[1], context.get_value_type(signature.return_type))

    return types.CPointer(array.dtype)(array, types.intp), generate


def address_of(array: Any) -> int:
    """Address of an array's first number, for `at_address`.

    Functions are compiled for each kind of array, and a transposed array is another kind; an address is not.
    """
    return array.__array_interface__["data"][0]


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
