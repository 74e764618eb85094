"""Options about measuring the images during training."""

import dataclasses
from typing import Annotated

from rawgan.config.options import Group, Named, Place, Range, Word
from rawgan.errors import ArgumentError
from rawgan.metrics.extractors.choice import INCEPTION, NAMES, choose


@dataclasses.dataclass(frozen=True)
class MeasuringOptions(Group):
    """Measurements of translated images during training."""

    every: Annotated[int | None, Named("evaluate_every"), Range(1, 10**9)] = None
    """Measure the images every N steps, as rawgan evaluate does, and keep the best checkpoint as best.safetensors.
    Unset: never."""
    samples: Annotated[int | None, Named("evaluate_samples"), Range(2, 10**6)] = None
    """Number of images to measure. Unset: 1000, or as many as there are."""

    def check(self) -> None:
        super().check()
        if self.every is None and self.samples is not None:
            raise ArgumentError("evaluate_samples has no effect without evaluate_every; give both or none")


@dataclasses.dataclass(frozen=True)
class NoiseMeasuringOptions(MeasuringOptions):
    """Measurements of generated images during training."""

    samples: Annotated[int | None, Named("evaluate_samples"), Range(2, 10**6)] = None
    """Number of images to measure. Unset: 10,000, or as many as there are real images; 2,500 points."""
    features: Annotated[str | None, Named("evaluate_features"), Word("FILE"), Place(NAMES)] = None
    """Feature extractor: self, learned from the images in a minute; random, a random network; or a file of rawgan
    train-classifier, of Inception's weights (inception says how to make it), or ONNX. Unset: the classifier of digits
    that comes with rawgan, for mnist and stacked-mnist; self for other images."""

    def check(self) -> None:
        super().check()
        if self.features == INCEPTION:
            choose("", self.features)  # says how to make the file
        if self.every is None and self.features is not None:
            raise ArgumentError("evaluate_features has no effect without evaluate_every; give both or none")
