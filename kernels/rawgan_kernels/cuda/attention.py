"""Scaled dot-product attention and its gradients, for some queries of every image at a time.

The products are cuBLAS's (see `run.cublas`), and in between a kernel makes weights of scores, one block of threads for
each query. Scores are in memory for so many queries only that they take about `SCORES` numbers, or one query's.
"""

from typing import Any

from rawgan_kernels.arrays import array_module
from rawgan_kernels.cuda.compile.language import THREADS, WARP, WARPS, cuda, cuda_kernel, index, math, number
from rawgan_kernels.cuda.norms.layer import PLACES, shared_sum
from rawgan_kernels.cuda.run.cublas import product
from rawgan_kernels.cuda.run.launch import launch
from rawgan_kernels.cuda.run.memory import empty, flat
from rawgan_kernels.dispatch import implements

SCORES = 1 << 24
"""Scores that are in memory at a time: 64 MiB in float32, enough to fill a GPU."""

LOWEST = -float("inf")


@implements
def attention(q: Any, k: Any, v: Any, scale: float) -> tuple[Any, Any]:
    y, lse = empty(q, (*q.shape[:-1], v.shape[-1])), empty(q, q.shape[:-1])
    if not lse.size:
        return y, lse
    q, k, v, stacked_y = _stacked(q), _stacked(k), _stacked(v), _stacked(y)
    (count, length, _), keys = q.shape, k.shape[1]
    for first, rows in _blocks(q, k):
        part = slice(first, first + rows)
        scores = empty(q, (count, rows, keys))
        product(q[:, part], k.transpose(0, 2, 1), scores)
        launch(_weights, count * rows, flat(scores), flat(lse), keys, rows, length, first, scale)
        product(scores, v, stacked_y[:, part])
    return y, lse


@implements
def attention_grad(q: Any, k: Any, v: Any, y: Any, lse: Any, gy: Any, scale: float) -> tuple[Any, Any, Any]:
    gq, gk, gv = (empty(x, x.shape) for x in (q, k, v))
    if not lse.size:
        gk.fill(0)
        gv.fill(0)
        return gq, gk, gv
    q, k, v, y, gy = map(_stacked, (q, k, v, y, gy))
    (count, length, _), keys, width = q.shape, k.shape[1], v.shape[2]
    for first, rows in _blocks(q, k):
        part, more = slice(first, first + rows), first > 0
        weights, slopes = empty(q, (count, rows, keys)), empty(q, (count, rows, keys))
        product(q[:, part], k.transpose(0, 2, 1), weights)
        product(gy[:, part], v.transpose(0, 2, 1), slopes)
        launch(
            _slopes, count * rows, flat(weights), flat(slopes), flat(lse), flat(y), flat(gy), keys, width, rows,
            length, first, scale,
        )  # fmt: skip
        product(weights.transpose(0, 2, 1), gy[:, part], _stacked(gv), more)
        product(slopes.transpose(0, 2, 1), q[:, part], _stacked(gk), more)
        product(slopes, k, _stacked(gq)[:, part])
    return gq, gk, gv


def _stacked(x: Any) -> Any:
    """x as a contiguous array of matrices, (images, rows, columns)."""
    count = x.size // max(1, x.shape[-2] * x.shape[-1])
    return array_module(x).ascontiguousarray(x).reshape(count, *x.shape[-2:])


def _blocks(q: Any, k: Any) -> list[tuple[int, int]]:
    """First query and number of queries of each block."""
    count, length, _ = q.shape
    each = max(1, SCORES // (count * k.shape[1]))
    return [(first, min(each, length - first)) for first in range(0, length, each)]


# --- functions that kernels call --------------------------------------------------------------------------------------


def shared_max(value, scratch):  # type: ignore[no-untyped-def]
    """The largest value of the threads of a block, returned to all of them; NaN counts as smaller than any."""
    thread = index(cuda.threadIdx.x)
    for halving in range(5):
        other = cuda.shfl_down_sync(0xFFFFFFFF, value, 16 >> halving)
        value = other if other > value else value
    cuda.syncthreads()  # all reads of the scratch are done
    if thread % index(WARP) == index(0):
        scratch[thread // index(WARP)] = value
    cuda.syncthreads()
    for warp in range(WARPS):
        other = scratch[warp]
        value = other if other > value else value
    return value


def query_of(block, rows, length, first):  # type: ignore[no-untyped-def]
    """Index of the query that a block of threads has, among the queries of all images."""
    return index(block // rows * length + first + block % rows)


# --- CUDA kernels -----------------------------------------------------------------------------------------------------


@cuda_kernel("scores: out, lse: out, keys: index, rows: index, length: index, first: index, scale: number")
def _weights(scores, lse, keys, rows, length, first, scale):  # type: ignore[no-untyped-def]
    """Replace products q · k by the softmax of scale · q · k, for one query."""
    scratch = cuda.shared.array(PLACES, number)
    block, thread = index(cuda.blockIdx.x), index(cuda.threadIdx.x)
    start = index(block * keys)
    highest = number(LOWEST)
    for at in range(thread, keys, index(THREADS)):
        score = scale * scores[index(start + index(at))]
        highest = score if score > highest else highest
    highest = shared_max(highest, scratch)
    if highest == number(LOWEST):  # −∞ − −∞ would be NaN
        highest = number(0)
    total = number(0)
    for at in range(thread, keys, index(THREADS)):
        i = index(start + index(at))
        weight = math.exp(scale * scores[i] - highest)
        scores[i] = weight
        total += weight
    total = shared_sum(total, scratch)
    for at in range(thread, keys, index(THREADS)):
        scores[index(start + index(at))] /= total
    if thread == index(0):
        lse[query_of(block, rows, length, first)] = highest + math.log1p(total - number(1))


@cuda_kernel(
    "weights: out, slopes: out, lse: in, y: in, gy: in, keys: index, width: index, rows: index, length: index, "
    "first: index, scale: number"
)
def _slopes(weights, slopes, lse, y, gy, keys, width, rows, length, first, scale):  # type: ignore[no-untyped-def]
    """weights ← p = e^(scale · weights − lse) and slopes ← scale · p · (slopes − Σ gy · y), for one query."""
    scratch = cuda.shared.array(PLACES, number)
    block, thread = index(cuda.blockIdx.x), index(cuda.threadIdx.x)
    query, start = query_of(block, rows, length, first), index(block * keys)
    mean = number(0)
    for at in range(thread, width, index(THREADS)):
        i = index(query * width + index(at))
        mean += gy[i] * y[i]
    mean = shared_sum(mean, scratch)
    level = lse[query]
    for at in range(thread, keys, index(THREADS)):
        i = index(start + index(at))
        weight = math.exp(scale * weights[i] - level)
        weights[i] = weight
        slopes[i] = scale * weight * (slopes[i] - mean)
