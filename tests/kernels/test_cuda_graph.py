"""Recording and replaying, on the stand-in for CuPy; whole training steps are in with_cuda_tools."""

import numpy as np
import pytest
from fake_cupy import cupy, simulated_gpu, traffic

from rawgan_kernels import Backend
from rawgan_kernels.cuda.run.graph import Graph

__all__ = ["cupy", "simulated_gpu"]  # fixtures

cuda = Backend("cuda")
ADAM = 0.1, 0.5, 0.999, 1e-8, 0.01, 0.1


def parameters(cupy):
    """w, gw, m, v: lists of arrays on the GPU."""
    rng = np.random.default_rng(0)
    return [[cupy.asarray(abs(rng.standard_normal(n)).astype("float32")) for n in (3, 5)] for _ in range(4)]


def numbers(lists):
    return [x.get() for arrays in lists for x in arrays]


def test_values_that_change_from_step_to_step_change_in_a_replay(cupy, simulated_gpu):
    ours, theirs = parameters(cupy), parameters(cupy)
    graph = Graph(cupy)
    graph.run(lambda: cuda.adam_update(*ours, 1, *ADAM))
    before = numbers(ours)
    traffic.clear()
    result = graph.record(lambda: (cuda.adam_update(*ours, 2, *ADAM), ours[0][0] * 2)[1])
    assert traffic == {"sent": 1}  # the table, into memory that the graph keeps
    for x, y in zip(numbers(ours), before, strict=True):
        np.testing.assert_array_equal(x, y)  # recorded, and not done
    for step in range(1, 5):
        cuda.adam_update(*theirs, step, *ADAM)
        if step > 1:
            graph.replay()
            np.testing.assert_array_equal(result.get(), 2 * theirs[0][0].get())
    for x, y in zip(numbers(ours), numbers(theirs), strict=True):
        np.testing.assert_array_equal(x, y)


def test_a_recording_that_fails_does_nothing_and_ends(cupy, simulated_gpu):
    x = cupy.asarray(np.ones(3))
    graph = Graph(cupy)

    def fails():
        x.fill(0)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        graph.record(fails)
    np.testing.assert_array_equal(x.get(), 1)
    x.fill(2)
    np.testing.assert_array_equal(x.get(), 2)
