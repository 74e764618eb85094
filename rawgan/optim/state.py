"""State of an optimiser: copied, and checked before it is loaded."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from rawgan.device import to_device
from rawgan.errors import ConfigError, RawganError, shown
from rawgan.nn.base.loading import as_weights
from rawgan.optim.groups import Between, checked
from rawgan.tensor import Tensor

KEYS = "state", "counts", "param_groups"


class Stateful(Protocol):
    """The part of an Optimizer that has, and knows, its state."""

    parameters: list[Tensor]
    param_groups: list[dict[str, Any]]
    counts: list[int]
    state: dict[str, list[Any]]

    def kept(self, groups: Iterable[Mapping[str, Any]]) -> list[str]:
        """Names of the moments that any of these groups needs."""

    def check(self, name: str, options: Mapping[str, Any]) -> None:
        """Raise an ArgumentError for options of a group that are wrong, or do not go together."""


def copy_of(optimizer: Stateful) -> dict[str, Any]:
    """A copy of an optimiser's moments, counts and options: see `Optimizer.state_dict`."""
    return {
        "state": {
            moment: [to_device(array, "cpu").copy() for array in arrays] for moment, arrays in optimizer.state.items()
        },
        "counts": list(optimizer.counts),
        "param_groups": [
            {**group, "params": places}
            for group, places in zip(optimizer.param_groups, _places(optimizer), strict=True)
        ],
    }


def fitting(
    optimizer: Stateful, saved: Any, ranges: Mapping[str, Between]
) -> tuple[list[dict[str, Any]], list[int], dict[str, list[Any]]]:
    """Options by group, counts and moments of a saved state, for an optimiser, which stays as it is.

    Raises: ConfigError naming everything that does not fit
    """
    name = type(optimizer).__name__
    if not isinstance(saved, Mapping) or set(saved) != set(KEYS):
        found = f"a dict of {shown(list(saved))}" if isinstance(saved, Mapping) else type(saved).__name__
        raise ConfigError(
            f"{name}: the state must be a dict of {', '.join(KEYS)}, as state_dict() gives it, but is {found}"
        )
    faults: list[str] = []
    groups = _groups(optimizer, saved["param_groups"], ranges, faults)
    counts = _counts(optimizer, saved["counts"], faults)
    moments = {} if faults else _moments(optimizer, saved["state"], optimizer.kept(groups), faults)
    if faults:
        raise ConfigError("\n".join([f"{name}: the state does not fit this optimiser", *faults]))
    return groups, counts, moments


def _places(optimizer: Stateful) -> list[list[int]]:
    """Positions of each group's parameters among all of them."""
    places = iter(range(len(optimizer.parameters)))
    return [[next(places) for _ in group["params"]] for group in optimizer.param_groups]


def _groups(optimizer: Stateful, saved: Any, ranges: Mapping[str, Between], faults: list[str]) -> list[dict[str, Any]]:
    own = optimizer.param_groups
    if not isinstance(saved, list | tuple) or len(saved) != len(own):
        found = f"{len(saved)} groups" if isinstance(saved, list | tuple) else type(saved).__name__
        faults.append(f"  param_groups: {found} instead of {len(own)}")
        return []
    groups = []
    for index, (group, mine, places) in enumerate(zip(saved, own, _places(optimizer), strict=True)):
        title = f"  group {index}"
        if not isinstance(group, Mapping):
            faults.append(f"{title}: {type(group).__name__} instead of a dict")
        elif differing := set(group) ^ set(mine):
            faults += [
                f"{title}: {shown(key)} is {'missing' if key in mine else 'unknown'}"
                for key in sorted(differing, key=str)
            ]
        elif not isinstance(group["params"], list | tuple) or list(group["params"]) != places:
            faults.append(f"{title}: its parameters are {shown(group['params'])}, but here {shown(places)}")
        else:
            try:
                options = checked(title, group, ranges)
                optimizer.check(title, options)
                groups.append(options)
            except RawganError as error:
                faults.append(str(error))
    return groups


def _counts(optimizer: Stateful, saved: Any, faults: list[str]) -> list[int]:
    count = len(optimizer.parameters)
    if not isinstance(saved, list | tuple) or len(saved) != count:
        found = f"{len(saved)} numbers" if isinstance(saved, list | tuple) else type(saved).__name__
        faults.append(f"  counts: {found} for {count} parameters")
        return []
    if not all(isinstance(each, int) and each >= 0 for each in saved):
        faults.append(f"  counts must be numbers of steps, but are {shown(saved)}")
        return []
    return list(saved)


def _moments(optimizer: Stateful, saved: Any, kept: list[str], faults: list[str]) -> dict[str, list[Any]]:
    if not isinstance(saved, Mapping) or set(saved) != set(kept):
        found = shown(list(saved)) if isinstance(saved, Mapping) else type(saved).__name__
        faults.append(f"  state: {found} instead of {kept}")
        return {}
    moments: dict[str, list[Any]] = {}
    for moment in kept:
        arrays = saved[moment]
        if not isinstance(arrays, list | tuple) or len(arrays) != len(optimizer.parameters):
            found = f"{len(arrays)} arrays" if isinstance(arrays, list | tuple) else type(arrays).__name__
            faults.append(f"  state[{moment!r}]: {found} for {len(optimizer.parameters)} parameters")
            continue
        moments[moment] = []
        for index, (array, p) in enumerate(zip(arrays, optimizer.parameters, strict=True)):
            try:
                moments[moment].append(as_weights(array, p))
            except RawganError as error:
                faults.append(f"  state[{moment!r}][{index}] {error}")
    return moments
