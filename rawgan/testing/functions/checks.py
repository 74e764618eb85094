"""Checks of a function besides its gradients: the table of all, and the run of those that are asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from rawgan.errors import CheckFailed, RawganError
from rawgan.testing.functions.call import Call
from rawgan.testing.functions.independence import check_independent_calls
from rawgan.testing.functions.linearity import check_linearity
from rawgan.testing.functions.memory import (
    check_gradient_memory,
    check_inputs_unchanged,
    check_layouts,
    check_repeatable,
)
from rawgan.testing.functions.needs import (
    check_constant_inputs,
    check_derivatives_of_single_gradients,
    check_single_gradients,
    check_without_graph,
)
from rawgan.testing.functions.precision import check_precision
from rawgan.testing.functions.result import Baseline

Array = Any

CHECKS: dict[str, Callable[[Baseline], None]] = {
    "inputs": check_inputs_unchanged,
    "repeatable": check_repeatable,
    "calls": check_independent_calls,
    "memory": check_gradient_memory,
    "layout": check_layouts,
    "dtype": check_precision,
    "upstream": check_linearity,
    "needs": check_single_gradients,
    "no_grad": check_without_graph,
    "constants": check_constant_inputs,
}
"""Checks of `gradcheck` besides the gradients themselves, by name:

- inputs: neither forward nor backward writes to an input, an upstream gradient or a result
- repeatable: a second call with the same inputs returns the same bits, in other memory
- calls: several calls before a walk back, or in one graph, are independent of one another, and of earlier data of the
  same Tensors
- memory: no gradient shares memory with another, with an input or with an upstream gradient
- layout: Fortran-ordered, strided and reversed arrays, and upstream gradients of stride 0, give the same
- dtype: float32 stays float32, and agrees with float64
- upstream: gradients are in proportion to the upstream gradient, be it zero, tiny, huge or a mixture, and the same when
  a graph is walked again
- needs: a gradient is the same if it is the only one wanted, and so are its derivatives
- no_grad: results are the same under no_grad(), and from inputs that require no gradient
- constants: gradients are the same if other inputs require none
"""


def run_checks(call: Call, weights: Sequence[Array], kinds: Collection[str], again: bool = False) -> None:
    """Run the chosen checks, in the order of `CHECKS`: later ones rely on what earlier ones have shown.

    With `again`, the gradients are to be differentiated, so their derivatives are checked, too.

    Raises: CheckFailed naming the function, the array and what happened to it
    """
    baseline = Baseline(call, weights)
    for kind, check in CHECKS.items():
        if kind in kinds:
            try:
                check(baseline)
            except RawganError:
                raise
            except Exception as error:
                raise CheckFailed(
                    f"{call.name} raises {type(error).__name__}: {error}\n  in a call that the check {kind!r} makes"
                ) from error
    if again and "needs" in kinds:
        check_derivatives_of_single_gradients(baseline)
