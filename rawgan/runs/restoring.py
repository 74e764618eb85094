"""What a run's configuration and checkpoints stand for: its images, its networks."""

from rawgan.data import ImageSet, load
from rawgan.data.imageset import Progress
from rawgan.errors import ConfigError, DataError
from rawgan.gan import GAN, build
from rawgan.runs.checkpoint import Checkpoint
from rawgan.runs.config import TrainConfig
from rawgan.runs.folder import RunFolder
from rawgan.runs.options import RANGES, check_range
from rawgan.runs.state import restore_gan
from rawgan.runs.translate_config import KINDS


def config_of(folder: RunFolder) -> TrainConfig:
    """The configuration of a run of `rawgan train`.

    Raises: ConfigError if it is missing or damaged, or of another command
    """
    values = folder.read_config()
    if values.get("command") in [kind.command for kind in KINDS]:
        raise ConfigError(
            f"{folder.path} makes images out of images, not out of noise\n"
            f"  give it some: rawgan apply {folder.path} IMAGES"
        )
    return TrainConfig.from_dict(values, str(folder.config_file))


def images_of(config: TrainConfig, on_progress: Progress = lambda done, total: None) -> ImageSet:
    """The images that a run is about.

    Raises: DataError for images that cannot be read
    """
    return load(
        config.data,
        image_size=config.size,
        channels=config.channels,
        skip_broken=config.skip_broken,
        on_progress=on_progress,
    )


def checkpoint_of(folder: RunFolder, best: bool = False) -> Checkpoint:
    """The latest checkpoint of a run that is whole, or its best one.

    Raises: ConfigError if there is none, or it is damaged
    """
    checkpoint = folder.best_checkpoint() if best else folder.newest_checkpoint()[0]
    if checkpoint is None:
        command = folder.read_config().get("command", TrainConfig.command)
        raise ConfigError(
            f"{folder.path} has no checkpoint yet\n"
            f"  let it train until it has: rawgan {command} --resume {folder.path}; or choose another run"
        )
    return checkpoint


def restore(folder: RunFolder, device_name: str = "cpu", best: bool = False) -> tuple[GAN, int]:
    """The networks of a run, as its latest checkpoint has them, or its best one; and the step of that.

    Raises: ConfigError if the configuration or the checkpoint is missing, damaged, or they do not fit each other
    """
    config = config_of(folder)
    if config.channels is None and config.mixture is None:
        raise ConfigError(f"{folder.config_file}: a run's configuration must say channels, as rawgan writes it")
    if config.conditional != "none" and config.classes is None:
        raise ConfigError(
            f"{folder.config_file}: a conditional run's configuration must say classes, as rawgan writes it"
        )
    checkpoint = checkpoint_of(folder, best)
    gan = build_gan(config, device_name)
    restore_gan(gan, checkpoint)
    return gan, checkpoint.about.step


def classes_of(config: TrainConfig, images: ImageSet) -> int | None:
    """How many classes the run tells apart; None if it does not.

    Raises: DataError for images without labels, or of another number of classes than the configuration says
    """
    if config.conditional == "none":
        return None
    found = images.count_classes()
    check_range("classes", found, *RANGES["classes"])
    if config.classes not in (None, found):
        raise DataError(
            f"{images.name}: its labels number {found} classes, but --classes says {config.classes}\n"
            "  leave --classes out, or choose the data that it is about"
        )
    return found


def build_gan(config: TrainConfig, device_name: str) -> GAN:
    """The networks of a run, as they are before its first step."""
    return build(
        config.model,
        config.kind,
        noise_size=config.noise_size,
        width=config.width,
        d_width=config.d_width,
        learning_rate=config.learning_rate,
        d_learning_rate=config.d_learning_rate,
        pack=config.pack,
        average_decay=config.ema,
        spectral_norm=config.spectral_norm,
        conditional=config.conditional,
        classes=config.classes or 0,
        seed=config.seed,
        device=device_name,
    )
