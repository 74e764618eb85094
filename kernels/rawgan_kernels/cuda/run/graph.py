"""CUDA graphs: what a function sends to the GPU is recorded once, and from then on sent as one.

A training step launches some hundreds of kernels, and Python takes longer to launch a small one than a GPU to run it.
Sending a graph takes as long as launching one kernel. A graph does the very same each time, at the same addresses. So

- all memory comes from a pool of its own, to which nothing returns that others could take;
- what changes from step to step, such as the count in Adam's correction, is read from the GPU's memory: the `clock`,
  which a graph moves on by one;
- nothing is sent to the GPU on the way: tables that kernels need are filled in when the recording has ended.

Products go around CuPy (see `cublas`), which would refuse to record them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, lru_cache
from types import ModuleType
from typing import Any, TypeVar

import numpy as np

Result = TypeVar("Result")

_recording: "Graph | None" = None


class Graph:
    """A function's work on the GPU. First `run` it, so that all is compiled and loaded; then `record`, then `replay`.

    The function writes its results to the same arrays at each replay. What it does on the CPU happens only when it is
    run or recorded.
    """

    def __init__(self, cupy: ModuleType) -> None:
        self._cupy = cupy
        self._stream = cupy.cuda.Stream(non_blocking=True)  # others cannot be recorded
        self._pool = cupy.cuda.MemoryPool()
        self._before, self._after = (cupy.cuda.Event(disable_timing=True) for _ in range(2))
        self._graph: Any = None
        self.clock: Any = None
        """How often it was replayed, on the GPU."""
        self.late: list[tuple[Any, np.ndarray[Any, Any]]] = []
        """Arrays to be filled when the recording has ended, and with what."""

    def run(self, function: Callable[[], Result]) -> Result:
        """Call the function, kernel by kernel, where it will be recorded."""
        with self._own_stream():
            return function()

    def record(self, function: Callable[[], Result]) -> Result:
        """Call the function, its kernels recorded instead of run. Returns its result, not computed yet."""
        global _recording
        with self._own_stream():
            self.clock, self.late = self._cupy.zeros(1, np.int64), []
            self._stream.begin_capture()
            _recording = self
            try:
                result = function()
                self.clock += 1
            except BaseException:
                with suppress(Exception):  # what came first says more
                    self._stream.end_capture()
                raise
            finally:
                _recording = None
            self._graph = self._stream.end_capture()
            for place, values in self.late:
                place.set(values)
        return result

    def replay(self) -> None:
        """Do it once more."""
        with self._own_stream():
            self._graph.launch(self._stream)

    @contextmanager
    def _own_stream(self) -> Iterator[None]:
        """After all that was sent before, before all that is sent afterwards."""
        caller = self._cupy.cuda.get_current_stream()
        self._before.record(caller)
        self._stream.wait_event(self._before)
        with self._stream, self._cupy.cuda.using_allocator(self._pool.malloc):
            yield
        self._after.record(self._stream)
        caller.wait_event(self._after)


def sent(xp: ModuleType, values: tuple[int, ...], dtype: str) -> Any:
    """Numbers of the CPU on the GPU, sent only once; or while a graph is recorded, when that has ended."""
    if _recording is None:
        return _kept(xp, values, dtype)
    place = xp.empty(len(values), dtype)
    _recording.late.append((place, np.array(values, dtype)))
    return place


@lru_cache(maxsize=64)
def _kept(xp: ModuleType, values: tuple[int, ...], dtype: str) -> Any:
    return xp.asarray(np.array(values, dtype))


def tables_sent() -> int:
    """How often `sent` has sent something: a training step that is warm should not."""
    return _kept.cache_info().misses


def clock(xp: ModuleType) -> Any:
    """How often the graph that is being recorded will have been replayed, (1,) on the GPU; 0 outside of one."""
    return _still(xp) if _recording is None else _recording.clock


@cache
def _still(xp: ModuleType) -> Any:
    return xp.zeros(1, np.int64)
