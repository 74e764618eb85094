"""Gradients of functions against finite differences, up to order 3.

At order 1, Σ gx · u must be the slope of Σ v · y along u, for random directions u of every input and random upstream
gradients v. (With v = 1, a batch norm whose backward returns zero would pass: the sum of its result is constant.)

At order n, the gradients are taken as a function of the inputs *and* of v, and this function is checked at order n − 1.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from rawgan.errors import ArgumentError, CheckFailed
from rawgan.testing.functions.call import Call, call_of, gradients_of
from rawgan.testing.functions.checks import CHECKS, run_checks
from rawgan.testing.functions.order import OrderCheck
from rawgan.testing.names import known_names
from rawgan.testing.report import Kink, Report, Row

ORDERS = (1, 2, 3)


def gradcheck(
    fn: Callable[..., Any],
    *inputs: Any,
    order: int = 2,
    seed: int = 0,
    rtol: float = 1e-6,
    checks: Collection[str] | str = CHECKS.keys(),
    names: Sequence[str] | None = None,
    name: str | None = None,
) -> Report:
    """Check the gradients of a function of Tensors against finite differences, and run the other checks of `CHECKS`.

    `fn` takes Tensors and returns one, or a tuple of them; it may also be an Op class without options. Every input of
    floats is differentiated, in float64; other inputs, such as labels, are passed on unchanged. `order` 2
    differentiates the gradients, as gradient penalties do. Where fn has a kink, such as LeakyReLU at 0, any gradient
    between the slopes on both sides is right; the report lists these points.

    `rtol` is the largest error at order 1, relative to the whole gradient: an element with a smaller share in it goes
    unseen. Each further order loses a digit, so it may be off by ten times as much. If an input changes the result by
    less than a hundred-thousandth, which rounding hides, the error is relative to that share. Upstream gradients (gy in
    messages, and ggx for the gradient gx) are random.

    Shapes: inputs any
    Raises: GradientMismatch naming the order, the input, the index and both values; CheckFailed for other faults;
            ArgumentError for a function or inputs that cannot be checked

    >>> import numpy as np
    >>> from rawgan import ops
    >>> report = gradcheck(ops.tanh, np.array([-0.5, 0.1, 2.0]))
    >>> report.error(order=1) < 1e-9
    True
    >>> gradcheck(lambda x: x * x.detach(), np.array([1.0, 2.0]))
    Traceback (most recent call last):
        ...
    rawgan.errors.GradientMismatch: <lambda>: the gradient of x (2,) is wrong at order 1
      slope of Σ gy·y at x[1]: backward gives 0.3711048, finite differences 0.7422096
      2 of 2 elements are wrong
    """
    __tracebackhide__ = True  # pytest then shows the caller's line
    if order not in ORDERS:
        raise ArgumentError(f"gradcheck: order must be 1, 2 or 3, but is {order!r}")
    checks = known_names(CHECKS.keys(), "gradcheck", "check", checks)
    try:
        with np.errstate(all="ignore"):  # steps out of the domain; infinities and NaN that matter are reported
            return _gradcheck(call_of(fn, inputs, names, name), order, rtol, checks, np.random.default_rng(seed))
    except CheckFailed as error:
        raise error.with_traceback(None) from error.__cause__  # the place in the checker helps nobody


def _gradcheck(call: Call, order: int, rtol: float, checks: Collection[str], rng: np.random.Generator) -> Report:
    started = time.perf_counter()
    rows: list[Row] = []
    kinks: list[Kink] = []
    evaluations = 0
    for level in range(1, order + 1):
        weights = call.weights(rng)
        run_checks(call, weights, checks, again=level < order)
        check = OrderCheck(call, weights, rtol * 10 ** (level - 1), rng, kinks, twice=level < order)
        rows += check.rows()
        evaluations += check.evaluations
        if level < order:
            call = gradients_of(call, weights)
    return Report(call.name, tuple(rows), tuple(kinks), evaluations, time.perf_counter() - started)
