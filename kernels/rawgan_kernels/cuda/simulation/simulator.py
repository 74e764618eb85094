"""CUDA kernels on the CPU, one thread after the other: slowly, but with checks that a GPU does not make.

Each CUDA thread is a coroutine (a greenlet). It runs until it reaches a barrier or a shuffle, and continues when all
threads that take part have reached the same one. Faults are found whatever the order of the threads is:

- **Races.** Between two barriers, no thread may read or write a number of shared memory that another thread writes. In
  global memory, no thread may touch a number that a thread of another block writes during the launch.
- **Divergence.** All threads of a block must reach a barrier, and all lanes of a warp a shuffle.
- **Addresses.** Every index must be an integer, at least 0 and less than the length.
- **Stale data.** Shared memory holds NaN (integers: the largest number) until it is written.
- **Precision.** A float64 must not be stored to a float32 array: a GPU would have computed in slow float64.

It does not show the speed of a GPU, nor its rounding: its exponentials differ in the last places, and it fuses
multiplications with additions.
"""

from __future__ import annotations

import math
import operator
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
from greenlet import getcurrent, greenlet

from rawgan_kernels.cuda.compile.language import THREADS, WARP, CudaKernel, filled
from rawgan_kernels.formulas import CONSTANTS, instantiate

Stamp = tuple[int, int, int]
"""A moment of a thread: block, thread, and number of barriers that it has passed."""


class SimulationError(Exception):
    """A fault in a kernel, for which a GPU may give a wrong result without an error."""


def simulate(kernel: CudaKernel, dtype: str, blocks: int, arguments: tuple[Any, ...]) -> None:
    """Run a kernel, block after block. Arrays among the arguments are one-dimensional NumPy arrays."""
    number = np.dtype(dtype).type
    names = {"cuda": cuda, "math": libm, "number": number, "index": int, "formulas": _formulas(number)}
    function = filled(kernel.function, names, lambda inner: inner)
    given: list[Any] = []
    for position, (kind, argument) in enumerate(zip(kernel.parameters, arguments, strict=True)):
        name = f"argument {position} of {kernel.name}"
        if kind == "arrays":
            given.append([Memory(f"array {i} of {name}", values) for i, values in enumerate(argument)])
        elif kind == "bits":
            given.append(Memory(name, argument.view(f"i{argument.itemsize}")))
        else:
            converted = {"number": number, "index": int}.get(kind, lambda values, name=name: Memory(name, values))
            given.append(converted(argument))
    for block in range(blocks):
        _Block(function, block, blocks, THREADS).run(given)


def _formulas(number: Any) -> Any:
    constants = {name: lambda x, value=value: number(value) for name, value in CONSTANTS.items()}
    functions = {name: getattr(libm, name) for name in ("exp", "expm1", "log1p", "erfcx")}
    return instantiate(lambda function: function, **constants, **functions)


class Memory:
    """An array that checks each access."""

    def __init__(self, name: str, values: np.ndarray[Any, Any]) -> None:
        self.name, self.values, self.size = name, values, len(values)
        self.reads: dict[int, set[Stamp]] = {}
        self.writes: dict[int, Stamp] = {}  # the last write of each number

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: Any) -> Any:
        at, me = self._checked(index), _current().stamp
        writer = self.writes.get(at)
        if writer is not None and writer is not me and self._clash(writer, me):
            raise SimulationError(
                f"{self.name}[{at}]: {_who(me)} reads what {_who(writer)} wrote, with no barrier between"
            )
        readers = self.reads.get(at)
        if readers is None:
            self.reads[at] = {me}
        else:
            readers.add(me)
        return self.values[at]

    def __setitem__(self, index: Any, value: Any) -> None:
        at, me = self._checked(index), _current().stamp
        if self.values.dtype == np.float32 and isinstance(value, np.float64):
            raise SimulationError(f"{self.name}[{at}]: {_who(me)} computed in float64 what is stored as float32")
        writer, readers = self.writes.get(at), self.reads.pop(at, ())
        for other in readers if writer is None else (writer, *readers):
            if self._clash(other, me):
                raise SimulationError(
                    f"{self.name}[{at}]: {_who(me)} writes what {_who(other)} uses, with no barrier between"
                )
        self.writes[at] = me  # stands for the readers, too: whoever clashes with one from now on clashes with this
        self.values[at] = value

    def _clash(self, other: Stamp, me: Stamp) -> bool:
        (block, thread, epoch), (my_block, my_thread, my_epoch) = other, me
        if block != my_block:
            return True
        return thread != my_thread and epoch == my_epoch

    def _checked(self, index: Any) -> int:
        if type(index) is int and 0 <= index < self.size:
            return index
        try:
            at = operator.index(index)
        except TypeError:
            raise SimulationError(f"{self.name}[{index!r}]: an index must be an integer") from None
        if not 0 <= at < self.size:
            raise SimulationError(f"{self.name}[{at}]: {_who(_current().stamp)} is outside its {self.size} numbers")
        return at


def _who(stamp: Stamp) -> str:
    return f"thread {stamp[1]} of block {stamp[0]}"


class _Thread(greenlet):
    """One CUDA thread after the other. It says at which event it waits: a barrier, a shuffle, or its end.

    A new greenlet costs more than most threads compute, so one that has come to the end of its thread runs another.
    """

    kind: str = ""
    place: tuple[str, int]
    """Place of the event in the source."""
    value: Any = None
    """The value that it gives to a shuffle."""
    source: int
    """The lane whose value it asks for."""

    def __init__(self, index: int) -> None:
        super().__init__(self._run_threads, getcurrent())
        self.index, self.number = index, SimpleNamespace(x=index)

    def begin(self, block: _Block, arguments: list[Any]) -> None:
        """Run the thread of this index of a block, up to its first event."""
        self.block, self.arguments = block, arguments
        self.stamp: Stamp = (block.index, self.index, 0)
        self.switch()

    def _run_threads(self) -> None:
        while True:
            self.block.function(*self.arguments)
            self.kind = "end"
            self.block.scheduler.switch()


class _Idle(threading.local):
    """Greenlets of the thread of Python that made them: no other can switch to them."""

    def __init__(self) -> None:
        self.threads: list[_Thread] = []
        self.parent = getcurrent()

    def take(self, size: int) -> list[_Thread]:
        """One for each CUDA thread of a block. Whoever takes them brings them back, once they have come to the end."""
        threads, self.threads = self.threads, []
        if self.parent is not getcurrent() or len(threads) != size:
            self.parent, threads = getcurrent(), [_Thread(index) for index in range(size)]
        return threads


_idle = _Idle()


def _current() -> _Thread:
    thread = getcurrent()
    if type(thread) is not _Thread:
        raise SimulationError("this is CUDA code: call it from a simulated kernel")
    return thread


@dataclass
class _Block:
    """The threads of one block, and their shared memory."""

    function: Callable[..., None]
    index: int
    blocks: int
    size: int
    shared: dict[Any, Memory] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.number = SimpleNamespace(x=self.index)
        self.scheduler = getcurrent()

    def run(self, arguments: list[Any]) -> None:
        threads = _idle.take(self.size)
        for thread in threads:
            thread.begin(self, arguments)
        while self._after_shuffles(threads):
            self._pass_barrier(threads)
        _idle.threads = threads

    def _after_shuffles(self, threads: list[_Thread]) -> bool:
        """Run each warp until it shuffles no more. Returns False when all threads have ended."""
        waiting = False
        for first in range(0, self.size, WARP):
            lanes = threads[first : first + WARP]
            while shuffling := [lane for lane in lanes if lane.kind == "shuffle"]:
                if len(shuffling) < len(lanes) or len({lane.place for lane in lanes}) > 1:
                    line = min(lane.place for lane in shuffling)[1]
                    raise SimulationError(
                        f"a shuffle in line {line} is not reached by all lanes of a warp of block {self.index}"
                    )
                values = [lanes[lane.source].value if 0 <= lane.source < WARP else lane.value for lane in lanes]
                for lane, value in zip(lanes, values, strict=True):
                    lane.switch(value)
            waiting = waiting or any(lane.kind != "end" for lane in lanes)
        return waiting

    def _pass_barrier(self, threads: list[_Thread]) -> None:
        waiting = [thread for thread in threads if thread.kind != "end"]
        place = waiting[0].place
        if len(waiting) < self.size or any(thread.place != place for thread in waiting):
            lines = ", ".join(str(line) for _, line in sorted({thread.place for thread in waiting}))
            raise SimulationError(
                f"the barrier in line {lines} is reached by {len(waiting)} of the {self.size} threads of block "
                f"{self.index}"
            )
        for thread in threads:
            block, index, barriers = thread.stamp
            thread.stamp = block, index, barriers + 1
            thread.switch()


class _Shared:
    """The object that kernels call `cuda.shared`."""

    def array(self, size: int, dtype: Any) -> Memory:
        """Memory that the threads of a block share."""
        block, place = _current().block, _place()
        if place not in block.shared:
            values = np.empty(size, dtype)
            values.fill(np.nan if values.dtype.kind == "f" else np.iinfo(values.dtype).max)
            block.shared[place] = Memory(f"shared memory of line {place[1]}", values)
        return block.shared[place]


class _Cuda:
    """The object that kernels call `cuda`."""

    blockIdx = property(lambda self: _current().block.number)
    blockDim = property(lambda self: SimpleNamespace(x=_current().block.size))
    gridDim = property(lambda self: SimpleNamespace(x=_current().block.blocks))
    threadIdx = property(lambda self: _current().number)
    shared = _Shared()

    def syncthreads(self) -> None:
        """A barrier for the block."""
        thread = _current()
        thread.kind, thread.place = "barrier", _place()
        thread.block.scheduler.switch()

    def fma(self, a: Any, b: Any, c: Any) -> Any:
        """a · b + c, rounded once in float32, where float64 has room for the product."""
        return type(a)(np.float64(a) * np.float64(b) + np.float64(c))

    def shfl_down_sync(self, mask: int, value: Any, delta: int) -> Any:
        """The value of the lane `delta` further on; the thread's own value if there is none."""
        thread = _current()
        return _shuffled(thread, mask, value, thread.index % WARP + delta)

    def shfl_xor_sync(self, mask: int, value: Any, bits: int) -> Any:
        """The value of the lane whose number differs in these bits; the thread's own value if there is none."""
        thread = _current()
        return _shuffled(thread, mask, value, thread.index % WARP ^ bits)


def _shuffled(thread: _Thread, mask: int, value: Any, source: int) -> Any:
    if mask != 0xFFFFFFFF:
        raise SimulationError("shuffles are for whole warps: the mask must be 0xFFFFFFFF")
    thread.kind, thread.place, thread.value, thread.source = "shuffle", _place(3), value, source
    return thread.block.scheduler.switch()


def _place(callers: int = 2) -> tuple[str, int]:
    """File and line of the kernel that called the caller, or a caller so many calls further out."""
    frame = sys._getframe(callers)
    return frame.f_code.co_filename, frame.f_lineno


cuda: Any = _Cuda()
libm = SimpleNamespace(
    exp=np.exp, expm1=np.expm1, inf=np.inf, log=np.log, log1p=np.log1p, sqrt=np.sqrt,
    erf=lambda x: type(x)(math.erf(x)), erfcx=lambda x: type(x)(math.exp(x * x) * math.erfc(x)),
)  # fmt: skip
"""NumPy's functions keep float32, as CUDA's do."""
