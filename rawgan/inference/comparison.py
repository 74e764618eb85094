"""Comparison of translated or enhanced images with those of other runs and of baselines without a network."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rawgan.config.translation import CycleConfig, PairedConfig
from rawgan.data import ImageSet, name_of, to_uint8
from rawgan.data.image_set import Progress
from rawgan.data.pairs.styles import checked_styles
from rawgan.gan import Cycle, Translator
from rawgan.metrics import Classifier, FeatureExtractor, ImagePairs, compute, fid, train_classifier
from rawgan.tasks.baselines import Maker
from rawgan.tasks.cycle import there_and_back
from rawgan.tasks.pairs import batches_of, of_images, paired_task
from rawgan.tasks.translation import device_of, translated
from rawgan.tensor import Tensor

CHOSEN_BY = 200
"""Number of training images by which a baseline chooses its parameters."""
TRANSLATED, TARGETS = "translated", "targets"
STYLE_IMAGES, STYLE_EPOCHS = 4000, 2
"""Most images of each domain that the classifier of domains is trained with, and number of epochs."""


@dataclass(frozen=True)
class Comparison:
    """Figures of the networks and baselines that were compared."""

    figures: dict[str, dict[str, float]]
    """Mean figures by network or baseline, the networks first; and of the targets, with a feature extractor."""
    each: dict[str, dict[str, NDArray[np.float64]]]
    """Figures of each image, or photograph, that a network made, by network and figure. Shapes: (N,)"""
    names: dict[str, NDArray[Any]]
    """Names of these images, by network. Shapes: (N,)"""


def compare(
    config: PairedConfig,
    gan: Translator,
    training: ImageSet,
    held_out: ImageSet,
    extractor: FeatureExtractor | None = None,
    on_progress: Progress = lambda done, total: None,
    others: Mapping[str, Translator] = MappingProxyType({}),
) -> Comparison:
    """Translate the hold-out images by a network, by others of other runs, and by baselines, and measure the results.

    PSNR, SSIM and L1 are means over the images, or over the photographs that tiles are from, with pixels rounded to
    bytes. With a feature extractor, there are also FID to the targets and, if it knows their classes, the share of
    images that it assigns to the class of their label.
    """
    few = batches_of(config, training.part(slice(CHOSEN_BY)), "cpu", "baselines")
    source, target = (np.concatenate([x.numpy() for x in parts]) for parts in zip(*few, strict=True))
    baselines = paired_task(config).baselines(config, source, target)
    makers: dict[str, Callable[[Tensor], NDArray[Any]]] = {
        TRANSLATED: partial(translated, gan),
        **{
            f"the run {name}" if name in (TRANSLATED, TARGETS, *baselines) else name: partial(translated, other)
            for name, other in others.items()
        },
        **{name: _of_numpy(maker) for name, maker in baselines.items()},
    }
    made: dict[str, list[NDArray[np.uint8]]] = {name: [] for name in (*makers, TARGETS)}
    near: dict[str, list[dict[str, NDArray[np.float64]]]] = {name: [] for name in makers}
    done = 0
    for sources, targets in batches_of(config, held_out, device_of(gan)):
        made[TARGETS].append(to_uint8(targets.numpy()))
        for name, make in makers.items():
            made[name].append(to_uint8(make(sources)))
            near[name].append(compute(ImagePairs(made[name][-1], made[TARGETS][-1])))
        done += len(targets)
        on_progress(done, len(held_out))
    each = {}
    for name, parts in near.items():
        found = {figure: np.concatenate([part[figure] for part in parts]) for figure in parts[0]}
        each[name], names = of_images(found, held_out.names_or_numbers)
    figures = {name: _means(found) for name, found in each.items()}
    if extractor is not None:
        knows = extractor.data == name_of(config.data.place) and extractor.class_names == held_out.class_names
        labels = held_out.labels if knows else None
        _add_feature_figures(figures, {name: np.concatenate(parts) for name, parts in made.items()}, labels, extractor)
    return Comparison(figures, {TRANSLATED: each[TRANSLATED]}, {TRANSLATED: names})


def _of_numpy(maker: Maker) -> Callable[[Tensor], NDArray[Any]]:
    """Baseline that takes a Tensor."""
    return lambda images: maker(images.numpy())


def _add_feature_figures(
    figures: dict[str, dict[str, float]],
    images: dict[str, NDArray[np.uint8]],
    labels: NDArray[np.int64] | None,
    extractor: FeatureExtractor,
) -> None:
    """Add the figures of a feature extractor, also for the targets themselves, whose FID is 0."""
    real = extractor.features(images[TARGETS])
    for name, pixels in images.items():
        features = extractor.features(pixels)
        own = figures.setdefault(name, {})
        if len(real) > features.shape[1]:
            own["fid"] = fid(real, features)
        if labels is not None and extractor.classes is not None:
            own["recognised"] = float((extractor.probabilities(features).argmax(axis=1) == labels).mean())


def compare_cycle(
    config: CycleConfig,
    gan: Cycle,
    held_out: tuple[ImageSet, ImageSet],
    kind_of: Classifier,
    extractor: FeatureExtractor | None = None,
    on_progress: Progress = lambda done, total: None,
) -> Comparison:
    """Translate hold-out images of both domains, and measure the results and, for comparison, real images.

    `style` is the share that `kind_of`, a `style_classifier`, assigns to the intended domain. With a feature extractor,
    `recognised` is the share assigned to the class of the source image; inverted images are inverted back for it, as it
    has seen no such images. FID is to real images of the intended domain. `back` is L1 between images and themselves
    translated there and back. For styles, the right result is known, and pixels are compared with it.
    """
    a, b = held_out
    knows = (
        extractor is not None
        and extractor.data == name_of(config.data.place)
        and extractor.class_names == a.class_names
    )
    inverted = config.targets.styles is not None and "inverted" in checked_styles(config.targets.styles)

    def recognised(
        pixels: NDArray[np.uint8], labels: NDArray[np.int64] | None, kind: int
    ) -> dict[str, NDArray[np.float64]]:
        """For each image, 1 if it is recognised as of that domain, and as of its class. Shapes: (N,)"""
        found = {"style": kind_of.labels(pixels) == kind}
        if extractor is not None and labels is not None and knows:
            upright = 255 - pixels if inverted and kind else pixels
            found["recognised"] = extractor.probabilities(extractor.features(upright)).argmax(axis=1) == labels
        return {name: values.astype(np.float64) for name, values in found.items()}

    figures: dict[str, dict[str, float]] = {}
    each: dict[str, dict[str, NDArray[np.float64]]] = {}
    sides = (
        ("A to B", gan.forth, gan.back, a, b, 1),
        ("B to A", gan.back, gan.forth, b, a, 0),
    )
    done = 0

    def show(within: int, _: int) -> None:
        on_progress(done + within, len(a) + len(b))

    for name, there, back, images, wanted, kind in sides:
        made, home = there_and_back(there, back, images, show)
        done += len(images)
        each[name] = {**recognised(made, images.labels, kind), "back": home}
        if config.targets.styles is not None:
            each[name] |= compute(ImagePairs(made, wanted.images))
        figures[name] = _means(each[name])
        if extractor is not None:
            features, real = extractor.features(made), extractor.features(wanted.images)
            if len(real) > real.shape[1]:
                figures[name]["fid"] = fid(real, features)
        figures[f"real {'AB'[kind]}"] = _means(recognised(wanted.images, wanted.labels, kind))
    return Comparison(figures, each, {"A to B": a.names_or_numbers, "B to A": b.names_or_numbers})


def _means(each: dict[str, NDArray[np.float64]]) -> dict[str, float]:
    """Mean of each figure."""
    return {name: float(values.mean()) for name, values in each.items()}


def style_classifier(
    config: CycleConfig,
    kinds: tuple[ImageSet, ImageSet],
    held_out: tuple[ImageSet, ImageSet],
    on_progress: Progress = lambda done, total: None,
) -> Classifier:
    """Train a classifier to tell the two domains apart, with more epochs if there are few images."""

    def both(parts: tuple[ImageSet, ImageSet]) -> ImageSet:
        few = [part.images[:STYLE_IMAGES] for part in parts]
        labels = np.repeat([0, 1], [len(images) for images in few])
        return ImageSet(np.concatenate(few), labels, "two kinds of images")

    training = both(kinds)
    epochs = max(STYLE_EPOCHS, STYLE_EPOCHS * 2 * STYLE_IMAGES // (4 * len(training)))
    return train_classifier(training, both(held_out), config.seed, epochs, on_progress)
