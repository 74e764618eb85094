"""Configuration of `rawgan train`: images, or points, from noise."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

from rawgan.config.augmentation import AugmentationOptions
from rawgan.config.data import NoiseDataOptions
from rawgan.config.machine import NoiseMachineOptions
from rawgan.config.measuring import NoiseMeasuringOptions
from rawgan.config.networks import NoiseNetworkOptions
from rawgan.config.objective import ObjectiveOptions
from rawgan.config.optimiser import NoiseOptimiserOptions
from rawgan.config.options import Range
from rawgan.config.output import OutputOptions
from rawgan.config.penalty import NoisePenaltyOptions
from rawgan.config.run import RunConfig
from rawgan.config.start import StartOptions
from rawgan.data import MIXTURES
from rawgan.data.pixels import CROP
from rawgan.errors import ArgumentError
from rawgan.gan import (
    AUGMENTATIONS,
    MODELS,
    DataSpec,
    ImageSpec,
    LossConfig,
    PointSpec,
    check_batch,
    models_for,
    split_size,
)
from rawgan.gan.augmentations.adaptation import IMAGES, TARGET
from rawgan.metrics.extractors.choice import choose
from rawgan.metrics.figures.mixture_quality import POINTS

POINT_STEPS = 8000
"""Default number of training steps for points."""

FOR_POINTS: dict[str, Any] = {
    "model": "mlp",
    "objective": "relativistic",
    "penalty": "r1+r2",
    "penalty_every": 8,
    "ema": 0.999,
    "half_life": 4000,
    "batch_size": 256,
    "noise_size": 2,
    "width": 128,
    "samples": 2500,
    "sample_every": 500,
    "checkpoint_every": 500,
}
"""Defaults where the data is a mixture; `python -m bench mixtures` measures them."""


@dataclasses.dataclass(frozen=True)
class TrainConfig(RunConfig):
    """Train a GAN and leave pictures, losses and weights in a run folder.

    >>> TrainConfig.of(epochs=2).optimiser.total_steps(per_epoch=900)
    1800
    """

    command: ClassVar[str] = "train"

    data: NoiseDataOptions = NoiseDataOptions()
    networks: NoiseNetworkOptions = NoiseNetworkOptions()
    start: StartOptions = StartOptions()
    objective: ObjectiveOptions = ObjectiveOptions()
    penalty: NoisePenaltyOptions = NoisePenaltyOptions()
    augmentation: AugmentationOptions = AugmentationOptions()
    optimiser: NoiseOptimiserOptions = NoiseOptimiserOptions()
    output: OutputOptions = OutputOptions()
    measuring: NoiseMeasuringOptions = NoiseMeasuringOptions()
    machine: NoiseMachineOptions = NoiseMachineOptions()
    seed: Annotated[int, Range(0, 2**64 - 1)] = 0
    """Seed of weights, noise and the order of images: the same seed gives the same run."""

    @classmethod
    def defaults_for(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Defaults for points, where the data is a mixture, and the model's own, which take precedence.

        >>> TrainConfig.of(data="ring8").model
        'mlp'
        """
        of_data = FOR_POINTS if given.get("data") in MIXTURES else {}
        name = given.get("model", of_data.get("model", NoiseNetworkOptions.model))
        return {**of_data, **(MODELS[name].defaults if name in MODELS else {})}

    @property
    def derived(self) -> dict[str, Any]:
        model, rate = MODELS[self.model], self.optimiser.learning_rate
        own: dict[str, Any] = {
            "learning_rate": model.learning_rate,
            "d_learning_rate": (model.learning_rate if rate is None else rate) * model.d_rate,
            "g_penalty_weight": self.penalty.default_g_weight,
        }
        own |= {"augment": "none" if self.data.mixture else None, **self.augmentation.defaults}
        measured = {"evaluate_samples": POINTS} if self.data.mixture and self.measuring.every is not None else {}
        return super().derived | own | measured

    @property
    def default_steps(self) -> int:
        return POINT_STEPS if self.data.mixture else super().default_steps

    @property
    def missing(self) -> str | None:
        """Name of an option that every run writes down but that is unset here; None if there is no such option."""
        if self.networks.conditional != "none" and self.networks.classes is None:
            return "classes"
        return None if self.data.mixture is not None else super().missing

    def check(self) -> None:
        super().check()
        data, networks = self.data, self.networks
        if self.machine.cuda_graph and self.optimiser.half_life:
            raise ArgumentError("cuda_graph is for constant learning rates; leave out half_life")
        if self.machine.cuda_graph and networks.conditional != "none":
            raise ArgumentError(
                f"cuda_graph repeats a step, but conditional {networks.conditional} has other labels in each\n"
                "  leave out one of the two"
            )
        if self.machine.cuda_graph and self.augmentation.name not in (None, "none"):
            raise ArgumentError(
                f"cuda_graph repeats a step, but augment {self.augmentation.name} draws other numbers in each\n"
                "  leave out --cuda-graph, or take --augment none"
            )
        self._check_batch()
        self._check_kind()
        every = self.defaults_for(self.options).get("g_penalty_every", 1)
        if self.penalty.g_name == "none" and (
            self.penalty.g_weight is not None or self.penalty.g_every not in (1, every)
        ):
            raise ArgumentError(
                "g_penalty_weight and g_penalty_every have no effect without --g-penalty; leave them out"
            )
        if data.image_size is not None:
            split_size(data.image_size)
        check_batch(self.model, self.spec, data.batch_size, networks.pack, self.penalty.name, self.penalty.g_name)
        if not data.mixture:
            self.output.check_size(data.size)

    def _check_kind(self) -> None:
        """Raise an ArgumentError for a model or options that are for other data."""
        data, made = self.data, MODELS[self.model].spec
        kind = PointSpec if data.mixture else ImageSpec
        if made is not kind:
            raise ArgumentError(
                f"model {self.model} makes {made.name}, but {data.place} is {kind.name}\n  take --model "
                f"{' or '.join(models_for(kind))}"
                + ("" if data.mixture else f", or points: --data {' or '.join(MIXTURES)}")
            )
        of_images = "image_size", "fit", "channels", "white", "skip_broken", "augment", "mirror", "evaluate_features"
        for name in of_images if data.mixture else ():
            if self.options[name] not in (None, False, CROP, "none"):
                raise ArgumentError(f"{name} is for images, but {data.place} is points; leave it out")
        if data.mixture and self.networks.conditional != "none":
            raise ArgumentError(
                f"conditional {self.networks.conditional} needs labels, which {data.place} does not have"
            )

    def _check_batch(self) -> None:
        """Raise an ArgumentError for a batch that D cannot take."""
        batch_size, pack = self.data.batch_size, self.networks.pack
        if batch_size % pack:
            raise ArgumentError(f"batch_size {batch_size} must be a multiple of pack {pack}")

    def loss_config(self) -> LossConfig:
        weight = self.penalty.default_g_weight if self.penalty.g_weight is None else self.penalty.g_weight
        config = super().loss_config()
        if self.augmentation.name in AUGMENTATIONS:
            config = dataclasses.replace(
                config,
                augment=self.augmentation.name,
                augment_target=TARGET if self.augmentation.target is None else self.augmentation.target,
                augment_images=self.augmentation.images or IMAGES,
            )
        if weight is None:
            return config
        return dataclasses.replace(
            config,
            g_penalty=self.penalty.g_name, g_penalty_weight=weight, g_penalty_every=self.penalty.g_every,
        )  # fmt: skip

    @property
    def files(self) -> dict[str, Path]:
        if self.data.mixture is not None or self.measuring.every is None:
            return {}
        features = choose(self.data.place, self.measuring.features)
        return {"evaluate_features": features} if isinstance(features, Path) else {}

    @property
    def model(self) -> str:
        return self.networks.model

    @property
    def spec(self) -> DataSpec:
        """DataSpec of data that the networks make; images have one channel until the data was seen."""
        return PointSpec() if self.data.mixture else ImageSpec(self.data.size, self.data.channels or 1)

    def use(self, run: Path) -> str:
        return f"more {self.spec.name}: rawgan sample {run}"
