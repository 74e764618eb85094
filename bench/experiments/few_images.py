"""python -m bench few_images: images made of 400 small drawings, with and without augmentation."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import tyro
from rich.box import SIMPLE
from rich.table import Table

from bench.common import machine, store
from bench.common.errors import BenchError
from bench.common.experiment import Experiment
from bench.common.files import read
from bench.common.terminal import make_console, print_lines
from bench.common.workers import limit_threads
from rawgan.cli.parsing import parse
from rawgan.config.noise import TrainConfig
from rawgan.data import ImageSet
from rawgan.gan import generate
from rawgan.pictures import save_grid
from rawgan.tasks.evaluators import Evaluator
from rawgan.tasks.noise import NoiseTask
from rawgan.training import Trainer

if TYPE_CHECKING:
    from PIL import Image

FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
STRIKE = 109
"""The only size of the drawings in the font, in points."""
TONES = ["", *map(chr, range(0x1F3FB, 0x1F400))]
"""Signs of skin tones behind that of a person; the first is none, and yellow."""
PEOPLE = (
    0x1F466, 0x1F467, 0x1F468, 0x1F469, 0x1F46E, 0x1F471, 0x1F472, 0x1F473, 0x1F474, 0x1F475, 0x1F477, 0x1F478, 0x1F482,
    0x1F64D, 0x1F64E, 0x1F934, 0x1F935, 0x1F9D1, 0x1F9D2, 0x1F9D3, 0x1F9D4, 0x1F9D5,
)  # fmt: skip
"""Heads of people, such as a child or a guard."""
JOINED = (
    0x1F33E, 0x1F373, 0x1F393, 0x1F3A4, 0x1F3A8, 0x1F3EB, 0x1F3ED, 0x1F4BC, 0x1F527, 0x1F52C, 0x1F680, 0x1F692, 0x1F9B0,
    0x1F9B1, 0x1F9B2, 0x1F9B3,
)  # fmt: skip
"""Signs of professions and of hair, joined to a man, a woman or a person."""


@dataclass(frozen=True)
class FewImagesConfig(store.SaveConfig):
    """Train on 400 drawings of people, once with each augmentation, for as many steps, and compare.

    The drawings are those of Noto Color Emoji, a font that Debian and Ubuntu have (apt-get install
    fonts-noto-color-emoji). FID is by features that are learned from the drawings (`rawgan evaluate` without labels).
    Results are saved at each measurement, beside those of other augmentations with the same settings, so that trainings
    can run side by side.
    """

    font: Annotated[Path, tyro.conf.arg(help_behavior_hint="(default: where Debian has it)")] = FONT
    """File of Noto Color Emoji."""
    count: int = 400
    """Drawings to train and measure with, at most as many as there are."""
    augment: tuple[str, ...] = ("none", "diffaugment", "ada")
    """Augmentations to compare."""
    model: str = "style"
    """Model to train."""
    image_size: int = 64
    """Height and width of the images, in pixels."""
    batch_size: int = 16
    """Images in a batch."""
    steps: int = 10_000
    """Steps of each training."""
    every: int = 1000
    """Measure every N steps."""
    seed: int = 0
    """Seed of all trainings."""
    threads: Annotated[int, tyro.conf.arg(help_behavior_hint="(default: all cores)")] = 0
    """Threads to compute with; 0 is one for each core."""


def main(options: list[str]) -> None:
    """Draw, train, measure, report.

    Raises: BenchError without the font, or if the file of results is none
    """
    config = parse(FewImagesConfig, "python -m bench few_images", options)
    if not config.font.exists():
        raise BenchError(f"{config.font} is missing\n  apt-get install fonts-noto-color-emoji, or give another --font")
    threads, console, facts = limit_threads(config.threads), make_console(), machine.facts()
    settings = {**asdict(config), "font": config.font.name, "results": None, "augment": None, "threads": threads}
    report: dict[str, Any] = {"benchmark": "few_images", "machine": facts, "settings": settings}
    path = config.results / "few_images.json"
    earlier(path, settings)  # raises before anything is trained
    with TemporaryDirectory() as place, console.status("drawing") as status:
        folder, evaluator = Path(place, "people"), None
        save_drawings(config.font, folder, config.count, config.seed)
        for augment in config.augment:
            trainer, rows = Trainer(asked(config, folder, augment)), []
            evaluator = evaluator or Evaluator(trainer.config, whole(trainer))
            report["floor"] = {"fid": float(evaluator.reference.floor["fid"])}
            for row in train(config, trainer, evaluator, lambda words, name=augment: status.update(f"{name}: {words}")):
                rows.append(row)
                console.print(f"{augment}: " + ", ".join(f"{name} {value:.3g}" for name, value in row.items()))
                report["results"] = earlier(path, settings) | {augment: rows}
                store.save(console, config, "few_images", report)
                if config.save:
                    images = generate(trainer.gan.sampler, trainer.gan.noise(config.seed, "samples", 64))
                    save_grid(config.results / f"few-images-{augment}.png", images, 8, 1)
    console.print(table(report))
    print_lines(console, machine.lines(facts, threads))


def earlier(path: Path, settings: dict[str, Any]) -> dict[str, list[dict[str, float]]]:
    """Results in a report, by augmentation, if its trainings had these settings.

    Raises: BenchError if the file is no report
    """
    report = read(path) if path.exists() else {}
    return report["results"] if report.get("settings") == json.loads(json.dumps(settings)) else {}


def asked(config: FewImagesConfig, folder: Path, augment: str) -> TrainConfig:
    """Configuration of a training."""
    return TrainConfig.of(
        data=str(folder), model=config.model, image_size=config.image_size, channels=3, batch_size=config.batch_size,
        steps=config.steps, noise_steps=config.steps, seed=config.seed, augment=augment, mirror=True,
    )  # fmt: skip


def whole(trainer: Trainer) -> ImageSet:
    """All images of a training, those held out from it, too."""
    assert isinstance(trainer.task, NoiseTask)
    return trainer.task.images[0]


def train(
    config: FewImagesConfig, trainer: Trainer, evaluator: Evaluator, say: Callable[[str], None]
) -> Iterator[dict[str, float]]:
    """Train to the end. Yields figures every so many steps: FID, precision, recall, and D's probabilities."""
    assert isinstance(trainer.task, NoiseTask)
    spent = 0.0
    for number in range(1, config.steps + 1):
        started = time.perf_counter()
        record = trainer.step(number)
        spent += time.perf_counter() - started
        if number % 20 == 0:
            say(f"step {number:,} of {config.steps:,}, {spent:.0f} s")
        if number % config.every == 0 or number == config.steps:
            found = evaluator.measure(generate(trainer.gan.sampler, evaluator.ask(trainer.gan)[0]))
            looked = trainer.task.look_at_d(number)
            figures = {name: float(found[name]) for name in ("fid", "precision", "recall")}
            yield {"steps": number, "seconds": spent, **figures, "d_real": float(record["d_real"]), **looked}


def save_drawings(font: Path, folder: Path, count: int, seed: int) -> None:
    """Write drawings of people as PNG files with transparency, chosen at random among all in the font.

    Raises: BenchError if there are fewer
    """
    found = list(drawings(font))
    if len(found) < count:
        raise BenchError(f"{font} has {len(found)} drawings of people; take a lower --count")
    folder.mkdir()
    for number in np.random.default_rng(seed).permutation(len(found))[:count]:
        found[number].save(folder / f"{number:03}.png")


def drawings(font: Path) -> Iterator["Image.Image"]:
    """Drawings of people in the font, each with every skin tone."""
    from PIL import Image, ImageDraw, ImageFont

    signs = [chr(person) + tone for person in PEOPLE for tone in TONES]
    signs += [chr(one) + tone + "\u200d" + chr(joined) for one in PEOPLE[2:4] for joined in JOINED for tone in TONES]
    signs += [chr(0x1F9D1) + tone + "\u200d" + chr(joined) for joined in JOINED for tone in TONES]
    loaded = ImageFont.truetype(font, STRIKE)
    for sign in signs:
        image = Image.new("RGBA", (136, 128), (255, 255, 255, 0))
        pen = ImageDraw.Draw(image)
        if pen.textlength(sign, loaded) <= image.width:  # else the font has no drawing of both together
            pen.text((0, 0), sign, font=loaded, embedded_color=True)
            yield image


def table(report: dict[str, Any]) -> Table:
    """Table of the last figures of each training."""
    shown = Table(
        title=f"FID of real images: {report['floor']['fid']:.3g}", title_justify="left", box=SIMPLE, pad_edge=False
    )
    columns = {name: None for rows in report["results"].values() for name in rows[-1]}
    for heading in ("augmentation", *columns):
        shown.add_column(heading, justify="left" if heading == "augmentation" else "right")
    for augment, rows in report["results"].items():
        shown.add_row(augment, *(f"{rows[-1][name]:.3g}" if name in rows[-1] else "–" for name in columns))
    return shown


EXPERIMENT = Experiment("images made of 400 drawings, with and without augmentation", minutes=120, main=main)
