"""python -m bench few_images: robots made of 400 drawings, with and without augmentation."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from itertools import islice
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
from bench.common.workers import Worker, limit_threads
from rawgan.cli.parsing import parse
from rawgan.config.noise import TrainConfig
from rawgan.gan import generate
from rawgan.pictures import save_grid
from rawgan.tasks.evaluators import Evaluator
from rawgan.tasks.noise import NoiseTask, images_of
from rawgan.training import Trainer

if TYPE_CHECKING:
    from PIL import Image

PACKAGE = "robohash"
ROBOTS = Path("sets", "set1")
"""Folder in the package: in it one for each colour, in these one for each kind of part, such as eyes."""
UNSEEN = 2000
"""Robots to measure with, none of them trained with."""
TURN = 20
"""Steps between two reports of progress."""
SHOWN = 64
"""Images in each picture."""


@dataclass(frozen=True)
class FewImagesConfig(store.SaveConfig):
    """Train on 400 drawings of robots, once with each augmentation, for as many steps, and compare.

    The package robohash (pip install robohash) has robots in ten colours, made of ten bodies, faces, eyes, mouths and
    accessories each: a million robots, drawn by Zikri Kader. So there are thousands that no training has seen. FID is
    to 2,000 of these, by features learned from them, as `rawgan evaluate` learns them from images without labels.
    Results are saved at each measurement, beside those of other augmentations with the same settings, so that trainings
    can run side by side.
    """

    count: int = 400
    """Robots to train with."""
    augment: tuple[str, ...] = ("none", "diffaugment")
    """Augmentations to compare."""
    model: str = "style"
    """Model to train."""
    image_size: int = 64
    """Height and width of the images, in pixels."""
    batch_size: int = 16
    """Images in a batch."""
    width: int = 8
    """Channels of the layers at the full size."""
    learning_rate: float = 0.01
    """Learning rate of both networks."""
    half_life: int = 3000
    """Steps in which the learning rates halve."""
    penalty_weight: float = 0.1
    """Weight of the gradient penalty on D. That of digits keeps D from seeing details of larger images."""
    ema: float = 0.998
    """Decay of the average of G's weights."""
    steps: int = 12_000
    """Steps of each training."""
    every: int = 1000
    """Measure every N steps."""
    seed: int = 0
    """Seed of all trainings."""
    threads: Annotated[int, tyro.conf.arg(help_behavior_hint="(default: all cores)")] = 0
    """Threads to compute with; 0 is one for each core."""


def main(options: list[str]) -> None:
    """Draw, train, measure, report.

    Raises: BenchError without the drawings, or if the file of results is no report
    """
    config = parse(FewImagesConfig, "python -m bench few_images", options)
    place = parts_place()
    threads, console, facts = limit_threads(config.threads), make_console(), machine.facts()
    settings = {**asdict(config), "results": None, "augment": None, "threads": threads}
    report: dict[str, Any] = {"benchmark": "few_images", "machine": facts, "settings": settings}
    path = config.results / "few_images.json"
    earlier(path, settings)  # raises before anything is trained
    with TemporaryDirectory() as scratch, console.status("drawing") as status:
        seen, unseen = Path(scratch, "seen"), Path(scratch, "unseen")
        drawn = robots(place, config.image_size, np.random.default_rng(config.seed))
        save_drawings(drawn, seen, config.count)
        save_drawings(drawn, unseen, UNSEEN)
        for augment in config.augment:
            status.update(f"{augment}: learning features, compiling")
            with Worker(augment, Training, config, seen, unseen, augment) as training:
                report["floor"], rows = training.ask("floor"), []
                for row in measured(config, training, status.update):
                    rows.append(row)
                    console.print(f"{augment}: " + ", ".join(f"{name} {value:.3g}" for name, value in row.items()))
                    report["results"] = earlier(path, settings) | {augment: rows}
                    store.save(console, config, "few_images", report)
                    if config.save:
                        for name, images in {augment: training.ask("images"), "real": training.ask("real")}.items():
                            save_grid(config.results / f"few-images-{name}.png", images, 8, 1)
    console.print(table(report))
    print_lines(console, machine.lines(facts, threads))


class Training:
    """A training, in a process of its own, measured by images that it does not train with."""

    def __init__(self, config: FewImagesConfig, seen: Path, unseen: Path, augment: str) -> None:
        self.config, self.seconds, self.d_real = config, 0.0, 0.0
        self.trainer, compared = Trainer(asked(config, seen, augment)), asked(config, unseen, "none")
        assert isinstance(self.trainer.task, NoiseTask)
        self.task, self.evaluator = self.trainer.task, Evaluator(compared, images_of(compared))

    def train(self, steps: int) -> None:
        """Take steps."""
        started = time.perf_counter()
        for _ in range(steps):
            self.d_real = float(self.trainer.step(self.trainer.reached + 1)["d_real"])
        self.seconds += time.perf_counter() - started

    def floor(self) -> dict[str, float]:
        """FID of real images."""
        return {"fid": float(self.evaluator.reference.floor["fid"])}

    def figures(self) -> dict[str, float]:
        """Steps, their seconds, FID, precision, recall, and D's probabilities for real images, trained with or not."""
        gan, reached = self.trainer.gan, self.trainer.reached
        found = self.evaluator.measure(generate(gan.sampler, self.evaluator.ask(gan)[0]))
        figures = {name: float(found[name]) for name in ("fid", "precision", "recall")}
        seen = {"d_real": self.d_real, **self.task.look_at_d(reached)}
        return {"steps": reached, "seconds": self.seconds, **figures, **seen}

    def images(self) -> np.ndarray:
        """Images made of the same noise each time. Shapes: → (SHOWN, H, W, 3)"""
        gan = self.trainer.gan
        return generate(gan.sampler, gan.noise(self.config.seed, "samples", SHOWN))

    def real(self) -> np.ndarray:
        """Images that it trains with. Shapes: → (SHOWN, H, W, 3)"""
        return self.task.images[0].images[:SHOWN]


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
        width=config.width, learning_rate=config.learning_rate, half_life=config.half_life,
        penalty_weight=config.penalty_weight, ema=config.ema, steps=config.steps, noise_steps=config.steps,
        seed=config.seed, augment=augment,
    )  # fmt: skip


def measured(config: FewImagesConfig, training: Worker, say: Callable[[str], None]) -> Iterator[dict[str, float]]:
    """Train to the end. Yields figures every so many steps."""
    for start in range(0, config.steps, config.every):
        end = min(start + config.every, config.steps)
        for number in range(start, end, TURN):
            say(f"{training.name}: step {number:,} of {config.steps:,}")
            training.ask("train", min(TURN, end - number))
        yield training.ask("figures")


def parts_place() -> Path:
    """Folder with the parts of the robots. Raises: BenchError without the package"""
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise BenchError(f"the drawings of {PACKAGE} are missing\n  pip install {PACKAGE}")
    return Path(found.origin).parent / ROBOTS


def robots(place: Path, size: int, rng: np.random.Generator) -> Iterator["Image.Image"]:
    """Draw random robots on white, without end: each has one colour, and one part of each kind."""
    from PIL import Image

    def parts(folder: Path) -> list[Image.Image]:
        return [Image.open(path).convert("RGBA").resize((size, size)) for path in sorted(folder.glob("*.png"))]

    def layers(colour: Path) -> list[list[Image.Image]]:
        """Parts by their kind, from the back to the front: folders are named 003#01Body, 004#02Face, 000#Mouth …"""
        return [parts(folder) for folder in sorted(colour.iterdir(), key=lambda folder: folder.name.split("#")[1])]

    colours = [layers(colour) for colour in sorted(place.iterdir()) if colour.is_dir()]
    while True:
        robot = Image.new("RGBA", (size, size), "white")
        for kind in colours[rng.integers(len(colours))]:
            robot.alpha_composite(kind[rng.integers(len(kind))])
        yield robot.convert("RGB")


def save_drawings(drawn: Iterator["Image.Image"], folder: Path, count: int) -> None:
    """Write the next drawings as PNG files."""
    folder.mkdir()
    for number, image in enumerate(islice(drawn, count)):
        image.save(folder / f"{number:04}.png")


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


EXPERIMENT = Experiment("images made of 400 drawings of robots, with and without augmentation", minutes=120, main=main)
