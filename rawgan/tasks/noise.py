"""Training that makes images, or points, out of noise."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from rawgan import nn
from rawgan.autograd import no_grad
from rawgan.config.augmentation import default_augmentation
from rawgan.config.noise import TrainConfig
from rawgan.config.options import options_of
from rawgan.data import Batches, ImageSet, PointBatches, load
from rawgan.data.image_set import Progress
from rawgan.diagnosis.doctor import Remedies, examine, is_warm
from rawgan.diagnosis.subject import DiagnosisSubject
from rawgan.diagnosis.symptom import Symptom
from rawgan.errors import DataError
from rawgan.gan import (
    GAN,
    GraphedStep,
    Labels,
    StepMetrics,
    build,
    discriminator_step,
    generate,
    generator_step,
    takes_penalties,
    train_step,
    training_bytes,
)
from rawgan.pictures.grids import save_grid
from rawgan.pictures.scatter import save_scatter
from rawgan.storage.provenance import short_digest
from rawgan.tasks.evaluators import BEST, Evaluator, PointEvaluator
from rawgan.tasks.held_out import LookAtD, split_for_d
from rawgan.tasks.task import EXAMINED as SUBJECTS
from rawgan.tasks.task import Task
from rawgan.tensor import Tensor

EXAMINED = 64
"""Images that the doctor looks at while training, if a step has as many."""
MOST_CLASSES = 10
"""Classes that a terminal shows."""


class NoiseTask(Task):
    """Images, or points, out of noise: `rawgan train`.

    >>> NoiseTask(TrainConfig.of(steps=1, width=2, batch_size=4), "cpu").data
    ImageSet('mnist', 60000 images of 28 × 28 × 1, labelled)
    """

    configs = (TrainConfig,)
    config: TrainConfig
    gan: GAN
    _read_held_out: Callable[[], ImageSet | None] | None = None

    def _load(self, on_progress: Progress) -> None:
        config = self.config
        self._evaluator: Evaluator | PointEvaluator | None = None
        if config.data.mixture is not None:
            self.data = config.data.mixture
            self.batches = PointBatches(self.data, config.data.batch_size, config.seed, self.device)
            if config.measuring.every is not None:
                self._evaluator = PointEvaluator(self.data, config.measuring.samples, config.seed)
            return
        images = images_of(config, on_progress)
        self.images = (images,)
        self.data, self._read_held_out = split_for_d(config, images, on_progress)
        size, _, channels = images.shape
        classes = classes_of(config, images)
        self.config = config.replace(
            image_size=size, channels=channels, white=images.white, classes=classes,
            class_names=images.class_names or None if classes else None,
            augment=config.augmentation.name or default_augmentation(len(self.data)),
        )  # fmt: skip
        self.config.check()  # the augmentation may not go with other options
        self.batches = Batches(
            self.data, config.data.batch_size, config.seed, self.device, mirror=config.augmentation.mirror
        )
        if config.measuring.every is not None:
            self._evaluator = Evaluator(
                self.config, images, config.measuring.features, config.measuring.samples, config.seed, on_progress
            )
            reference = self._evaluator.reference
            self.measured_by = reference.extractor.title
            if not config.files:
                self.digests = {"evaluate_features": short_digest(reference.extractor.sha256)}
            self.config = self.config.replace(evaluate_samples=reference.count)

    @staticmethod
    def networks(config: TrainConfig, device: str) -> GAN:
        return build_gan(config, device)

    def begin(self) -> None:
        super().begin()
        self._graphed = GraphedStep(self.gan, self.loss_config) if self.config.machine.cuda_graph else None
        self._grid = self.gan.grid(self.config.seed, "samples", self.config.output.samples)
        self.columns = self._grid.columns  # a row is a class, where there are any

    @property
    def fastest_step(self) -> Callable[[int], StepMetrics]:
        """The step as a CUDA graph, where the configuration asks for that."""
        graphed = self._graphed
        return self.step if graphed is None else lambda index: graphed(self.real(index), self._noise(index))

    def step(self, index: int) -> StepMetrics:
        """Update D `d_steps` times, then G `g_steps` times. The figures are those of the last update of each."""
        d_steps, g_steps = self.config.optimiser.d_steps, self.config.optimiser.g_steps
        first, noise = index * d_steps, index * (d_steps + g_steps - 1)
        for extra in range(d_steps - 1):
            labels = self._labels(first + extra)
            with no_grad():
                fake = self.gan.generator(self.gan.latent(self._noise(noise + extra), labels))
            discriminator_step(self.gan, self.real(first + extra), fake, self.loss_config, index, labels)
        real, labels = self.real(first + d_steps - 1), self._labels(first + d_steps - 1)
        metrics = train_step(self.gan, real, self._noise(noise + d_steps - 1), self.loss_config, index, labels)
        for extra in range(d_steps, d_steps + g_steps - 1):
            fake = self.gan.generator(self.gan.latent(self._noise(noise + extra), labels))
            metrics = metrics._replace(**generator_step(self.gan, fake, real, self.loss_config, index, labels))
        return metrics

    def _noise(self, index: int) -> Tensor:
        return self.gan.noise(self.config.seed, "train", self.config.data.batch_size, index)

    def _labels(self, index: int) -> Labels | None:
        """The classes of the real images of batch `index`; None unless they matter."""
        return self.batches.labels(index) if self.gan.classes and isinstance(self.batches, Batches) else None

    @property
    def epochs_per_step(self) -> float:
        return self.config.optimiser.d_steps / self.batches.per_epoch

    def real(self, index: int) -> Tensor:
        """The real images, or points, of batch `index`, counted from 0.

        Shapes: → (batch_size, H, W, C) in [−1, 1], or (batch_size, 2)
        """
        return Tensor.wrap(self.batches.batch(index))  # nobody else has the array: no copy is kept

    def sample(self) -> np.ndarray[Any, Any]:
        """Images, or points, from the same noise each time; a row of images for each class.

        Shapes: → (samples, H, W, C) in [−1, 1], or (samples, 2) where the mixture is
        """
        return generate(self.gan.sampler, self._grid.latent, extent=self.config.data.extent)

    def measure(self) -> dict[str, Any]:
        """Figures of the generator as it is, by name, from the same noise each time; none where there is no measuring.

        Those that are a single number: metrics.jsonl has no place for histograms.
        """
        if self._evaluator is None:
            return {}
        latent, labels = self._evaluator.ask(self.gan)
        samples = generate(self.gan.sampler, latent, extent=self.config.data.extent)
        figures = self._evaluator.measure(samples, labels=labels)
        return {name: value for name, value in figures.items() if np.ndim(value) == 0}

    @cached_property
    def held_out(self) -> ImageSet | None:
        """A few images like those of the training; None for points, and where there are too few."""
        return None if self._read_held_out is None else self._read_held_out()

    @cached_property
    def _look(self) -> LookAtD | None:
        return LookAtD.of(self.config, self.batches, self.held_out) if isinstance(self.batches, Batches) else None

    def look_at_d(self, step: int) -> dict[str, float]:
        return {} if self._look is None else {"d_held_out": self._look.probability(self.gan, step)}

    def networks_with_inputs(self) -> list[tuple[str, nn.Sequential, Tensor]]:
        gan, z = self.gan, self.gan.noise(self.config.seed, "describe", self.config.data.batch_size)
        return [
            ("generator", gan.generator, gan.latent(z, gan.cyclic_labels(len(z)))),
            ("discriminator", gan.discriminator, self.real(0)),
        ]

    def shown(self, samples: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], int]:
        """Samples ordered so that those of one noise, one of each class, belong together."""
        if self.columns is None:
            return super().shown(samples)
        by_class = samples.reshape(-1, self.columns, *samples.shape[1:])[:MOST_CLASSES]
        return by_class.swapaxes(0, 1).reshape(-1, *samples.shape[1:]), len(by_class)

    def memory(self) -> dict[str, int]:
        return training_bytes(self.gan, self.config.data.batch_size)

    @property
    def best_figure(self) -> str:  # type: ignore[override]
        return BEST[self.config.spec.name]

    def save_picture(self, path: Path, samples: np.ndarray[Any, Any], step: int) -> object:
        """Write images as a grid, points as a scatter plot."""
        if self.config.data.mixture is not None:
            return save_scatter(path, samples, self.config.data.mixture, f"step {step:,}")
        titles = self.config.networks.titles(self._grid.labels, self.columns)
        return save_grid(path, samples, self.columns, titles=titles, caption=f"step {step:,}")

    @staticmethod
    def remedies(config: TrainConfig) -> Remedies:
        """Remedies that the model, the kind of data and the other options allow."""
        model = "" if takes_penalties(config.model, config.spec, config.networks.pack) else " --model residual"
        pack = ", or --pack 2" if config.networks.conditional == "none" and config.networks.pack == 1 else ""
        with_model = f", with{model}" if model else ""
        overfits = {  # beside an augmentation
            "diffaugment": "--augment ada; more images; a smaller --d-width",
            "ada": "a lower --augment-target, or fewer --augment-images; more images; a smaller --d-width",
        }
        return {
            "mode collapse": f"--penalty r1+r2 --objective relativistic{model}{pack}; a lower --learning-rate",
            **({"D overfits": overfits[config.augmentation.name]} if config.augmentation.name in overfits else {}),
            "D is winning": (
                ("--objective non-saturating; " if config.objective.name == "minimax" else "")
                + f"--d-learning-rate, a quarter of G's; --instance-noise 0.2; or a --penalty{with_model}"
            ),
        }

    def subjects(self, seed: int) -> list[DiagnosisSubject]:
        labels, size = None, self.config.data.batch_size
        if isinstance(self.data, ImageSet):
            real = self._batch(self.data, seed)
            if self.gan.classes:
                labels = Batches(self.data, len(real), seed, self.device).labels(0)
        else:
            real = PointBatches(self.data, max(size, SUBJECTS // size * size), seed, self.device).batch(0)
        z = self.gan.noise(seed, "diagnose", len(real))
        taken = self.gan.g_optimizer.steps // self.config.optimiser.g_steps
        logits = None if self._look is None else self._look.logits(self.gan, taken)
        return [DiagnosisSubject("", self.gan, Tensor(real), self.gan.latent(z, labels), labels, logits)]

    def examine(self, step: int, records: list[dict[str, Any]]) -> list[Symptom]:
        count = self.config.data.batch_size
        if count > EXAMINED and EXAMINED % (4 * self.config.networks.pack) == 0:  # as D takes them
            count = EXAMINED
        batch = step * self.config.optimiser.d_steps - 1
        real, labels = self.real(batch)[:count], self._labels(batch)
        labels = None if labels is None else labels[:count]
        z = self.gan.noise(self.config.seed, "doctor", count, step)
        logits = self._look.logits(self.gan, step) if is_warm(records) and self._look is not None else None
        return examine(
            self.gan, real, self.gan.latent(z, labels), self.loss_config, records, labels, self.remedies(self.config),
            logits,
        )  # fmt: skip


def images_of(config: TrainConfig, on_progress: Progress = lambda done, total: None) -> ImageSet:
    """Images that a configuration names.

    Raises: DataError for images that cannot be read
    """
    return load(
        config.data.place,
        image_size=config.data.size,
        channels=config.data.channels,
        skip_broken=config.data.skip_broken,
        white=config.data.white,
        fit=config.data.fit,
        on_progress=on_progress,
    )


def classes_of(config: TrainConfig, images: ImageSet) -> int | None:
    """Number of classes of a conditional run; None for others.

    Raises: DataError for images without labels, or of another number of classes than the configuration says
    """
    if config.networks.conditional == "none":
        return None
    found = images.count_classes()
    options_of(TrainConfig)["classes"].check(found)
    if config.networks.classes not in (None, found):
        raise DataError(
            f"{images.name}: its labels number {found} classes, but --classes says {config.networks.classes}\n"
            "  leave --classes out, or choose the data that it is about"
        )
    if config.networks.class_names not in (None, images.class_names):
        raise DataError(
            f"{images.name}: its classes are {', '.join(images.class_names) or 'without names'}, but those of the run "
            f"{', '.join(config.networks.class_names)}\n  have them back, or begin a new run"
        )
    return found


def build_gan(config: TrainConfig, device_name: str) -> GAN:
    """Networks that a configuration asks for, before the first step."""
    return build(
        config.model,
        config.spec,
        noise_size=config.networks.noise_size,
        width=config.networks.width,
        d_width=config.networks.d_width,
        learning_rate=config.optimiser.learning_rate,
        d_learning_rate=config.optimiser.d_learning_rate,
        pack=config.networks.pack,
        average_decay=config.networks.ema,
        spectral_norm=config.networks.spectral_norm,
        conditional=config.networks.conditional,
        classes=config.networks.classes or 0,
        g_penalty=None if config.penalty.g_name == "none" else config.penalty.g_name,
        augment=None if config.augmentation.name == "none" else config.augmentation.name,
        seed=config.seed,
        device=device_name,
    )
