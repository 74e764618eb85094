"""Softmax, its logarithm and log Σ e^x along the last axis, and their gradients.

A warp takes one row, each lane every 32nd number of it; lanes are joined by shuffles, always in the same pairs. The
largest number m of a row is subtracted first: e^(x − m) cannot overflow.
"""

from typing import Any

from rawgan_kernels.cuda.compile.language import (
    WARP,
    WARPS,
    cuda,
    cuda_kernel,
    index,
    math,
    number,
    position,
    warp_largest,
    warp_sum,
)
from rawgan_kernels.cuda.run.launch import blocks_for, launch
from rawgan_kernels.cuda.run.memory import empty, empty_like, flat
from rawgan_kernels.dispatch import implements


@implements
def softmax(x: Any) -> Any:
    return _along_rows(_softmax, x)


@implements
def softmax_grad(y: Any, gy: Any) -> Any:
    return _along_rows(_softmax_grad, y, gy)


@implements
def log_softmax(x: Any) -> Any:
    return _along_rows(_log_softmax, x)


@implements
def log_softmax_grad(y: Any, gy: Any) -> Any:
    return _along_rows(_log_softmax_grad, y, gy)


@implements
def logsumexp(x: Any) -> Any:
    y = empty(x, x.shape[:-1])
    launch(_logsumexp, blocks_for(y.size, WARPS), flat(x), flat(y), y.size, x.shape[-1])
    return y


@implements
def logsumexp_grad(x: Any, log_sum: Any, glog_sum: Any) -> Any:
    gx = empty_like(x)
    launch(_logsumexp_grad, blocks_for(x.size), flat(x), flat(log_sum), flat(glog_sum), flat(gx), x.size, x.shape[-1])
    return gx


def _along_rows(body: Any, *inputs: Any) -> Any:
    y, values = empty_like(inputs[0]), inputs[0].shape[-1]
    if y.size:
        rows = y.size // values
        launch(body, blocks_for(rows, WARPS), *map(flat, inputs), flat(y), rows, values)
    return y


# --- functions that kernels call --------------------------------------------------------------------------------------


def row_of_warp():  # type: ignore[no-untyped-def]
    """The row of this thread's warp."""
    return index(index(cuda.blockIdx.x) * index(WARPS) + index(cuda.threadIdx.x) // index(WARP))


def lane():  # type: ignore[no-untyped-def]
    """The number of this thread in its warp."""
    return index(index(cuda.threadIdx.x) % index(WARP))


def largest_of_row(x, first, values):  # type: ignore[no-untyped-def]
    """The largest number of a row, or −∞: NaN counts as none."""
    top = -number(math.inf)
    for at in range(lane(), values, index(WARP)):
        value = x[index(first + index(at))]
        top = value if value > top else top
    return warp_largest(top)


def exponentials_of_row(x, first, values, shift):  # type: ignore[no-untyped-def]
    """Σ e^(x − shift) over a row."""
    total = number(0)
    for at in range(lane(), values, index(WARP)):
        total += math.exp(x[index(first + index(at))] - shift)
    return warp_sum(total)


# --- CUDA kernels ----------------------------------------------------------------------------------------------------


@cuda_kernel("x: in, y: out, rows: index, values: index")
def _softmax(x, y, rows, values):  # type: ignore[no-untyped-def]
    row = row_of_warp()
    if row < rows:
        first = index(row * values)
        top = largest_of_row(x, first, values)
        total = exponentials_of_row(x, first, values, top)
        for at in range(lane(), values, index(WARP)):
            i = index(first + index(at))
            y[i] = math.exp(x[i] - top) / total


@cuda_kernel("y: in, gy: in, gx: out, rows: index, values: index")
def _softmax_grad(y, gy, gx, rows, values):  # type: ignore[no-untyped-def]
    row = row_of_warp()
    if row < rows:
        first, total = index(row * values), number(0)
        for at in range(lane(), values, index(WARP)):
            i = index(first + index(at))
            total += y[i] * gy[i]
        total = warp_sum(total)
        for at in range(lane(), values, index(WARP)):
            i = index(first + index(at))
            gx[i] = y[i] * (gy[i] - total)


@cuda_kernel("x: in, y: out, rows: index, values: index")
def _log_softmax(x, y, rows, values):  # type: ignore[no-untyped-def]
    row = row_of_warp()
    if row < rows:
        first = index(row * values)
        top = largest_of_row(x, first, values)
        total = math.log(exponentials_of_row(x, first, values, top))
        for at in range(lane(), values, index(WARP)):
            i = index(first + index(at))
            y[i] = (x[i] - top) - total


@cuda_kernel("y: in, gy: in, gx: out, rows: index, values: index")
def _log_softmax_grad(y, gy, gx, rows, values):  # type: ignore[no-untyped-def]
    row = row_of_warp()
    if row < rows:
        first, total = index(row * values), number(0)
        for at in range(lane(), values, index(WARP)):
            total += gy[index(first + index(at))]
        total = warp_sum(total)
        for at in range(lane(), values, index(WARP)):
            i = index(first + index(at))
            gx[i] = gy[i] - math.exp(y[i]) * total


@cuda_kernel("x: in, y: out, rows: index, values: index")
def _logsumexp(x, y, rows, values):  # type: ignore[no-untyped-def]
    """Of infinite numbers alone, the result is the largest. The largest number contributes e^0 = 1 to the sum."""
    row = row_of_warp()
    if row < rows:
        first = index(row * values)
        top = largest_of_row(x, first, values)
        shift = top if -number(math.inf) < top and top < number(math.inf) else number(0)
        total = exponentials_of_row(x, first, values, shift)
        if lane() == index(0):
            y[row] = top + math.log(number(1) if total < number(1) else total)


@cuda_kernel("x: in, log_sum: in, glog_sum: in, gx: out, count: index, values: index")
def _logsumexp_grad(x, log_sum, glog_sum, gx, count, values):  # type: ignore[no-untyped-def]
    i = position()
    if i < count:
        row = index(i // values)
        gx[i] = glog_sum[row] * math.exp(x[i] - log_sum[row])
