"""Registration of ops: `@op(...)` above a function makes it public and declares the calls that prove its gradients.

    @op(case("away from 0", nonzero(2, 3)))
    def abs(x: Any) -> Tensor: ...

That is all an op needs in order to be `rawgan.ops.abs`, a row of `rawgan gradcheck`, and a case of every test that runs
over all ops. With `method=True` it is also `x.abs()`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np

from rawgan.methods import add_method
from rawgan.tensor import Tensor

Array = np.ndarray[Any, Any]
Draw = Callable[[np.random.Generator], Array]
Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Case:
    """One call of an op that is checked against finite differences.

    `function` takes Tensors alone, and each of them is differentiated: options are bound in it. Where it has kinks, the
    arrays keep away from them, as a finite difference across a kink says nothing.
    """

    op: str
    what: str
    """The special feature of this call."""
    function: Callable[..., Tensor]
    draws: tuple[Draw, ...]
    order: int
    """The highest order of derivative that is checked."""

    def __str__(self) -> str:
        return f"{self.op}-{self.what}".replace(" ", "-")

    def arrays(self, dtype: str = "float64") -> list[Array]:
        """The inputs, the same at every call."""
        rng = np.random.default_rng(sum(map(ord, str(self))))
        return [draw(rng).astype(dtype) for draw in self.draws]


OPS: dict[str, Callable[..., Tensor]] = {}
"""Every op by its name: the function that a user calls."""

FUNCTIONS: dict[str, Callable[..., Any]] = {}
"""Every public function without gradients by its name: its results are arrays of integers or of bool."""

CASES: list[Case] = []
"""The cases of all ops, in the order of definition."""

CaseOf = Callable[[Callable[..., Tensor], int], Case]
"""A case that still has to be told its op and order."""


def op(*cases: CaseOf, order: int = 2, method: bool = False) -> Callable[[Function], Function]:
    """Register a function as an op, with the cases that check its derivatives up to `order`.

    With `method`, it is a method of every Tensor, too, which is then its first argument: see `rawgan.methods`.
    """

    def register(function: Function) -> Function:
        OPS[function.__name__] = function
        CASES.extend(case(function, order) for case in cases)
        return _public(function, method)

    return register


def without_gradient(method: bool = False) -> Callable[[Function], Function]:
    """Register a function whose result is an array of integers or of bool, such as `argmax`; `method` as for an op."""

    def register(function: Function) -> Function:
        FUNCTIONS[function.__name__] = function
        return _public(function, method)

    return register


def _public(function: Function, method: bool) -> Function:
    # `from module import *` in the package's face then exports it, and nothing else of the module.
    function.__globals__.setdefault("__all__", []).append(function.__name__)
    if method:
        add_method(function)
    return function


def case(what: str, *draws: Draw, call: Callable[..., Tensor] | None = None, **options: Any) -> CaseOf:
    """A call of the op with these arrays and options; made by `call(op, *tensors, **options)` if that is given."""

    def of(function: Callable[..., Tensor], order: int) -> Case:
        made = partial(function, **options) if call is None else partial(call, function, **options)
        return Case(function.__name__, what, made, draws, order)

    return of


# --- arrays to call an op with -------------------------------------------------------------------------------------


def normal(*shape: int) -> Draw:
    """Standard normal numbers, for functions without kinks."""
    return lambda rng: rng.standard_normal(shape)


def between(low: float, high: float, *shape: int) -> Draw:
    """Uniform numbers, for functions that are defined, or tame, only there."""
    return lambda rng: rng.uniform(low, high, shape)


def nonzero(*shape: int) -> Draw:
    """Numbers of both signs at least 0.1 away from 0, for functions with a kink or a pole there."""
    return lambda rng: rng.choice([-1, 1], shape) * rng.uniform(0.1, 2, shape)


def apart(*shape: int, offset: float = 0.0) -> Draw:
    """Shuffled multiples of 0.1, plus `offset`: no two are closer than 0.1, for functions with a kink at equality."""
    size = int(np.prod(shape))
    return lambda rng: (0.1 * (rng.permutation(size) - size // 2) + offset).reshape(shape)


def constant(array: Any) -> Draw:
    """These very numbers."""
    return lambda rng: np.array(array)
