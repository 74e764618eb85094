"""Fine-tuning: the weights of another run, read for a run that begins with them."""

from typing import TypeVar

from rawgan.config.run import RunConfig
from rawgan.errors import ArgumentError, ConfigError
from rawgan.files import expanded
from rawgan.inference.trained_networks import checkpoint_of
from rawgan.storage import RunFolder
from rawgan.storage.checkpoint import Checkpoint, read
from rawgan.storage.lookup import is_folder
from rawgan.training.start import check_start, digest_of_weights, weights_of

Config = TypeVar("Config", bound=RunConfig)


def with_start(config: Config) -> tuple[Config, Checkpoint | None]:
    """Read the weights that `--init` names: the configuration with their digest, and the weights; None without them.

    Raises: ConfigError for a run without a whole checkpoint, or a file that is none; ArgumentError for weights of
        another model, or others than those whose digest the configuration has
    """
    if config.start.place is None:
        return config, None
    place = expanded(config.start.place)
    checkpoint = checkpoint_of(RunFolder.open(place)) if is_folder(place) else read(place)
    start = weights_of(checkpoint)
    check_start(config, start)
    digest = digest_of_weights(start.arrays)
    if config.start.digest not in (None, digest):
        raise ArgumentError(
            f"--init {config.start.place}: its weights are not those of digest {config.start.digest}, with which the "
            "run of this configuration began\n  to begin with these, leave init_digest out of the file"
        )
    return config.replace(init_digest=digest), start


def start_of(config: RunConfig, folder: RunFolder, begun: bool) -> Checkpoint | None:
    """The weights that a run began with: its own copy, or, unless it has `begun`, those of the other run.

    Raises: ConfigError for a copy of other weights
    """
    if config.start.place is None:
        return None
    start = folder.read_start()
    if start is not None:
        if digest_of_weights(start.arrays) != config.start.digest:
            raise ConfigError(
                f"{folder.start_file} has other weights than those that the run began with\n"
                "  have that file back, or delete it to go on without it"
            )
        return start
    return None if begun else with_start(config)[1]
