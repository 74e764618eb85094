"""CUDA graphs, streams and memory pools as far as `fake_cupy` needs them.

While a stream is recorded, what writes to arrays is noted instead of done. What makes a new array is done, as that must
have a shape, whatever its numbers; launching the graph does it again, and puts the result into the same array.
"""

import time
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np

_notes = None
"""What to do when the graph is launched; None if none is being recorded."""


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
    """What was recorded."""

    def __init__(self, notes):
        self.notes = notes

    def launch(self, stream):
        """Do all of it."""
        for act in self.notes:
            act()


class FakeStream:
    """A stream does all at once here."""

    def __init__(self, non_blocking=False):
        self.non_blocking, self.ptr = non_blocking, id(self)

    def __enter__(self):
        FakeCuda.streams.append(self)

    def __exit__(self, *error):
        FakeCuda.streams.pop()

    def wait_event(self, event):
        """Nothing is left to wait for."""

    def begin_capture(self):
        """From now on, note what happens."""
        global _notes
        assert self.non_blocking
        assert FakeCuda.streams[-1] is self
        _notes = []

    def end_capture(self):
        """No more of it."""
        global _notes
        notes, _notes = _notes, None
        return FakeGraph(notes)


class FakeEvent:
    """A point in a stream."""

    done = True

    def __init__(self, disable_timing=False):
        pass

    def record(self, stream=None):
        """It has been reached."""
        self.seconds = time.perf_counter()

    def synchronize(self):
        """It must have been recorded."""
        assert self.seconds


class FakeCuda:
    """What stands for `cupy.cuda`."""

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
        """NumPy's memory is not from a pool."""

        malloc = None

    @staticmethod
    def get_current_stream():
        """The innermost `with stream:`."""
        return FakeCuda.streams[-1]

    @staticmethod
    def using_allocator(allocator):
        """NumPy has its own."""
        return nullcontext()
