"""Linear recurrences, a thread for each line of numbers; sums so far are CuPy's."""

from typing import Any

from rawgan_kernels.arrays import array_module
from rawgan_kernels.cuda.compile.language import cuda, cuda_kernel, index, number, position
from rawgan_kernels.cuda.run.launch import blocks_for, launch
from rawgan_kernels.cuda.run.memory import empty, flat
from rawgan_kernels.dispatch import implements


@implements
def cumsum(x: Any, reverse: bool) -> Any:
    turn = slice(None, None, -1 if reverse else 1)
    return array_module(x).ascontiguousarray(x[:, turn].cumsum(axis=1, dtype="float64")[:, turn].astype(x.dtype))


@implements
def scan(a: Any, b: Any, reverse: bool) -> Any:
    y = empty(a, a.shape)
    _, n, inner = a.shape
    if y.size:
        lines = y.size // n
        launch(_scan, blocks_for(lines), flat(a), flat(b), flat(y), lines, n, inner, int(reverse))
    return y


@cuda_kernel("a: in, b: in, y: out, lines: index, n: index, inner: index, reverse: index")
def _scan(a, b, y, lines, n, inner, reverse):  # type: ignore[no-untyped-def]
    """Each sum is kept as two numbers, the second of which holds the rounding errors: in float32 this is nearly as
    precise as float64, and GPUs are slow at that. Source: Ogita, Rump, Oishi 2005 (compensated Horner scheme)
    """
    line = position()
    if line < lines:
        first = index(index(index(line // inner) * n) * inner + index(line % inner))
        found, rest = number(0), number(0)
        for k in range(n):
            i = index(n - index(1) - index(k)) if reverse else index(k)
            at = index(first + index(i * inner))
            if k > 0:
                factor, term = a[index(at + inner) if reverse else at], b[at]
                product = cuda.fma(factor, found, number(0))  # a plain product would be merged into sums below
                total = product + term
                if total - total == number(0):
                    share = total - product
                    rest = cuda.fma(factor, rest, cuda.fma(factor, found, -product))
                    rest += (product - (total - share)) + (term - share)
                    found = total + rest
                    rest -= found - total
                else:  # NaN or infinite: the errors would be NaN
                    found, rest = total, number(0)
            else:
                found = b[at]
            y[at] = found
