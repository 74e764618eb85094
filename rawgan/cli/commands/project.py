"""Runs: find the images of a generator that are nearest to pictures of your own."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro
from numpy.typing import NDArray

from rawgan.cli.class_labels import labels_of
from rawgan.cli.latent_runs import image_run
from rawgan.cli.own_files import files_of, new_folder, noting
from rawgan.cli.parsing import parse
from rawgan.cli.terminal.progress import progress_of, waiting
from rawgan.cli.terminal.text import Terminal, say
from rawgan.config.noise import TrainConfig
from rawgan.config.options import Range, Word
from rawgan.data.files.survey import Survey
from rawgan.device import resolve
from rawgan.errors import DataError
from rawgan.gan import GAN
from rawgan.inference.application import framed, survey_of
from rawgan.inference.latent_files import latent_of, write_latent
from rawgan.inference.latents import LatentSpace
from rawgan.inference.projection import Projection, project
from rawgan.inference.trained_networks import restore
from rawgan.pictures.png import save_image
from rawgan.pictures.sheets import save_sheet, thumbnail
from rawgan.storage import RunFolder

if TYPE_CHECKING:
    from PIL import Image

MOST_ROWS = 32
"""Number of first pictures that the sheet shows."""
SHOWN = (0.0, 0.05, 0.2, 1.0)
"""Shares of the steps after which the sheet shows the image."""


@dataclass(frozen=True)
class ProjectConfig:
    """Find the image of a run that is nearest to a picture of yours, and the latent vector that it is made of.

    For each picture there are NAME.png, the nearest image, and NAME.safetensors, its latent vector, which interpolate,
    combine and explore take. sheet.png shows the picture, the start, the image after some steps, and the nearest one.
    Pictures are framed as the run's data was.
    """

    run: Annotated[Path, tyro.conf.Positional, Word("RUN")]
    """The run folder, of rawgan train."""
    images: Annotated[tuple[Path, ...], tyro.conf.Positional, Word("IMAGES...")]
    """Image files, or folders of them; run folders in these are skipped."""
    steps: Annotated[int, Range(1, 10**5)] = 300
    """Steps of Adam. More come nearer, slowly."""
    starts: Annotated[int, Range(1, 256)] = 4
    """Number of starts for each picture, the nearest of 256 random images. The best of them wins."""
    perceptual_weight: Annotated[float, Range(0, 10**6)] = 0.1
    """Weight of the difference in the features of the run's discriminator, beside that of pixels. 0: pixels alone."""
    label: Annotated[str | None, Word("CLASS")] = None
    """Class of the images of a conditional run, by name or number. Unset: the one that fits best."""
    seed: Annotated[int, Range(0, 2**64 - 1)] = 0
    """Seed of the starts: the same seed gives the same result."""
    best: bool = False
    """Use the best checkpoint, as --evaluate-every measured it, instead of the latest."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Device; auto takes a GPU if there is one."""
    out: Annotated[Path | None, Word("FOLDER")] = None
    """Folder for the results, new or empty. Unset: a new one in the run folder."""


def main(options: list[str]) -> int:
    """Project the pictures, and say where the results are."""
    config = parse(ProjectConfig, "rawgan project", options)
    with RunFolder.open(config.run).held() as folder:
        return _project(config, folder)


def _project(config: ProjectConfig, folder: RunFolder) -> int:
    """Project the pictures into a run."""
    console, faults = Terminal(), list[str]()
    run = image_run(folder, "pictures cannot be found among them")
    with waiting(console, "looking at the pictures"):
        files, notes = files_of(config.images, faults)
        gan, step = restore(folder, resolve(config.device), config.best)
        labels = labels_of(gan, run, config.label, 1)
        survey = survey_of(files.values(), run.data.white)
    label = None if labels is None else int(labels[0])
    with new_folder(config.out, config.run, "projected") as out:
        rows = _projected(config, run, gan, label, files, survey, faults, out, console)
        say(console, *notes, *survey.notes(Path()))
        if rows:
            with noting(faults):
                shown = [f"step {taken:,}" if taken else "start" for taken in _shown(config.steps)]
                heads = ["picture", *shown[:-1], "nearest"]
                sheet = save_sheet(out / "sheet.png", [*rows.values()][:MOST_ROWS], heads, [*rows][:MOST_ROWS])
                say(console, f"pictures and nearest images of step {step:,}: {sheet}")
    for fault in faults:
        say(console, fault)
    return 1 if faults else 0


def _projected(
    config: ProjectConfig, run: TrainConfig, gan: GAN, label: int | None, files: dict[str, Path], survey: Survey,
    faults: list[str], out: Path, console: Terminal,
) -> dict[str, list["Image.Image"]]:  # fmt: skip
    """Project the files into a folder; return rows of the sheet by the name of the picture."""
    rows, space, found = dict[str, list["Image.Image"]](), LatentSpace.of(gan), list[str]()
    with progress_of(console, "projecting") as show:
        for number, (name, file) in enumerate(files.items()):
            try:
                picture = framed(file, run, survey)
            except DataError as error:
                faults.append(str(error))
                continue
            made = project(
                gan, picture, label, steps=config.steps, starts=config.starts, seed=config.seed,
                perceptual_weight=config.perceptual_weight, shown=_shown(config.steps),
                on_progress=_within(show, number, len(files)),
            )  # fmt: skip
            with noting(faults):
                save_image(out / f"{name}.png", made.image)
                path = write_latent(out / f"{name}.safetensors", latent_of(space, made.vector, made.label))
                of_class = "" if made.label is None else f", class {run.networks.class_called(made.label)}"
                found.append(f"{file.name}: {made.psnr:.1f} dB{of_class}: {path}")
                rows[name] = _row(picture, made, config.steps)
    say(console, *found)
    return rows


def _within(show: Callable[[int, int], None], number: int, files: int) -> Callable[[int, int], None]:
    """Progress within one of the files."""
    return lambda done, total: show(number * total + done, files * total)


def _shown(steps: int) -> list[int]:
    """Numbers of steps after which the sheet shows the image.

    >>> _shown(300), _shown(1)
    ([0, 15, 60, 300], [0, 1])
    """
    return sorted({round(share * steps) for share in SHOWN})


def _row(picture: NDArray[Any], made: Projection, steps: int) -> list["Image.Image"]:
    """Row of the sheet: the picture, and the images on the way to the nearest one."""
    return [thumbnail(image) for image in (picture, *(made.path[step] for step in _shown(steps)))]
