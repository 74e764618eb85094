"""Options declared as fields of frozen dataclasses: name, type, default, range, help in one place.

A field stands for an option. Its annotation carries markers: the numbers or names that the option may be, and its name
where the field has a shorter one. A field that is a `Group` stands for the options of that group.

    class PenaltyOptions(Group):
        name: Annotated[str, Named("penalty"), OneOf(("none", "r1"))] = "none"
        weight: Annotated[float | None, Named("penalty_weight"), Above(0, 10**6)] = None

Outside of Python the options are flat: `--penalty-weight` on the command line, `penalty_weight` in config.toml.
"""

import dataclasses
import math
import re
import typing
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeVar

from rawgan.errors import ArgumentError, shown

Config = TypeVar("Config")

NAMES = tuple[str, ...]
"""Type of an option that is a list of names."""


class Named(NamedTuple):
    """Marker: name of the option, where the field has a shorter one."""

    option: str


class Word(NamedTuple):
    """Marker: word that stands for the value in help, such as FILE."""

    word: str


class Range(NamedTuple):
    """Marker: least and greatest number that the option may be."""

    least: float
    most: float

    def check(self, name: str, value: float) -> None:
        """Raise an ArgumentError for a number outside of the range.

        >>> Range(1, 99).check("count", 0)
        Traceback (most recent call last):
        rawgan.errors.ArgumentError: count must lie in 1 ... 99, but is 0
        """
        if not self.least <= value <= self.most:
            raise ArgumentError(f"{name} must lie in {self.least} ... {self.most}, but is {shown(value)}")


class Above(NamedTuple):
    """Marker: the option is more than `least`, and at most `most` or, if that is infinite, finite."""

    least: float
    most: float

    def check(self, name: str, value: float) -> None:
        """Raise an ArgumentError for any other number."""
        if not self.least < value <= self.most or value == math.inf:
            end = "and finite" if math.isinf(self.most) else f"and at most {self.most}"
            raise ArgumentError(f"{name} must be more than {self.least} {end}, but is {shown(value)}")


class Below(NamedTuple):
    """Marker: the option is at least `least` and less than `most`."""

    least: float
    most: float

    def check(self, name: str, value: float) -> None:
        """Raise an ArgumentError for any other number."""
        if not self.least <= value < self.most:
            raise ArgumentError(
                f"{name} must be at least {self.least} and less than {self.most}, but is {shown(value)}"
            )


class OneOf:
    """Marker: names that the option may be, such as those of a registry, whose entries have summaries.

    >>> from rawgan.gan import PENALTIES
    >>> OneOf(("none", *PENALTIES), PENALTIES).help[:47]
    'dragan: around real images; r1: at real images;'
    """

    def __init__(self, names: Collection[str], entries: Mapping[str, Any] = MappingProxyType({})) -> None:
        self.names = names
        self._entries = entries or (names if isinstance(names, Mapping) else {})

    @property
    def help(self) -> str:
        """Every name with its summary, for help; empty where entries have none."""
        return "; ".join(f"{name}: {entry.summary}" for name, entry in self._entries.items())

    def check(self, name: str, value: str) -> None:
        """Raise an ArgumentError for any other name."""
        if value not in self.names:
            near = get_close_matches(value, self.names, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; choose one of: {', '.join(self.names)}"
            raise ArgumentError(f"there is no {name} {shown(value)}{hint}")


class Place:
    """Marker: name of a data set, or path of a folder or file, which may have moved when a run is resumed; or one of
    certain other names."""

    def __init__(self, names: Collection[str] = ()) -> None:
        self.names = names

    def check(self, name: str, value: str) -> None:
        """Raise an ArgumentError for what can be neither a name nor a path that can be written down."""
        if not value or re.search(r"[\0\ud800-\udfff]", value):
            raise ArgumentError(f"{name} must be the name of a set or the path of a folder or file, but is {value!r}")


class Changeable:
    """Marker: the option may change when a run is resumed."""


class Hidden:
    """Marker: a fact about the data that a run writes down, no option for people."""


class Option(NamedTuple):
    """Declaration of an option."""

    name: str
    """As in config.toml; the flag has hyphens."""
    group: str
    """Field of the configuration that holds its group; empty if the configuration itself holds it."""
    field: str
    """Field of the group that holds its value."""
    owner: type
    """Dataclass of that field."""
    kind: Any
    """Type of the value."""
    default: Any
    """dataclasses.MISSING where a value has to be given."""
    markers: tuple[Any, ...] = ()

    def marker(self, kind: type[Config]) -> Config | None:
        """Its marker of a kind, if it has one."""
        return next((marker for marker in self.markers if isinstance(marker, kind)), None)

    @property
    def choices(self) -> tuple[Any, ...]:
        """All values that the option may have, where they can be listed."""
        if (names := self.marker(OneOf)) is not None:
            return tuple(names.names)
        return tuple(
            choice for kind in _alternatives(self.kind) if typing.get_origin(kind) is Literal
            for choice in typing.get_args(kind)
        )  # fmt: skip

    @property
    def flag(self) -> str:
        """The option as it is typed."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def kinds(self) -> tuple[Any, ...]:
        """Types that the value may have when it is set."""
        return tuple(kind for kind in _alternatives(self.kind) if kind is not type(None))

    def check(self, value: Any) -> None:
        """Raise an ArgumentError for a value that its markers do not allow."""
        for marker in self.markers if value is not None else ():
            if hasattr(marker, "check"):
                marker.check(self.name, value)

    def accepts(self, value: Any) -> bool:
        """True if a value that was read from TOML has the type of the option."""
        if self.marker(OneOf) is not None:
            return value in self.choices
        return any(_is_a(value, kind) for kind in _alternatives(self.kind))

    @property
    def in_words(self) -> str:
        """The values that `accepts` accepts, for an error."""
        if NAMES in self.kinds:
            return "a list of names"
        words = map(repr, self.choices) if self.choices else (kind.__name__ for kind in self.kinds)
        return " or ".join(words)


@dataclasses.dataclass(frozen=True)
class Group:
    """Options about one subject."""

    def check(self) -> None:
        """Raise an ArgumentError for an option that is out of its range, or makes no sense beside others of the group.

        >>> @dataclasses.dataclass(frozen=True)
        ... class Walk(Group):
        ...     steps: typing.Annotated[int, Range(1, 9)] = 3
        >>> Walk(steps=10).check()
        Traceback (most recent call last):
        rawgan.errors.ArgumentError: steps must lie in 1 ... 9, but is 10
        """
        for option in options_of(type(self)).values():
            option.check(getattr(self, option.field))


_DECLARED: dict[type, dict[str, Option]] = {}


def options_of(kind: type) -> dict[str, Option]:
    """The options of a dataclass by name, those of its groups among them, in the order of its fields.

    >>> from rawgan.config.noise import TrainConfig
    >>> options_of(TrainConfig)["penalty_weight"].markers[1:]
    (Above(least=0, most=1000000),)
    """
    if kind not in _DECLARED:
        _DECLARED[kind] = {option.name: option for option in _options(kind)}
    return _DECLARED[kind]


def _options(kind: type) -> Iterator[Option]:
    hints = typing.get_type_hints(kind, include_extras=True)
    for field in dataclasses.fields(kind):
        annotation, markers = hints[field.name], ()
        if typing.get_origin(annotation) is typing.Annotated:
            annotation, *rest = typing.get_args(annotation)
            markers = tuple(rest)
        if isinstance(annotation, type) and issubclass(annotation, Group):
            for option in options_of(annotation).values():
                yield option._replace(group=field.name, default=getattr(field.default, option.field))
        else:
            made = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
            option = Option(field.name, "", field.name, kind, annotation, made, markers)
            named = option.marker(Named)
            yield option if named is None else option._replace(name=named.option)


def names_with(kind: type, marker: type) -> set[str]:
    """Names of the options that have a marker.

    >>> from rawgan.config.noise import TrainConfig
    >>> sorted(names_with(TrainConfig, Place))
    ['data', 'evaluate_features']
    """
    return {name for name, option in options_of(kind).items() if option.marker(marker) is not None}


def flat(config: Any) -> dict[str, Any]:
    """The options of a configuration by name.

    >>> from rawgan.config.noise import TrainConfig
    >>> flat(TrainConfig.of(penalty="r1"))["penalty_weight"]
    1.0
    """
    return {name: value_of(config, option) for name, option in options_of(type(config)).items()}


def value_of(config: Any, option: Option) -> Any:
    """The value that a configuration has for an option."""
    return getattr(getattr(config, option.group) if option.group else config, option.field)


def composed(kind: type[Config], values: Mapping[str, Any]) -> Config:
    """A configuration with these values by name of the option, and for the others with the defaults of the fields.

    Raises: TypeError for a name that is no option
    """
    defaults = {
        field.name: field.default
        for field in dataclasses.fields(kind)  # type: ignore[arg-type]
        if field.default is not dataclasses.MISSING
    }
    return kind(**_with_values(kind, defaults, values))


def replaced(config: Config, values: Mapping[str, Any]) -> Config:
    """The configuration with other values, by name of the option."""
    now = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}  # type: ignore[arg-type]
    return type(config)(**_with_values(type(config), now, values))


def _with_values(kind: type, fields: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a configuration, groups among them, with other values by name of the option."""
    options, groups = options_of(kind), dict[str, dict[str, Any]]()
    for name, value in values.items():
        if name not in options:
            raise TypeError(f"{kind.__name__} has no option {name!r}")
        option = options[name]
        groups.setdefault(option.group, {})[option.field] = value
    own = groups.pop("", {})
    return fields | own | {name: dataclasses.replace(fields[name], **new) for name, new in groups.items()}


def _alternatives(kind: Any) -> tuple[Any, ...]:
    """The types that a union is made of, or the type by itself."""
    is_union = typing.get_origin(kind) not in (None, Literal, tuple)
    return typing.get_args(kind) if is_union else (kind,)


def _is_a(value: Any, kind: Any) -> bool:
    if kind == NAMES:
        return isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)
    if typing.get_origin(kind) is Literal:
        return value in typing.get_args(kind)
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is kind
