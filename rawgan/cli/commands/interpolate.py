"""Runs: walk from image to image, through the noise or between pictures of your own."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import tyro
from numpy.typing import NDArray

from rawgan.cli.class_labels import labels_of
from rawgan.cli.latent_runs import file_of, image_run, latents_in
from rawgan.cli.parsing import parse
from rawgan.cli.terminal.progress import progress_of, waiting
from rawgan.cli.terminal.text import Terminal, say
from rawgan.config.noise import TrainConfig
from rawgan.config.options import Range, Word
from rawgan.device import resolve
from rawgan.errors import ArgumentError
from rawgan.gan import GAN, Labels, generate, truncate
from rawgan.inference import slerp
from rawgan.inference.latent_files import labels_of_latents
from rawgan.inference.latents import LatentSpace
from rawgan.inference.trained_networks import restore
from rawgan.pictures import save_animation, save_grid, tile
from rawgan.pictures.animation import check_format
from rawgan.storage import RunFolder
from rawgan.tensor import Tensor

PER_SECOND = 12
"""Frames per second."""
SCALE = 3
"""Enlargement of the images of an animation."""


@dataclass(frozen=True)
class InterpolateConfig:
    """Walk through the noise from one image to another, along the sphere near which noise lies.

    A .png shows each walk as a row; a .gif, .webp or .mp4 shows all walks moving, there and back.
    """

    run: Annotated[Path, tyro.conf.Positional, Word("RUN")]
    """The run folder."""
    through: Annotated[tuple[Path, ...], Word("FILES...")] = ()
    """Walk through pictures of your own instead: files that rawgan project or combine has written, in this order."""
    frames: Annotated[int, Range(2, 10**4)] = 12
    """Images in a walk, both ends included."""
    walks: Annotated[int, Range(1, 10**4)] = 8
    """Number of walks."""
    label: Annotated[str | None, Word("CLASS")] = None
    """Class of all walks of a conditional run, by name or number. Unset: each walk has another class, in turn."""
    seed: Annotated[int, Range(0, 2**64 - 1)] = 0
    """Seed of the noise: the same seed gives the same walks."""
    truncation: Annotated[float | None, Range(0, 1)] = None
    """Move latent vectors towards their average by this factor, mapped ones with --model style, else noise: below 1,
    such as 0.7, images are more typical and more alike; 0 makes one image."""
    best: bool = False
    """Use the best checkpoint, as --evaluate-every measured it, instead of the latest."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Device; auto takes a GPU if there is one."""
    format: Literal["png", "gif", "webp", "mp4"] | None = None
    """Format of the file. Unset: as --out says, else png. mp4 needs the extra `video`."""
    out: Annotated[Path | None, Word("FILE")] = None
    """A .png, .gif, .webp or .mp4 file. Unset: a file in the run folder, named after the seed."""


def main(options: list[str]) -> int:
    """Make the picture, and say where it is."""
    config = parse(InterpolateConfig, "rawgan interpolate", options)
    device = resolve(config.device)
    check_format(file_of(config.out, Path("walk.png"), config.format))
    if config.through:
        _check_through(config)
    with RunFolder.open(config.run).held() as folder:
        return _interpolate(config, folder, device)


def _check_through(config: InterpolateConfig) -> None:
    """Raise an ArgumentError for options that are for random walks only, or a walk without a way."""
    if len(config.through) < 2:
        raise ArgumentError("--through takes two files or more; make them with rawgan project")
    for name in ("walks", "label", "seed", "truncation"):
        if getattr(config, name) != getattr(InterpolateConfig, name):
            raise ArgumentError(f"--{name} is for random walks, but --through says where to walk; leave it out")


def _interpolate(config: InterpolateConfig, folder: RunFolder, device: str) -> int:
    """Make the picture of a run."""
    run, console = image_run(folder, "a walk from point to point is not a picture"), Terminal()
    gan, _ = restore(folder, device, config.best)
    gan = truncate(gan, config.truncation)
    if config.through:
        images, labels, name = *_between_pictures(config, gan, console), "walk-through-pictures"
    else:
        images, labels, name = _random(config, run, gan, console)
    path = file_of(config.out, config.run / f"{name}.png", config.format)
    walks = len(images) // config.frames
    with waiting(console, "writing"):
        if path.suffix.lower() == ".png":
            save_grid(path, images, columns=config.frames, titles=run.networks.titles(labels, 1))
        else:
            by_walk = images.reshape(walks, config.frames, *images.shape[1:])
            # pictures come one after the other; random walks are taken at the same time
            by_frame = images[:, None] if config.through else by_walk.swapaxes(0, 1)
            there = [tile(frame).repeat(SCALE, axis=0).repeat(SCALE, axis=1) for frame in by_frame]
            save_animation(path, there + there[-2:0:-1], fps=PER_SECOND, hold_last=0.1)
    say(console, str(path))
    return 0


def _random(
    config: InterpolateConfig, run: TrainConfig, gan: GAN, console: Terminal
) -> tuple[NDArray[Any], Labels | None, str]:
    """Images of random walks, one walk after the other; the class of each walk; name of the file."""
    z0, z1 = (gan.noise(config.seed, "interpolate", config.walks, end).numpy() for end in (0, 1))
    z = np.stack([slerp(z0, z1, t) for t in np.linspace(0, 1, config.frames)], axis=1)
    asked = labels_of(gan, run, config.label, config.walks)
    of_walks = gan.cyclic_labels(config.walks) if asked is None else asked
    labels = None if of_walks is None else np.repeat(of_walks, config.frames)
    latent = gan.latent(Tensor(z.reshape(-1, gan.noise_size)).to(resolve(config.device)), labels)
    with progress_of(console, "generating") as show:
        images = generate(gan.sampler, latent, on_progress=show)
    name = "interpolation" if asked is None else f"interpolation-label-{run.networks.class_called(asked[0])}"
    return images, of_walks, f"{name}-seed-{config.seed}"


def _between_pictures(config: InterpolateConfig, gan: GAN, console: Terminal) -> tuple[NDArray[Any], Labels | None]:
    """Images of the walks from each picture to the next. Half way, the class becomes that of the next."""
    space = LatentSpace.of(gan)
    latents = latents_in(console, config.through, space, config.run)
    vectors, times = np.stack([latent.vector for latent in latents]), np.linspace(0, 1, config.frames)
    path = space.between(vectors[:-1], vectors[1:], times).reshape(-1, space.size)
    labels, classes = labels_of_latents(latents), None
    if labels is not None:
        classes = np.where(times < 0.5, labels[:-1, None], labels[1:, None]).reshape(-1)
    with progress_of(console, "generating") as show:
        return space.images(path, classes, show), None
