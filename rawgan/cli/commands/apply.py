"""Runs: translate or enhance images of your own with a trained run."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
import tyro
from numpy.typing import NDArray

from rawgan.cli.parsing import parse
from rawgan.cli.terminal.progress import progress_of, waiting
from rawgan.cli.terminal.text import Terminal, say
from rawgan.config.options import Word
from rawgan.config.translation import TranslateConfig
from rawgan.data.files.formats import without_suffix
from rawgan.data.files.survey import Survey
from rawgan.data.folders.detail import best_window
from rawgan.data.folders.listing import Listing
from rawgan.data.image_set import Progress
from rawgan.device import resolve
from rawgan.errors import ArgumentError, ConfigError, DataError, FileError
from rawgan.gan import Cycle, Translator
from rawgan.inference.application import Job, apply_to, batched, source_of, survey_of
from rawgan.inference.trained_networks import restore_networks, translation_config_of
from rawgan.pictures.png import save_image
from rawgan.pictures.sheets import CELL, save_sheet, thumbnail
from rawgan.storage import RunFolder
from rawgan.storage.atomic import delete, make_folder
from rawgan.storage.held_folder import holding
from rawgan.storage.locks import NoLocks, locking
from rawgan.storage.lookup import is_folder, is_link, is_there
from rawgan.storage.new_folder import LOCK, refuse_taken

if TYPE_CHECKING:
    from PIL import Image

HEADS = ("before", "after", "target")
"""Words above the columns of the sheet."""
STEP = 24
"""Pixels by which the part is moved that the sheet shows of an image; a multiple of what enlargers make of one."""
MOST_ROWS = 32
"""Images that the sheet shows, the first ones."""


@dataclass(frozen=True)
class ApplyConfig:
    """Translate or enhance images of your own, of any size, with a trained run.

    Each becomes a PNG file of the same name; beside them, sheet.png shows before and after. An image that cannot be
    read is named, and the others are done all the same; the exit code is 1 then.
    """

    run: Annotated[Path, tyro.conf.Positional, Word("RUN")]
    """The run folder, of rawgan pix2pix, enhance or cyclegan."""
    images: Annotated[tuple[Path, ...], tyro.conf.Positional, Word("IMAGES...")]
    """Image files, or folders of them, without run folders in there. Of images to be filled in, what is transparent is
    missing."""
    out: Annotated[Path | None, Word("FOLDER")] = None
    """The folder to write into, new or empty. Unset: a new one in the run folder."""
    with_targets: bool = False
    """The images show what should come out, as in training: sources are made of them, or lie beside them in the same
    file. Then the sheet shows all three."""
    back: bool = False
    """Of a run of rawgan cyclegan: make images of its first kind out of images of the other."""
    seed: int = 0
    """Seed of noise and holes, with --with-targets."""
    best: bool = False
    """Take the best checkpoint, of those that --evaluate-every measured, instead of the latest."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; auto takes a GPU when there is one."""


def main(options: list[str]) -> int:
    """Translate the images, and say where they are."""
    config = parse(ApplyConfig, "rawgan apply", options)
    with RunFolder.open(config.run).held() as folder:
        return _apply(config, folder)


def _apply(config: ApplyConfig, folder: RunFolder) -> int:
    """Translate the images by a run."""
    console = Terminal()
    asked = translation_config_of(folder)
    if asked is None:
        raise ConfigError(
            f"{config.run} makes images out of noise, and takes none\n  see them: rawgan sample {config.run}"
        )
    if config.with_targets and not asked.makes_sources:
        raise ArgumentError(
            f"--with-targets: {config.run} translates what is not made of targets, nor lies beside them in a file\n"
            "  leave it out, and give what is to be translated"
        )
    faults = list[str]()
    with waiting(console, "looking at the images"):
        files, notes = _files(config.images, faults)
        networks, about = restore_networks(folder, asked, resolve(config.device), config.best)
        gan = _way(networks, config)
        survey = survey_of(files.values(), asked, config.back)
    with _new_folder(config.out, config.run) as out:
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
                with _noting(faults):
                    save_image(out / f"{job.name}.png", image)
                    count += 1
                    if len(rows) < MOST_ROWS:
                        rows.append(_row(asked, job, image))
                        names.append(job.file.name)
    say(console, *notes, *survey.notes(Path()))
    if rows:
        say(console, f"{count} image{'' if count == 1 else 's'} of step {step:,}: {out}")
        with _noting(faults):
            sheet = save_sheet(out / "sheet.png", rows, HEADS[: max(map(len, rows))], names)
            say(console, f"before and after: {sheet}")
    for fault in faults:
        say(console, fault)
    return 1 if faults else 0


@contextmanager
def _noting(faults: list[str]) -> Iterator[None]:
    """Inside, a file that cannot be written is a fault, and no reason to leave out the others."""
    try:
        yield
    except ConfigError as error:
        faults.append(str(error))


def _read(
    files: dict[str, Path], asked: TranslateConfig, config: ApplyConfig, survey: Survey, faults: list[str]
) -> Iterator[Job]:
    """The files, one by one; what is wrong with those that cannot be read goes to the faults."""
    for number, (name, file) in enumerate(files.items(), 1):
        try:
            source, target = source_of(file, asked, config.with_targets, config.seed, survey)
        except DataError as error:
            if file not in survey.undecoded or file in config.images:  # of those in folders, the survey speaks
                faults.append(str(error))
        else:
            yield Job(number, name, file, source, target)


def _within(show: Progress, batch: list[Job], files: int, done: int, total: int) -> None:
    """Show progress within files that are made at once, of which so many pieces are done."""
    before = batch[0].number - 1
    show(1000 * before + 1000 * (batch[-1].number - before) * done // total, 1000 * files)


def _row(asked: TranslateConfig, job: Job, image: NDArray[np.uint8]) -> list["Image.Image"]:
    """What the sheet shows of an image: before, after and, if it is known, what should have come out.

    Of enhancers, no more of a large one than the part in which most is to be seen, or most was missing, as they change
    what would not be seen if it were shrunk.
    """
    kind = asked.translation
    before = job.source[0, :, :, : kind.channels]
    shown = [before, image, *([] if job.target is None else [job.target[0]])]
    if asked.degradation is not None:
        times, missing = kind.enlarged, job.source[0, :, :, -1] > 0 if kind.masked else None
        step = min(STEP, min(image.shape[:2]) // times * times)  # so that the part begins with a pixel of the source
        top, left = best_window(image, CELL, step, missing)
        small = (slice(corner // times, (corner + CELL) // times) for corner in (top, left))
        large = slice(top, top + CELL), slice(left, left + CELL)
        shown = [before[(*small,)], *(each[large] for each in shown[1:])]
    return [thumbnail(each) for each in shown]


def _files(given: tuple[Path, ...], faults: list[str]) -> tuple[dict[str, Path], list[str]]:
    """Image files by the name that each will have, without its suffix; those of folders by their path in there; and
    what is passed over. What is wrong with folders goes to the faults.

    Raises: ArgumentError if there are no images
    """
    found, notes = dict[str, Path](), list[str]()
    for place in given:
        try:
            listing = Listing.of(place) if is_folder(place) else Listing(place.parent, (place,))
        except (DataError, FileError) as error:
            faults.append(str(error))
            continue
        notes += listing.notes()
        for file in listing.images:
            name = str(without_suffix(file.relative_to(listing.folder)))
            number, free = 2, name
            while free in found or free == "sheet":
                number, free = number + 1, f"{name}-{number}"
            found[free] = file
    if not found:
        raise ArgumentError("\n  ".join(["no images are given; name files, or folders of them", *faults]))
    return found, notes


def _way(networks: Translator | Cycle, config: ApplyConfig) -> Translator:
    """What translates."""
    if isinstance(networks, Cycle):
        return networks.back if config.back else networks.forth
    if config.back:
        raise ArgumentError(f"--back is for runs of rawgan cyclegan, but {config.run} knows one way only")
    return networks


@contextmanager
def _new_folder(out: Path | None, run: Path) -> Iterator[Path]:
    """A folder to write into, held: an empty one, or one that there is not yet; and no other process's.

    One that nothing was written into is not left behind.
    """
    folder, made = (out, False) if out is not None else (run / "applied", True)
    if out is not None:
        refuse_taken(folder)
        made = make_folder(folder)
    else:
        numbers = count(2)
        while not _is_new(folder):
            folder = run / f"applied-{next(numbers)}"
    with holding(folder) as held:
        try:
            with ExitStack() as stack:
                with suppress(NoLocks):
                    stack.enter_context(locking(held, LOCK, seconds=0))
                    stack.callback(delete, folder / LOCK)
                refuse_taken(folder)
                yield folder
        finally:
            if made:
                with suppress(OSError):  # which it is if it holds anything
                    folder.rmdir()


def _is_new(folder: Path) -> bool:
    """Make a folder of that name, unless the name is taken."""
    return not (is_link(folder) or is_there(folder)) and make_folder(folder)
