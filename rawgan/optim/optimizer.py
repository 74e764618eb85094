"""The base class of optimisers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from operator import is_not
from typing import Any, ClassVar

from rawgan.arrays import is_writable, overlap
from rawgan.autograd.observers import active
from rawgan.device import device_of
from rawgan.errors import ArgumentError, DTypeError, GraphError, ShapeError, shapes
from rawgan.optim import state
from rawgan.optim.groups import Between, Group, checked, groups_of
from rawgan.paper import is_on_paper
from rawgan.tensor import Tensor
from rawgan_kernels import array_module

_COPY = "give it an array of its own: p.data = p.data.copy(), or make it as nn.Parameter(array), which copies"

LEAST_EPS = 4e-23
"""Square root of the smallest square that float32 has, for optimisers that divide by a root: used in place of a smaller
`eps`. A parameter whose gradient is 0, such as a bias that no kink lets through, then stays where it is: not 0 / 0."""


class Optimizer:
    """The parameters, their options and moments, and the number of steps taken, with the checks that optimisers share.

    `step(gradients)` takes the gradients that `grad(loss, optimizer.parameters)` returns. `step()` takes each
    parameter's `.grad` and leaves parameters without one alone; `zero_grad()` then clears them.

    Instead of parameters, it takes groups of them with options of their own: `[{"params": [w, b], "lr": 0.01}, …]`.
    `param_groups` has the options in use, which may be changed between two steps.

    Parameters and moments are written to in place. So their arrays must be writable, and none may share memory with
    another. They may be replaced between two steps, by arrays that are like that, too.

    A subclass names its `moments`, gives the `ranges` of its options, and writes `update`.

    Raises: ArgumentError for no parameters, one given twice or without a gradient, one whose array is read-only or
            shares memory, or an option out of range, such as a learning rate not above 0
    """

    moments: ClassVar[Sequence[str]] = ()
    """Names of the arrays kept for each parameter, such as running averages. They begin at 0."""
    ranges: ClassVar[Mapping[str, Between]] = {}
    """Ranges of the options that are numbers, besides `lr`."""

    def __init__(self, parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]], lr: float, **options: Any) -> None:
        name = type(self).__name__
        self._ranges = {"lr": Between(), **self.ranges}
        self._options = dict.fromkeys(("params", "lr", *options))
        self.param_groups: list[Group] = groups_of(name, parameters, {"lr": lr, **options}, self._ranges)
        """Parameters under "params", and their options by name."""
        self.parameters: list[Tensor] = [p for group in self.param_groups for p in group["params"]]
        """The parameters of all groups."""
        for group in self.param_groups:
            self.check(name, group)
        self.counts = [0] * len(self.parameters)  # steps that each parameter has taken
        self.state: dict[str, list[Any]] = {
            moment: [
                p._array if is_on_paper() else array_module(p._array).zeros_like(p._array) for p in self.parameters
            ]
            for moment in self.kept(self.param_groups)
        }
        self._made_for = tuple(self.parameters)
        self._group_of = [index for index, group in enumerate(self.param_groups) for _ in group["params"]]
        self._admitted: list[Any] = []
        """The arrays that passed the last `_check_arrays`."""
        if not is_on_paper():
            self._check_arrays(name, range(len(self.parameters)))

    # --- for subclasses ----------------------------------------------------------------------------------------------

    def update(self, *arrays: Any, **options: Any) -> None:
        """Write new values into arrays, in place: `update(w, gw, moments, step, *, lr, …)`.

        w and gw are lists of arrays, one for each parameter, and moments has such a list for each moment that is kept.
        `step` counts from 1. The options are those of the group.
        """
        raise NotImplementedError(f"{type(self).__name__} has no update")

    def check(self, name: str, options: Mapping[str, Any]) -> None:
        """Raise an ArgumentError for options of a group that are wrong, or do not go together."""

    def keeps(self, moment: str, options: Mapping[str, Any]) -> bool:
        """True if parameters with these options need a moment."""
        return True

    def kept(self, groups: Iterable[Mapping[str, Any]]) -> list[str]:
        """Names of the moments that any of these groups needs."""
        return [moment for moment in self.moments if any(self.keeps(moment, group) for group in groups)]

    # --- steps -------------------------------------------------------------------------------------------------------

    def step(self, gradients: Sequence[Tensor | None] | None = None) -> None:
        """Update every parameter once.

        Raises: ShapeError if the gradients do not fit the parameters, GraphError if there is none at all, ArgumentError
                if the parameters are others than before or an array must not be written to
        """
        name = f"{type(self).__name__}.step"
        if isinstance(gradients, Tensor | Mapping):
            raise ArgumentError(f"{name}: gradients is {type(gradients).__name__}; give a list, one for each parameter")
        in_groups = list(chain.from_iterable([group.get("params", ()) for group in self.param_groups]))
        if not (_same(self.parameters, self._made_for) and _same(in_groups, self._made_for)):
            changed = self.parameters if _same(in_groups, self._made_for) else in_groups
            raise ArgumentError(
                f"{name}: its parameters are not those that it was made for: {len(self._made_for)} then, "
                f"{len(changed)} now\n  make a new optimiser, or another one for the new parameters"
            )
        options = self._checked_options(name)
        given = [p.grad for p in self.parameters] if gradients is None else list(gradients)
        if len(given) != len(self.parameters):
            raise ShapeError(f"{name}: {len(self.parameters)} parameters but {len(given)} gradients")
        pairs = [(i, p, g) for i, (p, g) in enumerate(zip(self.parameters, given, strict=True)) if g is not None]
        if not pairs:
            raise GraphError(f"{name}: no parameter has a gradient; call loss.backward() first")
        self._check_gradients(name, pairs)
        self._check_arrays(name, [index for index, _, _ in pairs])
        for observer in active.observers:
            observer.before_update(self, given)
        for _, p, _ in pairs:
            p.mark_written()  # first: Ctrl-C may come in between
        for group, of_group in enumerate(options):
            if len(options) == 1:
                mine, kept = pairs, self._kept
            else:
                mine, kept = [each for each in pairs if self._group_of[each[0]] == group], self.kept([of_group])
            moments = [self.state[moment] for moment in kept]
            rounds = sorted({self.counts[index] for index, _, _ in mine})  # one, unless some were left alone
            for count in rounds:
                now = mine if len(rounds) == 1 else [each for each in mine if self.counts[each[0]] == count]
                self.update(
                    [p._array for _, p, _ in now],
                    [g._array for _, _, g in now],
                    [[moment[index] for index, _, _ in now] for moment in moments],
                    count + 1,
                    **of_group,
                )
        if len(pairs) == len(self.counts):
            self.counts = [count + 1 for count in self.counts]
        else:
            taken = {index for index, _, _ in pairs}
            self.counts = [count + (index in taken) for index, count in enumerate(self.counts)]
        for observer in active.observers:
            observer.after_update(self, given)

    def zero_grad(self) -> None:
        """Drop the gradients that `backward()` left in `.grad`."""
        for parameter in self.parameters:
            parameter.grad = None

    @property
    def lr(self) -> float:
        """Learning rate of all groups; set it to give each the same.

        Raises: ArgumentError if they differ
        """
        first, *others = (group["lr"] for group in self.param_groups)
        if others and any(rate != first for rate in others):
            raise ArgumentError(
                f"{type(self).__name__}.lr: its groups have different learning rates: "
                f"{', '.join(map(str, (first, *others)))}\n"
                f"  take that of one group, param_groups[0]['lr'], or set lr to give each the same"
            )
        return first

    @lr.setter
    def lr(self, rate: float) -> None:
        for group in self.param_groups:
            group["lr"] = rate

    @contextmanager
    def slowed(self, factor: float) -> Iterator[None]:
        """Inside, the learning rate of each group is multiplied by `factor`.

        >>> w = Tensor([1.0], requires_grad=True)
        >>> o = Optimizer([w], lr=0.5)
        >>> with o.slowed(0.5):
        ...     print(o.lr)
        0.25
        """
        rates = [group["lr"] for group in self.param_groups]
        for group, rate in zip(self.param_groups, rates, strict=True):
            group["lr"] = rate * factor
        try:
            yield
        finally:
            for group, rate in zip(self.param_groups, rates, strict=True):
                group["lr"] = rate

    @property
    def steps(self) -> int:
        """Number of steps taken; of parameters that differ, the largest."""
        return max(self.counts)

    # --- saving ------------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """A copy of everything that the next step depends on, besides the parameters and their gradients.

        `{"state": {moment: arrays}, "counts": steps of each parameter, "param_groups": options}`, where the arrays are
        NumPy's, and a group's "params" are the positions of its parameters.

        >>> w = Tensor([1.0], requires_grad=True)
        >>> Optimizer([w], lr=0.5).state_dict()
        {'state': {}, 'counts': [0], 'param_groups': [{'params': [0], 'lr': 0.5}]}
        """
        return state.copy_of(self)

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Copy moments, counts and options from `saved`, as `state_dict` gives them; nothing is changed if anything
        does not fit. The next steps have the bits that those of the saved optimiser would have.

        Raises: ConfigError naming everything that is missing, unknown, of another shape, or out of range
        """
        groups, counts, moments = state.fitting(self, saved, self._ranges)
        for group, new in zip(self.param_groups, groups, strict=True):
            group.update(new)
        self.state, self.counts = moments, counts

    def __repr__(self) -> str:
        lines = [
            ", ".join([f"{len(group['params'])} parameters", *(f"{k}={v}" for k, v in group.items() if k != "params")])
            for group in self.param_groups
        ]
        return f"{type(self).__name__}({f'{chr(10)}  '.join(lines)})"

    # --- checks ------------------------------------------------------------------------------------------------------

    def _checked_options(self, name: str) -> list[dict[str, Any]]:
        """The options of each group, which may have been changed since the last step, as plain numbers."""
        if len(self.param_groups) == 1:
            titles = [name]
        else:
            titles = [f"{name}: group {index}" for index in range(len(self.param_groups))]
        for title, group in zip(titles, self.param_groups, strict=True):
            if group.keys() != self._options.keys():
                raise ArgumentError(
                    f"{title}: its options are {', '.join(map(str, group))}, but must be {', '.join(self._options)}"
                )
        options = [checked(title, group, self._ranges) for title, group in zip(titles, self.param_groups, strict=True)]
        for title, of_group in zip(titles, options, strict=True):
            self.check(title, of_group)
        return options

    def _check_gradients(self, name: str, pairs: Iterable[tuple[int, Tensor, Any]]) -> None:
        for index, p, g in pairs:
            if not isinstance(g, Tensor):
                raise DTypeError(f"{name}: gradient {index} is {type(g).__name__}; wrap the array: Tensor(array)")
            ours, theirs = p._array, g._array
            if ours.dtype is theirs.dtype and ours.shape == theirs.shape and ours.__class__ is theirs.__class__:
                continue
            elsewhere = type(ours) is not type(theirs) and p.device != g.device
            if ours.shape != theirs.shape or ours.dtype != theirs.dtype or elsewhere:
                raise ShapeError(
                    f"{name}: gradient {index} is unlike its parameter\n"
                    f"  parameter {p.shape} {p.dtype} {p.device}   gradient {g.shape} {g.dtype} {g.device}"
                )

    def _check_arrays(self, name: str, indices: Iterable[int]) -> None:
        """Raise an ArgumentError unless these parameters' arrays are writable and no two arrays share memory."""
        count, arrays = len(self.parameters), [p._array for p in self.parameters]
        self._kept = self.kept(self.param_groups)
        for moment in self._kept:
            row = self.state.get(moment, ())
            if len(row) != count:
                raise ArgumentError(
                    f"{name}: state[{moment!r}] has {len(row)} arrays for {count} parameters\n"
                    "  an option that needs it is given when the optimiser is made; make a new one"
                )
            arrays += row
        replaced = len(arrays) != len(self._admitted) or any(map(is_not, arrays, self._admitted))
        for place in range(count, len(arrays)) if replaced else ():
            self._check_moment(name, place, arrays[place])
        if not all(map(is_writable, arrays)):
            for place in chain.from_iterable([range(index, len(arrays), count) for index in indices]):
                if not is_writable(arrays[place]):
                    raise ArgumentError(f"{name}: {self._title(place)} is read-only, but written to\n  {_COPY}")
        if replaced and (shared := overlap(arrays)) is not None:
            one, other = (self._title(place) for place in shared)
            what = "repeats elements in memory" if one == other else f"and {other} share memory"
            raise ArgumentError(f"{name}: {one} {what}, which would be updated twice\n  {_COPY}")
        self._admitted = arrays

    def _check_moment(self, name: str, place: int, array: Any) -> None:
        kind, index = divmod(place, len(self.parameters))
        p, moment = self.parameters[index], self._kept[kind - 1]
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
        of = f"{self._kept[kind - 1]} of " if kind else ""
        return f"{of}parameter {index} {self.parameters[index].shape}"


def _same(tensors: Sequence[Tensor], others: Sequence[Tensor]) -> bool:
    """True for the very same Tensors, in order."""
    return len(tensors) == len(others) and not any(map(is_not, tensors, others))
