"""Parameter groups: parameters with options of their own, as dicts such as `{"params": [w, b], "lr": 0.01}`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rawgan.errors import ArgumentError, shown
from rawgan.ops.arguments import is_number
from rawgan.tensor import Tensor

Group = dict[str, Any]
"""A list of parameters under "params", and each option of the optimiser under its name."""


@dataclass(frozen=True)
class Between:
    """Range of an option: low ≤ value < high. With a `count`, the option is a tuple of as many such numbers."""

    low: float = 0.0
    high: float = float("inf")
    count: int | None = None


def groups_of(name: str, parameters: Any, defaults: Mapping[str, Any], ranges: Mapping[str, Between]) -> list[Group]:
    """Groups of the parameters that an optimiser is given: Tensors, or dicts. Options that a dict lacks are `defaults`.

    Raises: ArgumentError for parameters that cannot be trained, or are listed twice; for options that are unknown, or
            out of range
    """
    if isinstance(parameters, Tensor | Mapping) or not isinstance(parameters, Iterable):
        way_out = "put it into a list" if isinstance(parameters, Tensor | Mapping) else "pass model.parameters()"
        raise ArgumentError(f"{name}: parameters is {type(parameters).__name__}; {way_out}")
    _check_new(name, defaults, ranges)
    given = list(parameters)
    if not any(isinstance(each, Mapping) for each in given):
        given = [{"params": given}]
    groups: list[Group] = []
    for index, own in enumerate(given):
        title = f"{name}: group {index}"
        if not isinstance(own, Mapping) or isinstance(own.get("params"), Tensor | None):
            found = shown(sorted(own)) if isinstance(own, Mapping) else type(own).__name__
            raise ArgumentError(f'{title} is {found}; give each as {{"params": list of parameters, …}}')
        if not isinstance(own["params"], Iterable):
            raise ArgumentError(f'{title}: "params" is {type(own["params"]).__name__}; pass model.parameters()')
        if unknown := own.keys() - defaults.keys() - {"params"}:
            raise ArgumentError(
                f"{title}: unknown {', '.join(map(shown, sorted(unknown, key=str)))}\n  options: {', '.join(defaults)}"
            )
        options = {**defaults, **own}
        groups.append({"params": list(options.pop("params")), **_check_new(title, options, ranges)})
    _check_parameters(name, [p for group in groups for p in group["params"]])
    return groups


def checked(name: str, group: Mapping[str, Any], ranges: Mapping[str, Between]) -> dict[str, Any]:
    """The options of a group as plain numbers.

    Raises: ArgumentError for one that is out of range
    """
    found: dict[str, Any] = {}
    for option, value in group.items():
        if option == "params":
            continue
        between = ranges.get(option)
        if between is None:
            found[option] = value
        elif between.count is None:
            if not (type(value) is float and between.low <= value < between.high):  # the usual case costs no call
                check_range(name, option, value, between.low, between.high)
            found[option] = float(value)
        else:
            if not isinstance(value, tuple | list) or len(value) != between.count:
                numbers = "two numbers" if between.count == 2 else f"{between.count} numbers"
                raise ArgumentError(f"{name}: {option} must be {numbers}, but is {value!r}")
            for index, each in enumerate(value):
                if not (type(each) is float and between.low <= each < between.high):
                    check_range(name, f"{option}[{index}]", each, between.low, between.high)
            found[option] = tuple(map(float, value))
    return found


def check_range(name: str, option: str, value: float, low: float, high: float, low_open: bool = False) -> None:
    """Raise an ArgumentError unless low ≤ value < high; low < value if `low_open`."""
    if not is_number(value):
        raise ArgumentError(f"{name}: {option} must be a number, but is {shown(value)}")
    if not (low < value if low_open else low <= value) or not value < high:
        bound = f"more than {low:g}" if low_open else f"at least {low:g}"
        limit = f" and less than {high:g}" if high != float("inf") else " and finite"
        raise ArgumentError(f"{name}: {option} must be {bound}{limit}, but is {value}")


def _check_new(name: str, options: Mapping[str, Any], ranges: Mapping[str, Between]) -> dict[str, Any]:
    """As `checked`, for an optimiser that is being made: a learning rate of 0 would be a mistake."""
    check_range(name, "lr", options["lr"], 0, float("inf"), low_open=True)
    return checked(name, options, ranges)


def _check_parameters(name: str, parameters: list[Any]) -> None:
    if not parameters:
        raise ArgumentError(f"{name}: there are no parameters to update; pass model.parameters()")
    for index, p in enumerate(parameters):
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
    places: dict[int, int] = {}
    for index, p in enumerate(parameters):
        if (first := places.setdefault(id(p), index)) != index:
            raise ArgumentError(
                f"{name}: a parameter is listed twice, and would be updated twice\n"
                f"  parameters {first} and {index} are one, {p.shape}"
            )
