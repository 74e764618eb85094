"""What a run's configuration and checkpoints stand for: its images, its networks."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from rawgan.config.commands import kind_of
from rawgan.config.noise import TrainConfig
from rawgan.config.options import Changeable, names_with
from rawgan.config.run import RunConfig
from rawgan.data import KNOWN_SETS, MIXTURES
from rawgan.errors import ArgumentError, ConfigError, RawganError, one_line
from rawgan.gan import GAN
from rawgan.storage.checkpoint import About, Checkpoint
from rawgan.storage.run_folder import RunFolder
from rawgan.storage.toml_file import toml_text
from rawgan.tasks.noise import build_gan
from rawgan.training.state import check_on_paper, restore_gan

Config = TypeVar("Config", bound=RunConfig)


def config_of(folder: RunFolder) -> TrainConfig:
    """The configuration of a run of `rawgan train`.

    Raises: ConfigError if it is missing or damaged, or of another command
    """
    values = folder.read_config()
    if kind_of(values) is not TrainConfig:
        raise ConfigError(
            f"{folder.path} makes images out of images, not out of noise\n"
            f"  give it some: rawgan apply {folder.path} IMAGES"
        )
    return TrainConfig.from_dict(values, str(folder.config_file))


def elsewhere(config: Config, folder: RunFolder, data: str | None, targets: str | None) -> Config:
    """The configuration of a run whose images are elsewhere now, if that is given.

    Raises: ArgumentError for a place of what the run does not have
    """
    given: dict[str, Any] = {name: place for name, place in (("data", data), ("targets", targets)) if place is not None}
    for name, place in given.items():
        if config.options.get(name) is None:
            raise ArgumentError(f"--{name} {place}: {folder.path} has no {name}; leave it out")
    return config.replace(**given)


def check_moved(config: RunConfig, about: About, found: Mapping[str, str]) -> None:
    """Raise an ArgumentError for images, or a network to look at them with, that are at another place than when a run
    was trained, and are not the same. `found` has their digests, as `made_by` does.
    """
    for name, place in config.with_absolute_paths().places.items():
        before = about.config.get(name)
        fact = "images" if name in ("data", "targets") else name
        if place != before and found.get(fact) != about.made_by.get(fact):
            flag = f"--{name.replace('_', '-')}"
            raise ArgumentError(
                f"{flag} {place}: what is there is not what step {about.step:,} was trained with, which was {before}\n"
                f"  give the place where that is now, or begin a new run: rawgan {config.command} --config RUN "
                f"{flag} {place}"
            )


@contextmanager
def hinting(config: RunConfig, folder: RunFolder) -> Iterator[None]:
    """Inside, an error because images of a run are not where they were says how to tell where they are."""
    try:
        yield
    except RawganError as error:
        for name, place in config.places.items():
            if place is not None and place not in (*KNOWN_SETS, *MIXTURES) and not os.path.exists(place):
                flag = f"--{name.replace('_', '-')}"
                error.add(f"{folder.path} was trained with it; if it is elsewhere now, give {flag} PLACE")
        raise


def checkpoint_of(folder: RunFolder, best: bool = False) -> Checkpoint:
    """The latest checkpoint of a run that is whole, or its best one. Where later ones are damaged, it says so on
    stderr.

    Raises: ConfigError if there is none, if it is damaged or cannot be read, or if config.toml is not whole
    """
    checkpoint, faults = (folder.best_checkpoint(), []) if best else folder.newest_checkpoint()
    values = folder.read_config()
    if checkpoint is None:
        command = values.get("command", TrainConfig.command)
        raise ConfigError(
            f"{folder.path} has no checkpoint yet\n"
            f"  let it train until it has: rawgan {command} --resume {folder.path}; or choose another run"
        )
    tell_of_damaged(faults, checkpoint)
    check_whole(folder, values, checkpoint)
    return checkpoint


def check_whole(folder: RunFolder, values: dict[str, Any], checkpoint: Checkpoint) -> None:
    """Raise a ConfigError for a config.toml, whose values these are, that has lost lines: default values would take
    their places without a word."""
    known, changeable = checkpoint.about.config, names_with(kind_of(values), Changeable)
    missing = {
        name: value
        for name, value in known.items()
        if value is not None and name not in values and name not in changeable
    }
    if missing:
        raise ConfigError(
            f"{folder.config_file} is not whole: it lacks what step {checkpoint.about.step:,} was trained with\n"
            f"  add these lines: {'; '.join(toml_text(missing).splitlines())}"
        )


def tell_of_damaged(faults: list[str], checkpoint: Checkpoint) -> None:
    """Print a line on stderr that names the damaged checkpoints, and the step that is used instead."""
    if faults:
        print(one_line(f"rawgan: {'; '.join(faults)}; step {checkpoint.about.step:,} is used instead"), file=sys.stderr)


def restore(folder: RunFolder, device_name: str = "cpu", best: bool = False) -> tuple[GAN, int]:
    """The networks of a run, as its latest checkpoint has them, or its best one; and the step of that.

    Raises: ConfigError if the configuration or the checkpoint is missing, damaged, or they do not fit each other
    """
    config = config_of(folder)
    if config.data.channels is None and config.data.mixture is None:
        raise ConfigError(f"{folder.config_file}: a run's configuration must say channels, as rawgan writes it")
    if config.networks.conditional != "none" and config.networks.classes is None:
        raise ConfigError(
            f"{folder.config_file}: a conditional run's configuration must say classes, as rawgan writes it"
        )
    checkpoint = checkpoint_of(folder, best)
    check_on_paper(partial(build_gan, config, device_name), checkpoint, device_name)
    gan = build_gan(config, device_name)
    restore_gan(gan, checkpoint)
    return gan, checkpoint.about.step
