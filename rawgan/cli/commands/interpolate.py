"""Runs: walk through the noise from image to image."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import tyro

from rawgan.cli.class_labels import labels_of
from rawgan.cli.parsing import parse
from rawgan.cli.terminal.progress import progress_of, waiting
from rawgan.cli.terminal.text import Terminal, say
from rawgan.config.options import Range, Word
from rawgan.device import resolve
from rawgan.errors import ArgumentError
from rawgan.gan import generate, truncate
from rawgan.inference import slerp
from rawgan.inference.trained_networks import config_of, restore
from rawgan.pictures import save_animation, save_grid, tile
from rawgan.storage import RunFolder
from rawgan.tensor import Tensor


@dataclass(frozen=True)
class InterpolateConfig:
    """Walk through the noise from one image to another, along the sphere near which noise lies.

    A .png shows each walk as a row; a .gif or .webp shows all walks moving, there and back.
    """

    run: Annotated[Path, tyro.conf.Positional, Word("RUN")]
    """The run folder."""
    frames: Annotated[int, Range(2, 10**4)] = 12
    """Images in a walk, both ends included."""
    walks: Annotated[int, Range(1, 10**4)] = 8
    """Number of walks."""
    label: Annotated[str | None, Word("CLASS")] = None
    """Class of all walks of a conditional run, by name or number. Unset: each walk has another class, in turn."""
    seed: Annotated[int, Range(0, 2**64 - 1)] = 0
    """Seed of the noise: the same seed gives the same walks."""
    truncation: Annotated[float | None, Range(0, 1)] = None
    """Move the vectors of --model style towards their average by this factor: below 1, such as 0.7, images are better
    and more alike; 0 makes one image."""
    best: bool = False
    """Use the best checkpoint, as --evaluate-every measured it, instead of the latest."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Device; auto takes a GPU if there is one."""
    out: Annotated[Path | None, Word("FILE")] = None
    """A .png, .gif or .webp file. Unset: a PNG file in the run folder, named after the seed."""


def main(options: list[str]) -> int:
    """Make the picture, and say where it is."""
    config = parse(InterpolateConfig, "rawgan interpolate", options)
    device = resolve(config.device)
    with RunFolder.open(config.run).held() as folder:
        return _interpolate(config, folder, device)


def _interpolate(config: InterpolateConfig, folder: RunFolder, device: str) -> int:
    """Make the picture of a run."""
    run = config_of(folder)
    if run.data.mixture:
        raise ArgumentError(
            f"{config.run} makes points, and a walk from point to point is not a picture\n"
            f"  see them all: rawgan sample {config.run}"
        )
    gan, _ = restore(folder, device, config.best)
    truncate(gan, config.truncation)
    z0, z1 = (gan.noise(config.seed, "interpolate", config.walks, end).numpy() for end in (0, 1))
    z = np.stack([slerp(z0, z1, t) for t in np.linspace(0, 1, config.frames)], axis=1)
    asked = labels_of(gan, run, config.label, config.walks)
    of_walks = gan.cyclic_labels(config.walks) if asked is None else asked
    labels = None if of_walks is None else np.repeat(of_walks, config.frames)
    latent = gan.latent(Tensor(z.reshape(-1, gan.noise_size)).to(device), labels)
    console = Terminal()
    with progress_of(console, "generating") as show:
        images = generate(gan.sampler, latent, on_progress=show)
    name = "interpolation" if asked is None else f"interpolation-label-{run.networks.class_called(asked[0])}"
    path = config.out or config.run / f"{name}-seed-{config.seed}.png"
    with waiting(console, "writing"):
        if path.suffix.lower() == ".png":
            save_grid(path, images, columns=config.frames, titles=run.networks.titles(of_walks, 1))
        else:
            by_frame = images.reshape(config.walks, config.frames, *images.shape[1:]).swapaxes(0, 1)
            there = [tile(frame).repeat(3, axis=0).repeat(3, axis=1) for frame in by_frame]
            save_animation(path, there + there[-2:0:-1], fps=12, hold_last=0.1)
    say(console, str(path))
    return 0
