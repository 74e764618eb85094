"""The simulator of CUDA kernels: it computes, and it finds faults that a GPU would not report."""

import numpy as np
import pytest

from rawgan_kernels.cuda.compile.language import (
    CUDA_KERNELS,
    THREADS,
    WARPS,
    block_sum,
    cuda,
    cuda_kernel,
    filled,
    index,
    number,
    position,
)
from rawgan_kernels.cuda.simulation.simulator import SimulationError, simulate


@pytest.fixture(autouse=True)
def _forget():
    """Forget the kernels of a test afterwards: they are not the package's."""
    before = len(CUDA_KERNELS)
    yield
    del CUDA_KERNELS[before:]


def neighbours(body, blocks=2, dtype="float32"):
    """Run a kernel of x and y, with one number for each thread. Returns y."""
    x = np.arange(blocks * THREADS, dtype=dtype)
    y = np.full(blocks * THREADS, np.nan, dtype)
    simulate(body, dtype, blocks, (x, y, len(y)))
    return y


def test_threads_blocks_and_barriers():
    @cuda_kernel("x: in, y: out, count: index")
    def reverse(x, y, count):
        shared = cuda.shared.array(THREADS, number)
        thread, i = index(cuda.threadIdx.x), position()
        shared[thread] = x[i]
        cuda.syncthreads()
        y[i] = shared[THREADS - 1 - thread] + number(cuda.gridDim.x)

    expected = np.arange(2 * THREADS).reshape(2, THREADS)[:, ::-1].ravel() + 2
    np.testing.assert_array_equal(neighbours(reverse), expected)


def test_sums_over_a_block():
    @cuda_kernel("x: in, y: out, count: index")
    def add_up(x, y, count):
        scratch = cuda.shared.array(WARPS, number)
        total = block_sum(x[position()], scratch)
        again = block_sum(number(1), scratch)
        if cuda.threadIdx.x == 0:
            y[cuda.blockIdx.x] = total + again

    sums = np.arange(2 * THREADS).reshape(2, THREADS).sum(axis=1) + THREADS
    np.testing.assert_array_equal(neighbours(add_up)[:2], sums)


def test_a_missing_barrier():
    @cuda_kernel("x: in, y: out, count: index")
    def hasty(x, y, count):
        shared = cuda.shared.array(THREADS, number)
        thread = index(cuda.threadIdx.x)
        shared[thread] = x[position()]
        y[position()] = shared[THREADS - 1 - thread]

    with pytest.raises(SimulationError, match=r"^shared memory of line \d+\[\d+\]: thread \d+ of block 0 "):
        neighbours(hasty)


def test_shared_memory_is_written_before_it_is_free():
    @cuda_kernel("x: in, y: out, count: index")
    def impatient(x, y, count):
        shared = cuda.shared.array(1, number)
        for round in range(2):
            if cuda.threadIdx.x == round:
                shared[0] = number(round)
            cuda.syncthreads()
            if round == 0:
                y[position()] = shared[0]  # while thread 1 writes the next one

    with pytest.raises(SimulationError, match="writes what thread"):
        neighbours(impatient)


def test_shared_memory_holds_nan_at_first():
    @cuda_kernel("x: in, y: out, count: index")
    def hopeful(x, y, count):
        y[position()] = cuda.shared.array(THREADS, number)[cuda.threadIdx.x]

    assert np.isnan(neighbours(hopeful)).all()


def test_a_barrier_that_not_all_threads_reach():
    @cuda_kernel("x: in, y: out, count: index")
    def divided(x, y, count):
        if cuda.threadIdx.x < 100:
            cuda.syncthreads()

    with pytest.raises(SimulationError, match=r"^the barrier in line \d+ is reached by 100 of the 256 threads"):
        neighbours(divided)


def test_two_barriers_at_a_time():
    @cuda_kernel("x: in, y: out, count: index")
    def apart(x, y, count):
        if cuda.threadIdx.x < 100:
            cuda.syncthreads()
        else:
            cuda.syncthreads()

    with pytest.raises(SimulationError, match=r"^the barrier in line \d+, \d+ is reached by 256"):
        neighbours(apart)


def test_a_shuffle_that_not_all_lanes_reach():
    @cuda_kernel("x: in, y: out, count: index")
    def lonely(x, y, count):
        if cuda.threadIdx.x % 2 == 0:
            y[position()] = cuda.shfl_down_sync(0xFFFFFFFF, x[position()], 1)

    with pytest.raises(SimulationError, match="is not reached by all lanes of a warp of block 0"):
        neighbours(lonely)


def test_a_shuffle_beyond_the_warp_gives_ones_own():
    @cuda_kernel("x: in, y: out, count: index")
    def shuffle(x, y, count):
        y[position()] = cuda.shfl_down_sync(0xFFFFFFFF, x[position()], 30)

    expected = [i + 30 if i % 32 < 2 else i for i in range(2 * THREADS)]
    np.testing.assert_array_equal(neighbours(shuffle), expected)


@pytest.mark.parametrize(("offset", "at"), [(1, 2 * THREADS), (-1, -1)])
def test_an_index_outside(offset, at):
    @cuda_kernel("x: in, y: out, count: index")
    def beyond(x, y, count):
        y[position()] = x[position() + offset]

    with pytest.raises(SimulationError, match=rf"^argument 0 of beyond\[{at}\]: thread \d+ of block \d is outside"):
        neighbours(beyond)


def test_an_index_that_is_no_integer():
    @cuda_kernel("x: in, y: out, count: index")
    def halves(x, y, count):
        y[position()] = x[position() / 2]

    with pytest.raises(SimulationError, match=r"^argument 0 of halves\[0.0\]: an index must be an integer$"):
        neighbours(halves)


def test_blocks_that_write_to_one_number():
    @cuda_kernel("x: in, y: out, count: index")
    def crowd(x, y, count):
        y[index(cuda.threadIdx.x)] = x[position()]

    with pytest.raises(SimulationError, match="thread 0 of block 1 writes what thread 0 of block 0 uses"):
        neighbours(crowd)


def test_blocks_that_read_what_another_one_writes():
    @cuda_kernel("x: in, y: out, count: index")
    def curious(x, y, count):
        y[position()] = x[position()]
        if cuda.blockIdx.x == 1:
            y[position()] = y[index(cuda.threadIdx.x)]

    with pytest.raises(SimulationError, match="thread 0 of block 1 reads what thread 0 of block 0 wrote"):
        neighbours(curious)


def test_float64_that_leaks_into_float32():
    @cuda_kernel("x: in, y: out, count: index")
    def wide(x, y, count):
        y[position()] = x[position()] * np.float64(0.5)

    with pytest.raises(SimulationError, match="computed in float64 what is stored as float32"):
        neighbours(wide)
    assert neighbours(wide, dtype="float64")[2] == 1


def test_filling_in_leaves_the_function_as_it_was():
    copy = filled(position, {"index": int}, lambda function: function)
    assert copy.__globals__["index"] is int
    assert position.__globals__["index"] is index
    assert copy.__code__ is position.__code__
