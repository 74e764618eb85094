"""Configurations of runs by the command that trains them."""

from collections.abc import Mapping
from typing import Any

from rawgan.config.noise import TrainConfig
from rawgan.config.run import RunConfig
from rawgan.config.translation import CycleConfig, EnhanceConfig, Pix2pixConfig

CONFIGS: tuple[type[RunConfig], ...] = (TrainConfig, Pix2pixConfig, EnhanceConfig, CycleConfig)


def kind_of(values: Mapping[str, Any]) -> type[RunConfig]:
    """The class of the configuration that a config.toml holds; that of `rawgan train` if it names no command that
    trains.

    >>> kind_of({"command": "enhance"}).__name__
    'EnhanceConfig'
    """
    return next((kind for kind in CONFIGS if kind.command == values.get("command")), TrainConfig)
