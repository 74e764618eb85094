"""python -m bench features: FID of damaged images by the features that rawgan has for images without labels."""

import time
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from rich.box import SIMPLE
from rich.table import Table

from bench.common import machine, store
from bench.common.experiment import Experiment
from bench.common.terminal import make_console, print_lines
from rawgan.cli.parsing import parse
from rawgan.config.data import native_size
from rawgan.config.noise import TrainConfig
from rawgan.data import ImageSet, load, name_of, to_uint8
from rawgan.data.hold_out import hold_out
from rawgan.gan import generate
from rawgan.metrics import Reference, draw, evaluate, feature_extractor
from rawgan.metrics.extractors.choice import DIGITS, NAMED, choose
from rawgan.training import Trainer

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class FeaturesConfig(store.SaveConfig):
    """Compare real images with others that are damaged, fewer, or made by a G that has hardly learned.

    FID by useful features puts them in order: least for real images, most for those of the early G. On MNIST, the
    classifier of digits is there as a judge; the other features do not see labels.
    """

    data: str = "mnist"
    """Images: as --data of rawgan train."""
    images: int = 2000
    """Images to learn from, half of which are compared with the other half."""
    steps: tuple[int, ...] = (100, 400)
    """Numbers of steps after which images of G are measured."""
    seed: int = 0
    """Seed of the choice of images, of noise and of G."""


def main(options: list[str]) -> None:
    """Measure, print a table, and save the figures."""
    config = parse(FeaturesConfig, "python -m bench features", options)
    console, facts = make_console(), machine.facts()
    images = load(config.data, image_size=native_size(config.data))
    images = draw(images, min(config.images, len(images)), config.seed)
    real, others = hold_out(images, len(images) // 2, config.seed)
    candidates = {**damaged(others.images, config.seed), **generated(config, len(others), images.shape)}
    unlabelled = ImageSet(images.images, None, name_of(config.data))
    found: dict[str, dict[str, float]] = {}
    seconds = {}
    for name in (*NAMED, *(["classifier"] if choose(config.data) == DIGITS else [])):
        started = time.monotonic()
        features = None if name == "classifier" else name
        reference = Reference.of(feature_extractor(config.data, features, unlabelled), real, others)
        seconds[name] = time.monotonic() - started
        found[name] = {"real images": reference.floor["fid"]}
        for what, pixels in candidates.items():
            found[name][what] = evaluate(pixels[: reference.count], reference)["fid"]
    console.print(table(found, len(others)))
    print_lines(console, (f"{name}: {value:.0f} s for the features" for name, value in seconds.items()))
    report = {
        "benchmark": "features", "machine": facts, "settings": {**asdict(config), "results": None},
        "seconds": seconds, "fid": found,
    }  # fmt: skip
    store.save(console, config, "features", report)


def damaged(images: Pixels, seed: int) -> dict[str, Pixels]:
    """Images that were blurred, noisy, of lower contrast, or a quarter of them four times. Shapes: (N, H, W, C) each"""
    noise = np.random.default_rng(seed).normal(0, 20, images.shape)
    return {
        "blurred by 0.7 pixels": _filtered(images, ImageFilter.GaussianBlur(0.7)),
        "with noise of 20 levels": (images + noise).clip(0, 255).astype(np.uint8),
        "of 80 % of the contrast": (images * 0.8 + 127.5 * 0.2).round().astype(np.uint8),
        "a quarter of them": images[np.arange(len(images)) // 4],
        "an eighth of them": images[np.arange(len(images)) // 8],
    }


def _filtered(images: Pixels, kind: ImageFilter.Filter) -> Pixels:
    """Images after a filter of Pillow. Shapes: (N, H, W, C) → the same"""
    flat = images[..., 0] if images.shape[3] == 1 else images
    return np.stack([np.asarray(Image.fromarray(each).filter(kind)) for each in flat]).reshape(images.shape)


def generated(config: FeaturesConfig, count: int, shape: tuple[int, ...]) -> dict[str, Pixels]:
    """Images of a G of rawgan train after some steps, the latest first. Shapes: (count, H, W, C) each"""
    asked = {"data": config.data, "seed": config.seed, "steps": max(config.steps), "channels": shape[2]}
    training = Trainer(TrainConfig.of(model="dcgan", **asked))
    made: dict[str, Pixels] = {}
    for number in range(1, training.steps + 1):
        training.step(number)
        if number in config.steps:
            gan = training.gan
            latent = gan.latent(gan.noise(config.seed, "evaluate", count), None)
            made = {f"G after {number} steps": to_uint8(generate(gan.sampler, latent)), **made}
    return made


def table(found: dict[str, dict[str, float]], count: int) -> Table:
    """Table of FIDs, each relative to that of real images by the same features."""
    made = Table(
        title=f"FID relative to that of {count:,} real images", title_justify="left", box=SIMPLE, pad_edge=False
    )
    made.add_column("")
    for name in found:
        made.add_column(name, justify="right")
    for what in next(iter(found.values())):
        made.add_row(what, *(f"{figures[what] / figures['real images']:.1f}" for figures in found.values()))
    return made


EXPERIMENT = Experiment("FID of damaged images by features for images without labels", minutes=5, main=main)
