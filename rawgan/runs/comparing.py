"""How good translated or enhanced images are, beside what is made without a network."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rawgan.data import ImageSet, to_uint8, to_unit
from rawgan.data.imageset import Progress
from rawgan.data.styles import checked_styles
from rawgan.gan import Cycle, Translator
from rawgan.metrics import Classifier, Judge, fid, l1, mean_of, psnr, ssim, train_classifier
from rawgan.metrics.fidelity import WINDOW
from rawgan.runs.baselines import Maker, baselines_of
from rawgan.runs.translate_config import CycleConfig, PairedConfig
from rawgan.runs.translating import at_once, batches_of, some, translated
from rawgan.tensor import Tensor

CHOSEN_BY = 200
"""Images that the network was trained with, by which a baseline chooses what it has to choose."""
TRANSLATED, TARGETS = "translated", "targets"
STYLE_IMAGES, STYLE_EPOCHS = 4000, 2
"""What the classifier of two kinds is trained by: images of each, at most, and how often it sees them."""


@dataclass(frozen=True)
class Comparison:
    """Figures of each maker, the networks first; of judged targets, too."""

    figures: dict[str, dict[str, float]]
    each: dict[str, dict[str, NDArray[np.float64]]]
    """Those of each image that a network made, by network and name: (N,)."""


def compare(
    config: PairedConfig,
    gan: Translator,
    training: ImageSet,
    held_out: ImageSet,
    judge: Judge | None = None,
    on_progress: Progress = lambda done, total: None,
    others: Mapping[str, Translator] = MappingProxyType({}),
) -> Comparison:
    """Have all make images of those held out, and measure them: the network, others by name, and what needs none.

    PSNR, SSIM and L1 are means over the images, by pixels rounded to bytes; PSNR over those that are not exactly right.
    With a judge, FID to the targets, and the share of images that it takes for the class of their label, if it knows
    their classes.
    """
    source, target = next(batches_of(config, some(training, CHOSEN_BY), "cpu"))
    baselines = baselines_of(config, source.numpy(), target.numpy())
    makers: dict[str, Callable[[Tensor], NDArray[Any]]] = {
        TRANSLATED: partial(translated, gan),
        **{name: partial(translated, other) for name, other in others.items()},
        **{name: _of_numpy(maker) for name, maker in baselines.items()},
    }
    made: dict[str, list[NDArray[np.uint8]]] = {name: [] for name in (*makers, TARGETS)}
    of_pixels: dict[str, list[dict[str, NDArray[np.float64]]]] = {name: [] for name in makers}
    done = 0
    for sources, targets in batches_of(config, held_out, gan.g_optimizer.parameters[0].device):
        made[TARGETS].append(to_uint8(targets.numpy()))
        for name, make in makers.items():
            made[name].append(to_uint8(make(sources)))
            of_pixels[name].append(_of_pixels(made[name][-1], made[TARGETS][-1]))
        done += len(targets)
        on_progress(done, len(held_out))
    each = {
        name: {figure: np.concatenate([part[figure] for part in parts]) for figure in parts[0]}
        for name, parts in of_pixels.items()
    }
    figures = {name: _means(found) for name, found in each.items()}
    if judge is not None:
        labels = held_out.labels if judge.data == config.data else None
        _judged(figures, {name: np.concatenate(parts) for name, parts in made.items()}, labels, judge)
    return Comparison(figures, {TRANSLATED: each[TRANSLATED]})


def _of_numpy(maker: Maker) -> Callable[[Tensor], NDArray[Any]]:
    return lambda images: maker(images.numpy())


def _of_pixels(images: NDArray[np.uint8], targets: NDArray[np.uint8]) -> dict[str, NDArray[np.float64]]:
    found = {"psnr": psnr(images, targets), "l1": l1(images, targets)}
    return found | ({"ssim": ssim(images, targets)} if min(images.shape[1:3]) >= WINDOW else {})


def _judged(
    figures: dict[str, dict[str, float]],
    images: dict[str, NDArray[np.uint8]],
    labels: NDArray[np.int64] | None,
    judge: Judge,
) -> None:
    """Add what the judge finds; of the targets themselves, too, whose FID is 0."""
    real = judge.features(images[TARGETS])
    for name, pixels in images.items():
        features = judge.features(pixels)
        own = figures.setdefault(name, {})
        if len(real) > features.shape[1]:
            own["fid"] = fid(real, features)
        if labels is not None and judge.classes is not None:
            own["recognised"] = float((judge.probabilities(features).argmax(axis=1) == labels).mean())


def compare_cycle(
    config: CycleConfig,
    gan: Cycle,
    kinds: tuple[tuple[ImageSet, ImageSet], tuple[ImageSet, ImageSet]],
    judge: Judge | None = None,
    on_progress: Progress = lambda done, total: None,
) -> Comparison:
    """Translate images of both kinds that were not trained with, and measure them, beside what real images reach.

    `style` is the share that a classifier takes for images of the kind that they should be of; it is trained on both
    kinds here. With a judge, `recognised` is the share that it takes for the class of the image that was translated;
    what is inverted is turned back for it, as it has seen no such images. FID is to real images of that kind. `back` is
    L1 of what is translated there and back. Of a style, what should come out is known, and pixels are compared with it.
    """
    (a, a_held_out), (b, b_held_out) = kinds
    kind_of = _style_classifier(config, (a, b), (a_held_out, b_held_out), on_progress)
    inverted = config.styles is not None and "inverted" in checked_styles(config.styles)

    def judged(
        pixels: NDArray[np.uint8], labels: NDArray[np.int64] | None, kind: int
    ) -> dict[str, NDArray[np.float64]]:
        """Of each image, whether it is of that kind, and of that class."""
        found = {"style": kind_of.labels(pixels) == kind}
        if judge is not None and labels is not None and judge.data == config.data:
            upright = 255 - pixels if inverted and kind else pixels
            found["recognised"] = judge.probabilities(judge.features(upright)).argmax(axis=1) == labels
        return {name: values.astype(np.float64) for name, values in found.items()}

    figures: dict[str, dict[str, float]] = {}
    each: dict[str, dict[str, NDArray[np.float64]]] = {}
    sides = (
        ("A to B", gan.forth, gan.back, a_held_out, b_held_out, 1),
        ("B to A", gan.back, gan.forth, b_held_out, a_held_out, 0),
    )
    for name, there, back, images, wanted, kind in sides:
        made, home = _there_and_back(there, back, images)
        each[name] = {**judged(made, images.labels, kind), "back": home}
        if config.styles is not None:
            each[name] |= _of_pixels(made, wanted.images)
        figures[name] = _means(each[name])
        if judge is not None:
            features, real = judge.features(made), judge.features(wanted.images)
            if len(real) > real.shape[1]:
                figures[name]["fid"] = fid(real, features)
        figures[f"real {'AB'[kind]}"] = _means(judged(wanted.images, wanted.labels, kind))
    return Comparison(figures, each)


def _there_and_back(
    there: Translator, back: Translator, images: ImageSet
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Translated images, and L1 of what is translated back to what they were. Shapes: → (N, H, W, C), (N,)"""
    device_name, made, home = there.g_optimizer.parameters[0].device, [], []
    count = at_once(*images.shape[:2])
    for start in range(0, len(images), count):
        pixels = to_unit(images.images[start : start + count])
        after = translated(there, Tensor(pixels).to(device_name))
        again = translated(back, Tensor(after).to(device_name))
        made.append(to_uint8(after))
        home.append(np.abs(again - pixels).mean(axis=(1, 2, 3)) / 2)
    return np.concatenate(made), np.concatenate(home)


def _means(each: dict[str, NDArray[np.float64]]) -> dict[str, float]:
    return {name: mean_of(values) for name, values in each.items()}


def _style_classifier(
    config: CycleConfig, kinds: tuple[ImageSet, ImageSet], held_out: tuple[ImageSet, ImageSet], on_progress: Progress
) -> Classifier:
    """What tells the two kinds apart."""

    def both(parts: tuple[ImageSet, ImageSet]) -> ImageSet:
        few = [some(part, min(STYLE_IMAGES, len(part))).images for part in parts]
        labels = np.repeat([0, 1], [len(part) for part in few])
        return ImageSet(np.concatenate(few), labels, "two kinds of images")

    return train_classifier(both(kinds), both(held_out), config.seed, STYLE_EPOCHS, on_progress)
