"""Runs: move an image along the directions in which images vary most."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import tyro

from rawgan.cli.class_labels import labels_of
from rawgan.cli.latent_runs import file_of, image_run, latents_in
from rawgan.cli.parsing import parse
from rawgan.cli.terminal.progress import progress_of, waiting
from rawgan.cli.terminal.text import Terminal, say
from rawgan.config.noise import TrainConfig
from rawgan.config.options import Above, Range, Word
from rawgan.device import resolve
from rawgan.errors import ArgumentError
from rawgan.gan import Labels, truncate
from rawgan.inference.directions import directions_of
from rawgan.inference.latents import LatentSpace, Vectors
from rawgan.inference.trained_networks import restore
from rawgan.pictures import save_animation, save_grid, tile
from rawgan.pictures.animation import check_format
from rawgan.storage import RunFolder

FRAMES, PER_SECOND = 24, 12
"""Frames from one end to the other, and frames per second."""
CAPTION = "standard deviations along each direction, and its share of the variance"
SCALE = 3
"""Enlargement of the images of the animation."""


@dataclass(frozen=True)
class ExploreConfig:
    """Move an image along the directions in which the images of a run vary most.

    A row shows a direction, with its share of the variance; columns go from −2 to 2 standard deviations. An animation
    beside the sheet shows all directions moving. With --model style, directions are the principal components of mapped
    vectors; with other models, they are those of noise that change images most.
    """

    run: Annotated[Path, tyro.conf.Positional, Word("RUN")]
    """The run folder, of rawgan train."""
    directions: Annotated[int, Range(1, 100)] = 8
    """Number of directions, the strongest first."""
    columns: Annotated[int, Range(2, 100)] = 7
    """Images in a row."""
    deviations: Annotated[float, Above(0, 100)] = 2.0
    """Standard deviations that the outer images are away from the middle."""
    start: Annotated[Path | None, Word("FILE")] = None
    """Move a picture of your own: a file that rawgan project or combine has written. Unset: a random image."""
    label: Annotated[str | None, Word("CLASS")] = None
    """Class of the random image of a conditional run, by name or number. Unset: the first one."""
    seed: Annotated[int, Range(0, 2**64 - 1)] = 0
    """Seed of the random image, and of the samples that directions are found from."""
    truncation: Annotated[float | None, Range(0, 1)] = None
    """Move the latent vector of the random image towards the average by this factor, such as 0.7."""
    best: bool = False
    """Use the best checkpoint, as --evaluate-every measured it, instead of the latest."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Device; auto takes a GPU if there is one."""
    format: Literal["gif", "webp", "mp4"] = "gif"
    """Format of the animation; mp4 needs the extra `video`."""
    out: Annotated[Path | None, Word("FILE")] = None
    """A .png file, the sheet. Unset: one in the run folder, named after the seed."""


def main(options: list[str]) -> int:
    """Make sheet and animation, and say where they are."""
    config = parse(ExploreConfig, "rawgan explore", options)
    if config.out is not None and config.out.suffix.lower() != ".png":
        raise ArgumentError(f"{config.out}: the sheet is a PNG file, so its name has to end in .png")
    check_format(file_of(None, _sheet(config), config.format))
    if config.start is not None:
        for name in ("label", "truncation"):
            if getattr(config, name) is not None:
                raise ArgumentError(f"--{name} is for a random image, but --start gives one; leave one of the two out")
    with RunFolder.open(config.run).held() as folder:
        return _explore(config, folder)


def _sheet(config: ExploreConfig) -> Path:
    """File of the sheet."""
    return config.out or config.run / f"directions-seed-{config.seed}.png"


def _explore(config: ExploreConfig, folder: RunFolder) -> int:
    """Explore a run."""
    console, run = Terminal(), image_run(folder, "a sheet shows images")
    gan, _ = restore(folder, resolve(config.device), config.best)
    space = LatentSpace.of(gan)
    with progress_of(console, "finding directions") as show:
        found = directions_of(space, config.directions, config.seed, show)
    base, label = _base(config, run, space, console)
    at_columns = np.linspace(-config.deviations, config.deviations, config.columns)
    in_time = config.deviations * np.sin(np.linspace(-np.pi / 2, np.pi / 2, FRAMES))
    times = np.concatenate([at_columns, in_time])
    moved = found.moved(base, times)
    labels = None if label is None else np.repeat(label, moved.shape[0] * moved.shape[1])
    with progress_of(console, "generating") as show:
        images = space.images(moved.reshape(-1, space.size), labels, show)
    images = images.reshape(*moved.shape[:2], *images.shape[1:])
    path = _sheet(config)
    with waiting(console, "writing"):
        sheet = images[:, : config.columns].reshape(-1, *images.shape[2:])
        titles = [f"{number} · {100 * share:.1f} %" for number, share in enumerate(found.shares, 1)]
        save_grid(
            path, sheet, config.columns, titles=titles, heads=[f"{time:+.1f}" for time in at_columns], caption=CAPTION
        )
        there = [tile(frame).repeat(SCALE, 0).repeat(SCALE, 1) for frame in images[:, config.columns :].swapaxes(0, 1)]
        animation = file_of(None, path, config.format)
        save_animation(animation, there + there[-2:0:-1], fps=PER_SECOND, hold_last=0.1)
    say(console, str(path), str(animation))
    return 0


def _base(
    config: ExploreConfig, run: TrainConfig, space: LatentSpace, console: Terminal
) -> tuple[Vectors, Labels | None]:
    """Vector of the image to move, and its class, if the generator needs to be told."""
    if config.start is not None:
        (latent,) = latents_in(console, [config.start], space, config.run)
        return latent.vector, None if latent.label is None else np.array([latent.label])
    gan = truncate(space.gan, config.truncation)
    labels = labels_of(gan, run, config.label, 1)
    labels = gan.cyclic_labels(1) if labels is None else labels
    (base,) = LatentSpace.of(gan).draw(config.seed, "explore", 1, labels)
    return base, labels if space.takes_labels else None
