"""Data of a run that lies at another place than when the run was trained."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from rawgan.config.run import RunConfig
from rawgan.data import KNOWN_SETS, MIXTURES
from rawgan.errors import ArgumentError, RawganError
from rawgan.storage.checkpoint import About
from rawgan.storage.run_folder import RunFolder

Config = TypeVar("Config", bound=RunConfig)


def with_moved_data(config: Config, folder: RunFolder, data: str | None, targets: str | None) -> Config:
    """Configuration of a run with the places where its images are now, if these are given.

    Raises: ArgumentError for images that the run does not have
    """
    given: dict[str, Any] = {name: place for name, place in (("data", data), ("targets", targets)) if place is not None}
    for name, place in given.items():
        if config.options.get(name) is None:
            raise ArgumentError(f"--{name} {place}: {folder.path} has no {name}; leave it out")
    return config.replace(**given)


def check_same_data(config: RunConfig, about: About, found: Mapping[str, str]) -> None:
    """Raise an ArgumentError for images, or a feature extractor, at a new place that are not those of the training.

    `found` has their digests, as `about.made_by` has those of the training.
    """
    for name, place in config.with_absolute_paths().places.items():
        before = about.config.get(name)
        fact = "images" if name in ("data", "targets") else name
        if place != before and found.get(fact) != about.made_by.get(fact):
            flag = f"--{name.replace('_', '-')}"
            raise ArgumentError(
                f"{flag} {place}: differs from what step {about.step:,} was trained with, which was "
                f"{before or 'unset'}\n"
                f"  give the place where that is now, or begin a new run: rawgan {config.command} --config RUN "
                f"{flag} {place}"
            )


@contextmanager
def hinting_at_moved_data(config: RunConfig, folder: RunFolder) -> Iterator[None]:
    """Inside, add to an error about missing images of a run how to give their new place."""
    try:
        yield
    except RawganError as error:
        for name, place in config.paths.items():
            if place not in (*KNOWN_SETS, *MIXTURES) and not os.path.exists(place):
                flag = f"--{name.replace('_', '-')}"
                error.add(f"{folder.path} was trained with it; if it is elsewhere now, give {flag} PLACE")
        raise
