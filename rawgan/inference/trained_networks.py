"""Trained networks of a run: its configuration and the networks of its latest or best checkpoint."""

import sys
from functools import partial
from typing import Any

from rawgan.config.commands import kind_of
from rawgan.config.noise import TrainConfig
from rawgan.config.options import Changeable, names_with
from rawgan.config.run import RunConfig
from rawgan.config.translation import PairedConfig, TranslateConfig
from rawgan.errors import ArgumentError, ConfigError, one_line
from rawgan.gan import GAN, Translator
from rawgan.storage.checkpoint import About, Checkpoint
from rawgan.storage.run_folder import RunFolder
from rawgan.storage.toml_file import toml_text
from rawgan.tasks import task_class
from rawgan.training.state import check_on_paper, restore_gan


def config_of(folder: RunFolder) -> TrainConfig:
    """Read the configuration of a run of `rawgan train`.

    Raises: ConfigError if it is missing or damaged, or of another command
    """
    values = folder.read_config()
    if kind_of(values) is not TrainConfig:
        raise ConfigError(
            f"{folder.path} translates images, and makes none from noise\n"
            f"  give it some: rawgan apply {folder.path} IMAGES"
        )
    return TrainConfig.from_dict(values, str(folder.config_file))


def translation_config_of(folder: RunFolder) -> TranslateConfig | None:
    """Read the configuration of a run that translates images; None for a run of `rawgan train`.

    Raises: ConfigError if it is missing or damaged
    """
    values = folder.read_config()
    kind = kind_of(values)
    return kind.from_dict(values, str(folder.config_file)) if issubclass(kind, TranslateConfig) else None


def run_config_of(folder: RunFolder) -> RunConfig:
    """Read the configuration of a run of any command.

    Raises: ConfigError if it is missing or damaged
    """
    values = folder.read_config()
    return kind_of(values).from_dict(values, str(folder.config_file))


def restore(folder: RunFolder, device_name: str = "cpu", best: bool = False) -> tuple[GAN, int]:
    """Restore the networks of a run of `rawgan train` from its latest or best checkpoint; return them and its step.

    Raises: ConfigError if the configuration or the checkpoint is missing or damaged, or if they do not fit each other
    """
    networks, about = restore_networks(folder, config_of(folder), device_name, best)
    assert isinstance(networks, GAN)
    return networks, about.step


def restore_networks(
    folder: RunFolder, config: RunConfig, device_name: str = "cpu", best: bool = False
) -> tuple[Any, About]:
    """Restore the networks of a run; return them and the facts in its checkpoint.

    Raises: ConfigError as `restore`
    """
    if missing := config.missing:
        raise ConfigError(f"{folder.config_file}: a run's configuration must say {missing}, as rawgan writes it")
    checkpoint = checkpoint_of(folder, best)
    build = partial(task_class(config).networks, config, device_name)
    check_on_paper(build, checkpoint, device_name)
    networks = build()
    restore_gan(networks, checkpoint)
    return networks, checkpoint.about


def restore_comparable(
    folder: RunFolder, config: TranslateConfig, about: About, device_name: str = "cpu", best: bool = False
) -> tuple[Translator, About]:
    """Restore the network of another run that makes the same of the same images, to be compared.

    `config` and `about` are those of the run that it is compared with.

    Raises: ConfigError as `restore`; ArgumentError for a run that makes something else
    """
    other = translation_config_of(folder)
    if not (isinstance(config, PairedConfig) and isinstance(other, PairedConfig)):
        raise ArgumentError(f"{folder.path} and this run are not both of rawgan pix2pix or enhance; leave it out")
    network, other_about = restore_networks(folder, other, device_name, best)
    wanted, found = config.facts, other.facts
    if other_about.made_by.get("images") == about.made_by.get("images"):  # wherever they were
        found |= {name: wanted[name] for name in ("data", "targets") if name in wanted}
    others = [f"{name} {found[name]}, not {wanted.get(name)}" for name in found if found[name] != wanted.get(name)]
    if others:
        raise ArgumentError(
            f"{folder.path} does not make the same of the same images; leave it out\n  it has {', '.join(others)}"
        )
    assert isinstance(network, Translator)
    return network, other_about


def checkpoint_of(folder: RunFolder, best: bool = False) -> Checkpoint:
    """Read the latest checkpoint of a run that is whole, or its best one. Damaged ones are reported on stderr.

    Raises: ConfigError if there is none, if it is damaged or cannot be read, or if config.toml has lost lines
    """
    checkpoint, faults = (folder.best_checkpoint(), []) if best else folder.newest_checkpoint()
    values = folder.read_config()
    if checkpoint is None:
        command = values.get("command", TrainConfig.command)
        raise ConfigError(
            f"{folder.path} has no checkpoint yet\n"
            f"  let it train until it has: rawgan {command} --resume {folder.path}; or choose another run"
        )
    report_damaged(faults, checkpoint)
    check_complete(folder, values, checkpoint)
    return checkpoint


def check_complete(folder: RunFolder, values: dict[str, Any], checkpoint: Checkpoint) -> None:
    """Raise a ConfigError if the `values` of config.toml lack options that the checkpoint knows.

    Otherwise, default values would replace them silently.
    """
    known, changeable = checkpoint.about.config, names_with(kind_of(values), Changeable)
    missing = {
        name: value
        for name, value in known.items()
        if value is not None and name not in values and name not in changeable
    }
    if missing:
        raise ConfigError(
            f"{folder.config_file} is not whole: it lacks options of step {checkpoint.about.step:,}\n"
            f"  add these lines: {'; '.join(toml_text(missing).splitlines())}"
        )


def report_damaged(faults: list[str], checkpoint: Checkpoint) -> None:
    """Print a line on stderr that names the damaged checkpoints and the step that is used instead."""
    if faults:
        print(one_line(f"rawgan: {'; '.join(faults)}; step {checkpoint.about.step:,} is used instead"), file=sys.stderr)
