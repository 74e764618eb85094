"""Runs: translate or enhance images of your own with a trained run."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
import tyro
from numpy.typing import NDArray

from rawgan.cli.own_files import files_of, new_folder, noting
from rawgan.cli.parsing import parse
from rawgan.cli.terminal.progress import progress_of, waiting
from rawgan.cli.terminal.text import Terminal, say
from rawgan.config.options import Word
from rawgan.config.translation import TranslateConfig
from rawgan.data.files.survey import Survey
from rawgan.data.folders.detail import best_window
from rawgan.data.image_set import Progress
from rawgan.device import resolve
from rawgan.errors import ArgumentError, ConfigError, DataError
from rawgan.gan import Cycle, Translator
from rawgan.inference.application import Job, apply_to, batched, source_of, survey_of
from rawgan.inference.trained_networks import restore_networks, translation_config_of
from rawgan.pictures.png import save_image
from rawgan.pictures.sheets import CELL, save_sheet, thumbnail
from rawgan.storage import RunFolder

if TYPE_CHECKING:
    from PIL import Image

HEADS = ("before", "after", "target")
"""Words above the columns of the sheet."""
STEP = 24
"""Step, in pixels, of the search for the part of an image that the sheet shows; a multiple of every enlargement."""
MOST_ROWS = 32
"""Number of first images that the sheet shows."""


@dataclass(frozen=True)
class ApplyConfig:
    """Translate or enhance images of your own, of any size, with a trained run.

    Each result is a PNG file of the same name; sheet.png shows before and after. Images that cannot be read are named
    and skipped, and the exit code is 1. Transparency is laid on white,
    unless the run has it.
    """

    run: Annotated[Path, tyro.conf.Positional, Word("RUN")]
    """The run folder, of rawgan pix2pix, enhance or cyclegan."""
    images: Annotated[tuple[Path, ...], tyro.conf.Positional, Word("IMAGES...")]
    """Image files, or folders of them; run folders in these are skipped. For inpainting, transparent pixels are the
    hole."""
    out: Annotated[Path | None, Word("FOLDER")] = None
    """Folder for the results, new or empty. Unset: a new one in the run folder."""
    with_targets: bool = False
    """The images are targets, as in training: sources are made of them, or lie beside them in the same file. The sheet
    shows all three."""
    back: bool = False
    """For a run of rawgan cyclegan: translate images of the second kind to the first."""
    seed: int = 0
    """Seed of the noise and the holes, with --with-targets."""
    best: bool = False
    """Use the best checkpoint, as --evaluate-every measured it, instead of the latest."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Device; auto takes a GPU if there is one."""


def main(options: list[str]) -> int:
    """Translate the images, and say where they are."""
    config = parse(ApplyConfig, "rawgan apply", options)
    with RunFolder.open(config.run).held() as folder:
        return _apply(config, folder)


def _apply(config: ApplyConfig, folder: RunFolder) -> int:
    """Translate the images with a run."""
    console = Terminal()
    asked = translation_config_of(folder)
    if asked is None:
        raise ConfigError(
            f"{config.run} makes images from noise, and takes none\n  see them: rawgan sample {config.run}"
        )
    if config.with_targets and not asked.makes_sources:
        raise ArgumentError(
            f"--with-targets: {config.run} has sources in files of their own\n  leave it out, and give source images"
        )
    faults = list[str]()
    with waiting(console, "looking at the images"):
        files, notes = files_of(config.images, faults)
        networks, about = restore_networks(folder, asked, resolve(config.device), config.best)
        gan = _translator(networks, config)
        survey = survey_of(files.values(), asked.white_of_sources(config.back))
    with new_folder(config.out, config.run, "applied") as out:
        return _translate(console, asked, config, gan, about.step, files, survey, notes, faults, out)


def _translate(
    console: Terminal, asked: TranslateConfig, config: ApplyConfig, gan: Translator, step: int,
    files: dict[str, Path], survey: Survey, notes: list[str], faults: list[str], out: Path,
) -> int:  # fmt: skip
    """Translate the files into a folder."""
    rows, names, count = list[list["Image.Image"]](), list[str](), 0
    with progress_of(console, "translating") as show:
        for batch in batched(_read(files, asked, config, survey, faults), gan):
            source = np.concatenate([job.source for job in batch])
            try:
                made = apply_to(gan, source, partial(_within, show, batch, len(files)))
            except MemoryError:
                height, width = source.shape[1:3]
                words = f"{width} × {height} pixels take more memory than there is; make it smaller"
                faults += [f"{job.file}: {words}" for job in batch]
                continue
            for job, image in zip(batch, made, strict=True):
                with noting(faults):
                    save_image(out / f"{job.name}.png", image)
                    count += 1
                    if len(rows) < MOST_ROWS:
                        rows.append(_row(asked, job, image))
                        names.append(job.file.name)
    say(console, *notes, *survey.notes(Path()))
    if rows:
        say(console, f"{count} image{'' if count == 1 else 's'} of step {step:,}: {out}")
        with noting(faults):
            sheet = save_sheet(out / "sheet.png", rows, HEADS[: max(map(len, rows))], names)
            say(console, f"before and after: {sheet}")
    for fault in faults:
        say(console, fault)
    return 1 if faults else 0


def _read(
    files: dict[str, Path], asked: TranslateConfig, config: ApplyConfig, survey: Survey, faults: list[str]
) -> Iterator[Job]:
    """Read the files, one by one. Those that cannot be read are added to the faults."""
    for number, (name, file) in enumerate(files.items(), 1):
        try:
            source, target = source_of(file, asked, config.with_targets, config.seed, survey)
        except DataError as error:
            if file not in survey.undecoded or file in config.images:  # the survey names those in folders
                faults.append(str(error))
        else:
            yield Job(number, name, file, source, target)


def _within(show: Progress, batch: list[Job], files: int, done: int, total: int) -> None:
    """Show progress within a batch of files, in thousandths of a file."""
    before = batch[0].number - 1
    show(1000 * before + 1000 * (batch[-1].number - before) * done // total, 1000 * files)


def _row(asked: TranslateConfig, job: Job, image: NDArray[np.uint8]) -> list["Image.Image"]:
    """Row of the sheet: before, after and the target, if it is known.

    An enhancer changes details, which would vanish in a small copy. So a large image is cropped to the part that has
    most detail, or most of the hole.
    """
    kind = asked.translation
    before = job.source[0, :, :, : kind.channels]
    shown = [before, image, *([] if job.target is None else [job.target[0]])]
    if asked.degradation is not None:
        times, missing = kind.enlarged, job.source[0, :, :, -1] > 0 if kind.masked else None
        step = min(STEP, min(image.shape[:2]) // times * times)  # the part begins with a pixel of the source
        top, left = best_window(image, CELL, step, missing)
        small = (slice(corner // times, (corner + CELL) // times) for corner in (top, left))
        large = slice(top, top + CELL), slice(left, left + CELL)
        shown = [before[(*small,)], *(each[large] for each in shown[1:])]
    return [thumbnail(each) for each in shown]


def _translator(networks: Translator | Cycle, config: ApplyConfig) -> Translator:
    """The networks of the direction that is asked for."""
    if isinstance(networks, Cycle):
        return networks.back if config.back else networks.forth
    if config.back:
        raise ArgumentError(f"--back is for runs of rawgan cyclegan, but {config.run} has one direction only")
    return networks
