"""The base class of optimisers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Real
from operator import is_not
from typing import Any

from rawgan.arrays import is_writable, overlap
from rawgan.device import device_of
from rawgan.errors import ArgumentError, DTypeError, GraphError, ShapeError, shapes
from rawgan.paper import is_on_paper
from rawgan.tensor import Tensor
from rawgan_kernels import array_module

_COPY = "give it an array of its own: p.data = p.data.copy(), or make it as nn.Parameter(array), which copies"

LEAST_EPS = 4e-23
"""Square root of the smallest square that float32 has, for optimisers that divide by a root: used in place of a smaller
`eps`. A parameter whose gradient is 0, such as a bias that no kink lets through, then stays where it is: not 0 / 0."""


class Optimizer:
    """The parameters, the learning rate and the number of steps taken, with the checks that all optimisers share.

    `step(gradients)` takes the gradients that `grad(loss, optimizer.parameters)` returns. `step()` takes each
    parameter's `.grad` and leaves parameters without one alone; `zero_grad()` then clears them.

    Parameters and moments are written to in place. So their arrays must be writable, and none may share memory with
    another. They may be replaced between two steps, by arrays that are like that, too.

    A subclass names its `moments` and writes `update`.

    Raises: ArgumentError for no parameters, one given twice or without a gradient, one whose array is read-only or
            shares memory, or a learning rate not above 0
    """

    moments: Sequence[str] = ()
    """Names of the running averages kept for each parameter."""

    def __init__(self, parameters: Iterable[Tensor], lr: float) -> None:
        name = type(self).__name__
        if isinstance(parameters, Tensor) or not isinstance(parameters, Iterable):
            way_out = "put it into a list" if isinstance(parameters, Tensor) else "pass model.parameters()"
            raise ArgumentError(f"{name}: parameters is {type(parameters).__name__}; {way_out}")
        self.parameters = list(parameters)
        if not self.parameters:
            raise ArgumentError(f"{name}: there are no parameters to update; pass model.parameters()")
        for index, p in enumerate(self.parameters):
            if not isinstance(p, Tensor):
                raise ArgumentError(f"{name}: parameter {index} is {type(p).__name__}; pass model.parameters()")
            if p.op is not None:
                raise ArgumentError(
                    f"{name}: parameter {index} {p.shape} is a result, of {p.op.name}\n"
                    "  pass the Tensors that it is computed from"
                )
            if not p.requires_grad:
                raise ArgumentError(
                    f"{name}: parameter {index} {p.shape} requires no gradient\n"
                    "  leave frozen ones out: [p for p in model.parameters() if p.requires_grad]"
                )
        if len({id(p) for p in self.parameters}) != len(self.parameters):
            raise ArgumentError(f"{name}: a parameter is listed twice, and would be updated twice")
        check_range(name, "lr", lr, 0, float("inf"), low_open=True)
        self.lr = float(lr)
        self.counts = [0] * len(self.parameters)  # steps that each parameter has taken
        self.state: dict[str, list[Any]] = {
            moment: [
                p._array if is_on_paper() else array_module(p._array).zeros_like(p._array) for p in self.parameters
            ]
            for moment in self.moments
        }
        self._made_for = tuple(self.parameters)
        self._admitted: list[Any] = []
        """The arrays that passed the last `_check_arrays`."""
        if not is_on_paper():
            self._check_arrays(name, range(len(self.parameters)))

    def step(self, gradients: Sequence[Tensor | None] | None = None) -> None:
        """Update every parameter once.

        Raises: ShapeError if the gradients do not fit the parameters, GraphError if there is none at all, ArgumentError
                if the parameters are others than before or an array must not be written to
        """
        name = f"{type(self).__name__}.step"
        if isinstance(gradients, Tensor | Mapping):
            raise ArgumentError(f"{name}: gradients is {type(gradients).__name__}; give a list, one for each parameter")
        if len(self.parameters) != len(self._made_for) or any(map(is_not, self.parameters, self._made_for)):
            raise ArgumentError(
                f"{name}: its parameters are not those that it was made for: {len(self._made_for)} then, "
                f"{len(self.parameters)} now\n  make a new optimiser, or another one for the new parameters"
            )
        check_range(name, "lr", self.lr, 0, float("inf"))
        given = [p.grad for p in self.parameters] if gradients is None else list(gradients)
        if len(given) != len(self.parameters):
            raise ShapeError(f"{name}: {len(self.parameters)} parameters but {len(given)} gradients")
        pairs = [(i, p, g) for i, (p, g) in enumerate(zip(self.parameters, given, strict=True)) if g is not None]
        if not pairs:
            raise GraphError(f"{name}: no parameter has a gradient; call loss.backward() first")
        for index, p, g in pairs:
            self._check_gradient(name, index, p, g)
        self._check_arrays(name, [index for index, _, _ in pairs])
        for _, p, _ in pairs:
            p.mark_written()  # first: Ctrl-C may come in between
        moments = [self.state[moment] for moment in self.moments]
        for count in sorted({self.counts[index] for index, _, _ in pairs}):  # one round, unless some were left alone
            now = [(index, p, g) for index, p, g in pairs if self.counts[index] == count]
            self.update(
                [p._array for _, p, _ in now],
                [g._array for _, _, g in now],
                [[moment[index] for index, _, _ in now] for moment in moments],
                count + 1,
            )
        taken = {index for index, _, _ in pairs}
        self.counts = [count + (index in taken) for index, count in enumerate(self.counts)]

    @contextmanager
    def slowed(self, factor: float) -> Iterator[None]:
        """Inside, the learning rate is multiplied by `factor`."""
        rate = self.lr
        self.lr = rate * factor
        try:
            yield
        finally:
            self.lr = rate

    @property
    def steps(self) -> int:
        """Number of steps taken; of parameters that differ, the largest."""
        return max(self.counts)

    def _check_gradient(self, name: str, index: int, p: Tensor, g: Any) -> None:
        if not isinstance(g, Tensor):
            raise DTypeError(f"{name}: gradient {index} is {type(g).__name__}; wrap the array: Tensor(array)")
        if (g.shape, g.dtype, g.device) != (p.shape, p.dtype, p.device):
            raise ShapeError(
                f"{name}: gradient {index} is unlike its parameter\n"
                f"  parameter {p.shape} {p.dtype} {p.device}   gradient {g.shape} {g.dtype} {g.device}"
            )

    def _check_arrays(self, name: str, indices: Iterable[int]) -> None:
        """Raise an ArgumentError unless these parameters' arrays are writable and no two arrays share memory."""
        count, rows = len(self.parameters), [self.state.get(moment, ()) for moment in self.moments]
        arrays = [p._array for p in self.parameters]
        for moment, row in zip(self.moments, rows, strict=True):
            if len(row) != count:
                raise ArgumentError(f"{name}: state[{moment!r}] has {len(row)} arrays for {count} parameters")
            arrays += row
        replaced = len(arrays) != len(self._admitted) or any(map(is_not, arrays, self._admitted))
        for place in range(count, len(arrays)) if replaced else ():
            self._check_moment(name, place, arrays[place])
        for index in indices:
            for place in range(index, len(arrays), count):
                if not is_writable(arrays[place]):
                    raise ArgumentError(f"{name}: {self._title(place)} is read-only, but written to\n  {_COPY}")
        if replaced and (shared := overlap(arrays)) is not None:
            one, other = (self._title(place) for place in shared)
            what = "repeats elements in memory" if one == other else f"and {other} share memory"
            raise ArgumentError(f"{name}: {one} {what}, which would be updated twice\n  {_COPY}")
        self._admitted = arrays

    def _check_moment(self, name: str, place: int, array: Any) -> None:
        kind, index = divmod(place, len(self.parameters))
        p, moment = self.parameters[index], self.moments[kind - 1]
        if not hasattr(array, "flags"):
            raise DTypeError(f"{name}: state[{moment!r}][{index}] is {type(array).__name__}, not an array")
        if array.shape != p.shape:
            raise ShapeError(
                f"{name}: {self._title(place)} has another shape\n{shapes(parameter=p, **{moment: array})}"
            )
        if (array.dtype, device_of(array)) != (p.dtype, p.device):
            raise DTypeError(
                f"{name}: parameter {index} was moved after the optimiser was made\n"
                f"  parameter {p.shape} {p.dtype} {p.device}   {moment} {array.dtype} {device_of(array)}\n"
                "  call Module.to() first, then make the optimiser"
            )

    def _title(self, place: int) -> str:
        """Name of an array in messages; they are counted through the parameters, then the moments of each kind."""
        kind, index = divmod(place, len(self.parameters))
        of = f"{self.moments[kind - 1]} of " if kind else ""
        return f"{of}parameter {index} {self.parameters[index].shape}"

    def update(self, w: list[Any], gw: list[Any], moments: list[list[Any]], step: int) -> None:
        """Write new values into the arrays w and their moments, in place; `step` counts from 1."""
        raise NotImplementedError(f"{type(self).__name__} has no update")

    def zero_grad(self) -> None:
        """Drop the gradients that `backward()` left in `.grad`."""
        for parameter in self.parameters:
            parameter.grad = None


def check_range(name: str, option: str, value: float, low: float, high: float, low_open: bool = False) -> None:
    """Raise an ArgumentError unless low ≤ value < high; low < value if `low_open`."""
    if not isinstance(value, Real):
        raise ArgumentError(f"{name}: {option} must be a number, but is {value!r}")
    if not (low < value if low_open else low <= value) or not value < high:
        bound = f"more than {low}" if low_open else f"at least {low}"
        limit = f" and less than {high}" if high != float("inf") else " and finite"
        raise ArgumentError(f"{name}: {option} must be {bound}{limit}, but is {value}")
