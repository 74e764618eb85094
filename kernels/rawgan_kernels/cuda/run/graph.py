"""CUDA graphs: a function's work on the GPU is recorded once, and then sent to the GPU as a whole.

A training step launches some hundreds of kernels, and Python takes longer to launch a small kernel than the GPU takes
to run it. Launching a graph takes as long as launching one kernel. A graph does exactly the same each time, at the same
addresses. So

- a graph's memory comes from its own pool, and nothing else can take it;
- values that change from step to step, such as the count in Adam's correction, are read from the GPU's memory: from the
  `clock`, which a graph advances by one;
- nothing is sent to the GPU during a recording: tables that kernels need are filled in when it has ended.

Products bypass CuPy, which cannot record them; see `cublas`.
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
    """A function's work on the GPU. First `run` it, so that all is compiled and loaded; then `record` and `replay`.

    The function writes its results to the same arrays at each replay. Its work on the CPU is done only when it is run
    or recorded.
    """

    def __init__(self, cupy: ModuleType) -> None:
        self._cupy = cupy
        self._stream = cupy.cuda.Stream(non_blocking=True)  # blocking streams cannot be recorded
        self._pool = cupy.cuda.MemoryPool()
        self._before, self._after = (cupy.cuda.Event(disable_timing=True) for _ in range(2))
        self._graph: Any = None
        self.clock: Any = None
        """Number of replays so far, an array (1,) on the GPU."""
        self.late: list[tuple[Any, np.ndarray[Any, Any]]] = []
        """Arrays to be filled when the recording has ended, each with its values."""

    def run(self, function: Callable[[], Result]) -> Result:
        """Call the function on the stream that will be recorded; its kernels run one by one."""
        with self._own_stream():
            return function()

    def record(self, function: Callable[[], Result]) -> Result:
        """Call the function and record its kernels instead of running them. Returns its result, not yet computed."""
        global _recording
        with self._own_stream():
            self.clock, self.late = self._cupy.zeros(1, np.int64), []
            self._stream.begin_capture()
            _recording = self
            try:
                result = function()
                self.clock += 1
            except BaseException:
                with suppress(Exception):  # the first error says more
                    self._stream.end_capture()
                raise
            finally:
                _recording = None
            self._graph = self._stream.end_capture()
            for place, values in self.late:
                place.set(values)
        return result

    def replay(self) -> None:
        """Launch the recorded graph."""
        with self._own_stream():
            self._graph.launch(self._stream)

    @contextmanager
    def _own_stream(self) -> Iterator[None]:
        """The graph's stream, in order: after everything sent before, and before everything sent afterwards."""
        caller = self._cupy.cuda.get_current_stream()
        self._before.record(caller)
        self._stream.wait_event(self._before)
        with self._stream, self._cupy.cuda.using_allocator(self._pool.malloc):
            yield
        self._after.record(self._stream)
        caller.wait_event(self._after)


def sent(xp: ModuleType, values: tuple[float, ...], dtype: str) -> Any:
    """An array on the GPU with these values, sent only once; during a recording, filled in when that has ended."""
    if _recording is None:
        return _kept(xp, values, dtype)
    place = xp.empty(len(values), dtype)
    _recording.late.append((place, np.array(values, dtype)))
    return place


@lru_cache(maxsize=64)
def _kept(xp: ModuleType, values: tuple[float, ...], dtype: str) -> Any:
    return xp.asarray(np.array(values, dtype))


def tables_sent() -> int:
    """Number of arrays that `sent` has sent so far. A warm training step should send none."""
    return _kept.cache_info().misses


def clock(xp: ModuleType) -> Any:
    """Number of replays of the graph that is being recorded, (1,) on the GPU; 0 outside a recording."""
    return _still(xp) if _recording is None else _recording.clock


@cache
def _still(xp: ModuleType) -> Any:
    return xp.zeros(1, np.int64)
