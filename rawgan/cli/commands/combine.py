"""Runs: add and subtract pictures that were projected."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import tyro

from rawgan.cli.latent_runs import image_run, latents_in
from rawgan.cli.parsing import parse
from rawgan.cli.terminal.text import Terminal, say
from rawgan.config.options import Word
from rawgan.device import resolve
from rawgan.errors import ArgumentError
from rawgan.inference.latent_files import labels_of_latents, latent_of, write_latent
from rawgan.inference.latents import LatentSpace
from rawgan.inference.trained_networks import restore
from rawgan.pictures import save_grid
from rawgan.storage import RunFolder


@dataclass(frozen=True)
class CombineConfig:
    """Add and subtract pictures of your own by their latent vectors: a smiling A, minus a serious A, plus a serious B.

    The picture shows the terms and the result; a safetensors file beside it has the result's latent vector, which
    interpolate, combine and explore take.
    """

    run: Annotated[Path, tyro.conf.Positional, Word("RUN")]
    """The run folder, of rawgan train."""
    latent: Annotated[Path, tyro.conf.Positional, Word("FILE")]
    """The first term: a file that rawgan project or combine has written. The result is of its class."""
    add: Annotated[tuple[Path, ...], Word("FILES...")] = ()
    """Terms to add."""
    subtract: Annotated[tuple[Path, ...], Word("FILES...")] = ()
    """Terms to subtract."""
    best: bool = False
    """Use the best checkpoint, as --evaluate-every measured it, instead of the latest."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Device; auto takes a GPU if there is one."""
    out: Annotated[Path | None, Word("FILE")] = None
    """A .png file. Unset: combination.png in the run folder."""


def main(options: list[str]) -> int:
    """Combine the latents, and say where the result is."""
    config = parse(CombineConfig, "rawgan combine", options)
    if not config.add and not config.subtract:
        raise ArgumentError("there is nothing to combine; give --add or --subtract, or both")
    out = config.out or config.run / "combination.png"
    written = {os.path.realpath(path) for path in (out, out.with_suffix(".safetensors"))}
    for latent in (config.latent, *config.add, *config.subtract):
        if os.path.realpath(latent) in written:
            raise ArgumentError(f"{out} would replace {latent}, which it is made of\n  give another name: --out FILE")
    with RunFolder.open(config.run).held() as folder:
        return _combine(config, folder)


def _combine(config: CombineConfig, folder: RunFolder) -> int:
    """Combine latents of a run."""
    console, path = Terminal(), config.out or config.run / "combination.png"
    image_run(folder, "pictures are not among them")
    gan, _ = restore(folder, resolve(config.device), config.best)
    space = LatentSpace.of(gan)
    base, *others = latents_in(console, (config.latent, *config.add, *config.subtract), space, config.run)
    added, subtracted = others[: len(config.add)], others[len(config.add) :]
    vector = space.combined(base.vector, [each.vector for each in added], [each.vector for each in subtracted])
    terms = [base, *others, latent_of(space, vector, base.label)]
    images = space.images(np.stack([term.vector for term in terms]), labels_of_latents(terms))
    heads = ["", *["+"] * len(added), *["-"] * len(subtracted), "="]
    save_grid(path, images, columns=len(terms), heads=heads)
    say(console, str(path), str(write_latent(path.with_suffix(".safetensors"), terms[-1])))
    return 0
