"""Launches: a body runs over its blocks, on all threads.

A kernel is divided into a fixed number of blocks, whatever the number of threads, so its result is bit-identical on one
thread and on several. `run(body, count, arguments)` calls `body(arguments, block, thread)` for every block.

Numba's `prange` distributes the blocks, in one place, `_for_all_blocks`; bodies are called by their addresses. A
`prange` in every kernel would do the same, but each would be compiled four times over, and the user would wait for it.

A forked process has none of the threads, and GNU's OpenMP ends it when it asks for them. Numba's own threads
(`workqueue`) serve one caller at a time, and end the process otherwise. So each run takes a turn, and without one the
calling thread runs all blocks, with the same result.
"""

import os
import warnings
import zlib
from collections.abc import Callable
from functools import cache
from threading import Lock, RLock
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import get_num_threads, get_thread_id, prange, typeof, types
from numba.core import cgutils
from numba.core.compiler_lock import global_compiler_lock
from numba.core.errors import NumbaSystemWarning
from numba.extending import intrinsic
from numba.np.ufunc import parallel as numba_threads

from rawgan_kernels import forking
from rawgan_kernels.cpu.compile.compiled import compiled, standalone, writable
from rawgan_kernels.errors import NumbaError

# Threads that wait for the next kernel, or for each other, sleep after some tens of microseconds. By default, GNU's
# OpenMP makes them spin for milliseconds, on a core that another process needs, or the thread that they wait for.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "30000")

Call = Callable[[int, Any, int, tuple[Any, ...]], None]
"""Of a distributor, a body, a number of blocks and the arguments."""

_I64, _I8P = ir.IntType(64), ir.IntType(8).as_pointer()
_BLOCK = ir.FunctionType(ir.VoidType(), [_I8P, _I64, _I64])  # (frame, block, thread)


def run(body: Any, count: int, arguments: tuple[Any, ...], parallel: bool = True, call: Call | None = None) -> None:
    """Call the compiled function `body(arguments, block, thread)` for every block from 0 to count − 1.

    The first argument is an array. `thread`, from 0 to `threads()` − 1, is the row of the scratch memory to use. With
    `parallel=False` the other threads are not woken, which is faster for little work. Arguments of another kind come
    with a `call` of their own in the place of `call_with_arrays`.
    """
    turn, call = _turn, call or call_with_arrays
    if count == 1 or not parallel or (turn is not None and not turn.acquire(blocking=False)):
        call(0, body, count, arguments)
        return
    try:
        call(_distributor(), body, count, arguments)
    finally:
        if turn is not None:
            turn.release()


def call_with_arrays(distributor: int, body: Any, count: int, arguments: tuple[Any, ...]) -> None:
    """Call the body for every block: on all threads, or without a distributor on this one.

    A body is never called as Numba's dispatcher would: it would be compiled once more for read-only arrays.
    """
    key = body, arguments[0].dtype.char
    address, kind = _known.get(key, (0, 0))
    while not _launch(distributor, address, kind, count, arguments):
        # The body is new, or the arguments have other types; finding that out takes too long to do it every time.
        address, kind = _known[key] = _machine_code(body, typeof(arguments))


def threads() -> int:
    """The number of threads that share the blocks. Raises: NumbaError if there can be none"""
    if not numba_threads._is_initialized:
        try:
            with warnings.catch_warnings():
                # Of a lock between processes: a system without shared memory lacks it, and it is not needed here.
                warnings.simplefilter("ignore", NumbaSystemWarning)
                numba_threads.get_num_threads()
        except ValueError as error:
            raise NumbaError(
                f"backend 'cpu': Numba cannot start its threads\n  {error}\n"
                "  unset NUMBA_THREADING_LAYER and NUMBA_THREADING_LAYER_PRIORITY, or set them to others"
            ) from error
    return int(numba_threads._get_num_threads())  # type: ignore[attr-defined]  # it exists once they are started


# --- turns -------------------------------------------------------------------------------------------------------

_NEVER = Lock()
_NEVER.acquire()

_turn: Any = _NEVER if forking.threads_lost else RLock()
"""The lock held by the thread whose blocks run; None once the threads are known to serve several callers at a time.

One thread may take it twice: if Ctrl-C comes just before it is released, or in the handler of a signal.
"""


_locks: tuple[Any, ...] = (global_compiler_lock, numba_threads._backend_init_thread_lock, llvm.ffi.lib._lock)
"""Locks that a compiling thread may hold, taken in this order. In a forked process they would never be released."""


def _before_fork() -> None:
    for lock in _locks:
        lock.__enter__()


def _after_fork() -> None:
    for lock in reversed(_locks):
        lock.__exit__(None, None, None)


def _after_fork_in_child() -> None:
    global _turn
    _after_fork()
    if forking.threads_lost:
        _turn = _NEVER


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child)


# --- the machine code --------------------------------------------------------------------------------------------

_known: dict[Any, tuple[int, int]] = {}


@cache
def _machine_code(body: Any, arguments: Any) -> tuple[int, int]:
    """Address of the code of `body` for arguments of these types, and the fingerprint of the types."""
    return address_of_code(body, writable(arguments)), _fingerprint(arguments)


def address_of_code(body: Any, arguments: Any) -> int:
    """Address of the code of `body` for arguments of these types."""
    compiled = body.get_compile_result(types.void(arguments, types.intp, types.intp))
    return int(compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name))


def _fingerprint(arguments: Any) -> int:
    """A number for the memory layout of the arguments, which is the same for read-only arrays."""
    return zlib.crc32(str(writable(arguments)).encode()) + 1


@cache
def _distributor() -> int:
    global _turn
    threads()  # starts them: code from the cache relies on that
    if numba_threads.threading_layer() != "workqueue":
        _turn = None
    return standalone(types.void(types.intp, types.intp, types.intp), _distribute).address


def _distribute(block, frame, count):  # type: ignore[no-untyped-def]
    if get_num_threads() == 1:  # a `prange` would still set up its schedule, which takes some µs
        for index in range(count):
            _call_block(block, frame, index, 0)
    else:
        _for_all_blocks(block, frame, count)


@compiled(parallel=True)
def _for_all_blocks(block, frame, count):  # type: ignore[no-untyped-def]
    for index in prange(count):
        _call_block(block, frame, index, get_thread_id())


@compiled(entry=True)
def _launch(distributor, body, kind, count, arguments):  # type: ignore[no-untyped-def]
    """Call the body if it takes arguments of this kind. Returns True if it did."""
    if kind != fingerprint_of(arguments):
        return False
    hand_over(distributor, body, count, arguments)
    return True


@intrinsic
def fingerprint_of(typing: Any, arguments: Any) -> Any:
    """`_fingerprint` of the types of the arguments, a constant."""
    return types.intp(arguments), lambda context, builder, signature, args: _I64(_fingerprint(signature.args[0]))


@intrinsic
def _call_block(typing: Any, block: Any, frame: Any, index: Any, thread: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        block, frame, index, thread = args
        function, frame = builder.inttoptr(block, _BLOCK.as_pointer()), builder.inttoptr(frame, _I8P)
        builder.call(function, [frame, index, thread])
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, types.intp, types.intp), generate


@intrinsic
def hand_over(typing: Any, distributor: Any, body: Any, count: Any, arguments: Any) -> Any:
    """Put the arguments into a frame; the distributor then calls, for every block, a function that unpacks them.

    If the distributor is 0, this thread calls that function, block by block.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        distributor, body, count, arguments = args
        frame_type = ir.LiteralStructType([body.type, arguments.type])
        taken = (signature.args[3], types.intp, types.intp)

        unpack = ir.Function(builder.module, _BLOCK, builder.module.get_unique_name("rawgan.unpack"))
        unpack.linkage = "internal"
        inside = ir.IRBuilder(unpack.append_basic_block("entry"))
        frame = inside.bitcast(unpack.args[0], frame_type.as_pointer())
        address, values = (inside.load(cgutils.gep_inbounds(inside, frame, 0, i)) for i in range(2))
        kind = context.call_conv.get_function_type(types.none, taken)
        function = inside.inttoptr(address, kind.as_pointer())
        context.call_conv.call_function(inside, function, types.none, taken, [values, *unpack.args[1:]])
        inside.ret_void()

        frame = cgutils.alloca_once_value(builder, cgutils.pack_struct(builder, [body, arguments]))
        with builder.if_else(builder.icmp_unsigned("==", distributor, _I64(0))) as (alone, shared):
            with alone, cgutils.for_range(builder, count) as loop:
                builder.call(unpack, [builder.bitcast(frame, _I8P), loop.index, _I64(0)])
            with shared:
                distribute = ir.FunctionType(ir.VoidType(), [_I64, _I64, _I64])
                function = builder.inttoptr(distributor, distribute.as_pointer())
                builder.call(function, [builder.ptrtoint(unpack, _I64), builder.ptrtoint(frame, _I64), count])
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, types.intp, arguments), generate
