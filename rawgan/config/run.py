"""Configuration of a training run, whatever it trains: options, defaults, the check of all options, config.toml."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar, Self

from rawgan.config.data import DataOptions
from rawgan.config.machine import MachineOptions
from rawgan.config.measuring import MeasuringOptions
from rawgan.config.networks import NetworkOptions
from rawgan.config.objective import ObjectiveOptions
from rawgan.config.optimiser import DEFAULT_STEPS, OptimiserOptions
from rawgan.config.options import Changeable, Group, Place, composed, flat, names_with, options_of, replaced
from rawgan.config.output import OutputOptions
from rawgan.config.penalty import PenaltyOptions
from rawgan.config.start import StartOptions
from rawgan.data import KNOWN_SETS, MIXTURES
from rawgan.errors import ArgumentError, ConfigError, shown
from rawgan.files import expanded
from rawgan.gan import DataSpec, LossConfig


class RunConfig(ABC):
    """Configuration of a training run. Each command has its own: a frozen dataclass of the groups of options it needs.

    `of` takes options by their names on the command line, and sets all others: the dataclass has constant defaults,
    `defaults_for` those that suit the data and the model, and `derived` those that follow from other options.
    """

    command: ClassVar[str]
    """Name of the command, without `rawgan`."""
    data: DataOptions
    networks: NetworkOptions
    start: StartOptions
    objective: ObjectiveOptions
    penalty: PenaltyOptions
    optimiser: OptimiserOptions
    output: OutputOptions
    measuring: MeasuringOptions
    machine: MachineOptions
    seed: int

    # --- options ------------------------------------------------------------------------------------------------------

    @classmethod
    def of(cls, **options: Any) -> Self:
        """The configuration with these options, by their names on the command line. None leaves one unset.

        Raises: TypeError for a name that is no option

        >>> from rawgan.config.noise import TrainConfig
        >>> TrainConfig.of(width=32).networks.d_width
        32
        """
        given = {name: value for name, value in options.items() if value is not None}
        config = composed(cls, cls.defaults_for(given) | given)
        return replaced(config, {name: value for name, value in config.derived.items() if config.options[name] is None})

    @classmethod
    def defaults_for(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Constant defaults that differ from those of the dataclass, beside options that are given."""
        return {}

    @property
    def derived(self) -> dict[str, Any]:
        """Values, by name, that options take from the others if they are unset. None: an option stays unset."""
        return {
            "steps": None if self.optimiser.epochs is not None else self.default_steps,
            "d_width": self.networks.width,
            "penalty_weight": self.penalty.default_weight(points=self.data.mixture is not None),
        }

    @property
    def missing(self) -> str | None:
        """Name of an option that every run writes down but that is unset here; None if there is no such option."""
        return "channels" if self.data.channels is None else None

    @property
    def default_steps(self) -> int:
        """Number of training steps, if no option sets it."""
        return DEFAULT_STEPS

    @property
    def options(self) -> dict[str, Any]:
        """Every option by its name on the command line."""
        return flat(self)

    @property
    def underived(self) -> dict[str, Any]:
        """Options by name, but for those that have the value that follows from the others."""
        derived = self.derived
        return {name: value for name, value in self.options.items() if name not in derived or value != derived[name]}

    @property
    def given(self) -> dict[str, Any]:
        """Options by name, but for those that `of` would set to the same value if they were left out."""
        usual = flat(composed(type(self), self.defaults_for(self.options)))
        return {name: value for name, value in self.underived.items() if value != usual[name]}

    def replace(self, **options: Any) -> Self:
        """The configuration with some options changed. Options that follow from these, such as a model's own defaults,
        change with them.

        >>> from rawgan.config.noise import TrainConfig
        >>> TrainConfig.of(width=16).replace(width=32).networks.d_width
        32
        >>> TrainConfig.of(width=16, d_width=8).replace(width=32).networks.d_width
        8
        """
        return self.of(**self.given | options)

    @property
    def places(self) -> dict[str, str | None]:
        """Names of data sets, and paths, by option."""
        options = self.options
        return {name: options[name] for name in names_with(type(self), Place)}

    def with_absolute_paths(self) -> Self:
        """The same configuration for any working directory."""
        found = {name: absolute(place) for name, place in self.paths.items()}
        if self.start.place is not None:
            found["init"] = absolute_path(self.start.place)
        return self.replace(**found)

    @property
    def paths(self) -> dict[str, str]:
        """Places by option, but for those that are unset, and for the names that an option takes instead of a path."""
        markers = {name: option.marker(Place) for name, option in options_of(type(self)).items()}
        return {
            name: place for name, place in self.places.items()
            if place is not None and (marker := markers[name]) is not None and place not in marker.names
        }  # fmt: skip

    # --- check --------------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Raise an ArgumentError for an option that makes no sense, before anything is read or built."""
        for group in self._groups():
            group.check()
        for option in options_of(type(self)).values():
            if not option.group:
                option.check(getattr(self, option.field))
        every = self.defaults_for(self.options).get("penalty_every", 1)
        if self.penalty.name == "none" and (self.penalty.weight is not None or self.penalty.every not in (1, every)):
            raise ArgumentError("penalty_weight and penalty_every have no effect without --penalty; leave them out")

    def _groups(self) -> Iterator[Group]:
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if isinstance(value, Group):
                yield value

    def check_resumed(self, before: Self, folder: Path) -> None:
        """Raise an ArgumentError for a change with which the run in a folder would become another run."""
        now = self.with_absolute_paths().options
        may_differ = names_with(type(self), Changeable) | names_with(type(self), Place)
        for name, value in before.with_absolute_paths().options.items():
            if name not in may_differ and now[name] != value:
                flag = options_of(type(self))[name].flag
                given = f"{flag} {now[name]}"
                if isinstance(now[name], bool):
                    flag = given = flag if now[name] else f"--no-{flag.removeprefix('--')}"
                raise ArgumentError(
                    f"{given}: the run to resume has {value}, and would become another run\n"
                    f"  leave {flag} out; or begin a new run with --config {folder} {given}"
                )

    # --- config.toml --------------------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Contents of config.toml: the command, and every option."""
        return {"command": self.command, **self.options}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], source: str, checked: bool = True) -> Self:
        """The configuration of a TOML file, checked as a whole.

        Raises: ConfigError, naming the source, for an unknown option, a value of the wrong type, or another command's

        >>> from rawgan.config.noise import TrainConfig
        >>> TrainConfig.from_dict({"steps": 10}, "my.toml").optimiser.steps
        10
        """
        config = cls.of(**cls.read(values, source))
        try:
            if checked:
                config.check()
        except ArgumentError as error:
            raise ConfigError(f"{source}: {error}") from error
        return config

    @classmethod
    def read(cls, values: Mapping[str, Any], source: str) -> dict[str, Any]:
        """Options of a TOML file, checked one by one.

        Raises: ConfigError as `from_dict`
        """
        command, options = values.get("command", cls.command), options_of(cls)
        if command != cls.command:
            raise ConfigError(
                f"{source} is of rawgan {shown(command)}, not of rawgan {cls.command}\n  give it to that command"
            )
        found = {}
        for name, value in values.items():
            if name == "command" or value is None:
                continue
            if name not in options:
                near = get_close_matches(name, options, n=1)
                raise ConfigError(
                    f"{source}: there is no option {shown(name)}{f'; did you mean {near[0]}?' if near else ''}\n"
                    f"  options: {', '.join(options)}"
                )
            if not options[name].accepts(value):
                raise ConfigError(f"{source}: {name} = {shown(value)}, but it should be {options[name].in_words}")
            found[name] = tuple(value) if isinstance(value, list) else value
            try:
                options[name].check(found[name])  # before anything is computed of it
            except ArgumentError as error:
                raise ConfigError(f"{source}: {error}") from error
        return found

    # --- uses ---------------------------------------------------------------------------------------------------------

    def loss_config(self) -> LossConfig:
        """Losses of a training step."""
        config = LossConfig(
            objective=self.objective.name,
            smooth_real=self.objective.smooth_real,
            smooth_fake=self.objective.smooth_fake,
            instance_noise=self.objective.instance_noise,
            noise_steps=self.objective.noise_steps,
            seed=self.seed,
        )
        weight = self.derived["penalty_weight"] if self.penalty.weight is None else self.penalty.weight
        if weight is None:
            return config
        return dataclasses.replace(
            config, penalty=self.penalty.name, penalty_weight=weight, penalty_every=self.penalty.every
        )

    @property
    @abstractmethod
    def spec(self) -> DataSpec:
        """DataSpec of data that pictures show."""

    @property
    @abstractmethod
    def model(self) -> str:
        """Name of the model."""

    @abstractmethod
    def use(self, run: Path) -> str:
        """Way to use a finished run, for people."""

    @property
    def files(self) -> dict[str, Path]:
        """Files of classifiers and feature extractors that a run reads, by option."""
        return {}


def absolute(place: str) -> str:
    """Absolute path of a place; names of known sets as they are.

    >>> absolute("mnist"), absolute("./mnist") == str(Path.cwd() / "mnist")
    ('mnist', True)
    """
    return place if place in KNOWN_SETS or place in MIXTURES else absolute_path(place)


def absolute_path(path: str) -> str:
    """Absolute form of a path, with the home folder for `~`."""
    try:
        return str(expanded(path).absolute())
    except FileNotFoundError:  # the working directory has been deleted
        return path
