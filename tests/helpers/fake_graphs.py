"""CUDA graphs, streams and memory pools as far as `fake_cupy` needs them.

While a stream is recorded, writes to arrays are noted instead of done. Functions that make a new array are called, as
it must have a shape, whatever its numbers; launching the graph calls them again, with the result in the same array.
"""

import time
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np

_notes = None
"""Functions to call when the graph is launched; None if no graph is being recorded."""


def made(function, *args, **kwargs):
    """The array that a function makes on the GPU."""
    with np.errstate(all="ignore" if _notes is not None else None):
        result = function(*args, **kwargs)
    if _notes is None:
        return result
    if isinstance(result, np.generic):
        result = np.asarray(result)

    def again():
        now = function(*args, **kwargs)
        if isinstance(result, np.ndarray) and not np.shares_memory(result, now):
            result[...] = now

    _notes.append(again)
    return result


def done(function, *args):
    """Call a function that writes to arrays on the GPU."""
    if _notes is None:
        function(*args)
    else:
        _notes.append(lambda: function(*args))


class FakeGraph:
    """A recorded graph."""

    def __init__(self, notes):
        self.notes = notes

    def launch(self, stream):
        """Do everything that was recorded."""
        for act in self.notes:
            act()


class FakeStream:
    """A stream whose work is done at once."""

    def __init__(self, non_blocking=False):
        self.non_blocking, self.ptr = non_blocking, id(self)

    def __enter__(self):
        FakeCuda.streams.append(self)

    def __exit__(self, *error):
        FakeCuda.streams.pop()

    def wait_event(self, event):
        """Do nothing: all work is done."""

    def begin_capture(self):
        """Record all work from now on."""
        global _notes
        assert self.non_blocking
        assert FakeCuda.streams[-1] is self
        _notes = []

    def end_capture(self):
        """Stop recording. Returns the graph."""
        global _notes
        notes, _notes = _notes, None
        return FakeGraph(notes)


class FakeEvent:
    """A point in a stream."""

    done = True

    def __init__(self, disable_timing=False):
        pass

    def record(self, stream=None):
        """Do nothing: it is reached at once."""
        self.seconds = time.perf_counter()

    def synchronize(self):
        """It must have been recorded."""
        assert self.seconds


class FakeCuda:
    """Stands in for `cupy.cuda`."""

    streams = [FakeStream()]  # noqa: RUF012
    Stream, Event = FakeStream, FakeEvent

    def __init__(self):
        properties = {"name": b"Simulated", "major": 9, "minor": 0, "multiProcessorCount": 1, "totalGlobalMem": 2**30}
        self.driver = SimpleNamespace(get_build_version=lambda: 13020)
        self.runtime = SimpleNamespace(
            getDevice=lambda: 0,
            getDeviceProperties=lambda gpu: properties,
            driverGetVersion=lambda: 0,
            runtimeGetVersion=lambda: 13000,
            memGetInfo=lambda: (3 << 30, 8 << 30),
        )
        self.Device = lambda: SimpleNamespace(id=0, synchronize=lambda: None)
        self.get_elapsed_time = lambda start, end: 1e3 * (end.seconds - start.seconds)

    class MemoryPool:
        """A pool without memory: NumPy's memory does not come from it."""

        malloc = None

    @staticmethod
    def get_current_stream():
        """The innermost `with stream:`."""
        return FakeCuda.streams[-1]

    @staticmethod
    def using_allocator(allocator):
        """Do nothing: NumPy has its own allocator."""
        return nullcontext()
