"""Parts that commands about latent vectors share: the run, files of latents, names of their results."""

from collections.abc import Iterable
from pathlib import Path

from rich.console import Console

from rawgan.cli.terminal.text import say
from rawgan.config.noise import TrainConfig
from rawgan.errors import ArgumentError
from rawgan.inference.latent_files import Latent, latent_of, read_latent
from rawgan.inference.latents import LatentSpace
from rawgan.inference.trained_networks import config_of
from rawgan.storage import RunFolder


def image_run(folder: RunFolder, purpose: str) -> TrainConfig:
    """Read the configuration of a run of `rawgan train` that makes images.

    Raises: ArgumentError for a run that makes points; ConfigError as `config_of`
    """
    run = config_of(folder)
    if run.data.mixture:
        raise ArgumentError(f"{folder.path} makes points, and {purpose}\n  see them all: rawgan sample {folder.path}")
    return run


def latents_in(console: Console, paths: Iterable[Path], space: LatentSpace, run: Path) -> list[Latent]:
    """Read files of latents for a generator, and say which of them were made with other weights.

    Raises: as `read_latent`
    """
    latents = [(path, read_latent(path, space)) for path in paths]
    weights = latent_of(space, space.centre, None).weights
    others = [path.name for path, latent in latents if latent.weights != weights]
    if others:
        say(console, f"found with other weights than those of {run}, so images may differ: {', '.join(others)}")
    return [latent for _, latent in latents]


def file_of(out: Path | None, default: Path, form: str | None) -> Path:
    """File to write: as given, or the default one; `form` is its suffix, without the dot.

    Raises: ArgumentError for a given file of another format

    >>> file_of(None, Path("runs/a/walk-seed-0.png"), "mp4").as_posix()
    'runs/a/walk-seed-0.mp4'
    """
    if out is None:
        return default if form is None else default.with_name(f"{default.name.removesuffix(default.suffix)}.{form}")
    if form is not None and out.suffix.lower() != f".{form}":
        raise ArgumentError(f"--format {form}: {out} says otherwise; leave one of the two out")
    return out
