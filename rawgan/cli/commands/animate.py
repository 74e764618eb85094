"""Runs: make an animation or a video of the pictures of a run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from rawgan.cli.latent_runs import file_of
from rawgan.cli.parsing import parse
from rawgan.cli.terminal.progress import waiting
from rawgan.cli.terminal.text import Terminal, say
from rawgan.config.options import Above, Range, Word
from rawgan.pictures import animate_folder
from rawgan.pictures.animation import check_format
from rawgan.storage import RunFolder


@dataclass(frozen=True)
class AnimateConfig:
    """Make an animation or a video of the pictures that a run has drawn while it trained, in the order of their steps.

    At its end, a run makes samples.gif by itself.
    """

    run: Annotated[Path, tyro.conf.Positional, Word("RUN")]
    """The run folder."""
    fps: Annotated[float, Above(0, 50)] = 10.0
    """Pictures per second."""
    hold_last: Annotated[float, Range(0, 60)] = 2.0
    """Seconds for which the last picture stays."""
    format: Literal["gif", "webp", "png", "mp4"] | None = None
    """Format of the file. Unset: as --out says, else mp4, which needs the extra `video`."""
    out: Annotated[Path | None, Word("FILE")] = None
    """A .gif, .webp, .png or .mp4 file. Unset: samples.mp4 in the run folder, or another suffix as --format says."""


def main(options: list[str]) -> int:
    """Make the animation, and say where it is."""
    config, console = parse(AnimateConfig, "rawgan animate", options), Terminal()
    path = file_of(config.out, config.run / "samples.mp4", config.format)
    faults = list[str]()
    with RunFolder.open(config.run).held() as folder, waiting(console, "writing"):
        check_format(path)
        animate_folder(path, folder.samples_folder, config.fps, config.hold_last, on_damaged=faults.append)
    say(console, *(f"left out: {fault}" for fault in faults), str(path))
    return 1 if faults else 0
