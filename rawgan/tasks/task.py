"""The interface of a task: what is trained, with which data, and how one step is taken."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from rawgan import nn
from rawgan.config.run import RunConfig
from rawgan.data import Batches, ImageSet, Mixture, PointBatches
from rawgan.data.image_set import Progress
from rawgan.diagnosis.doctor import Remedies
from rawgan.diagnosis.subject import DiagnosisSubject
from rawgan.diagnosis.symptom import Symptom
from rawgan.gan import StepMetrics, Trained
from rawgan.pictures import save_grid
from rawgan.tensor import Tensor

EXAMINED = 256
"""Images that a diagnosis looks at."""


class Task(ABC):
    """Data and networks of one training: everything about it but the loop.

    A subclass names the configurations that ask for it. Making a task loads the data and builds no networks: these are
    built, and built again when a run goes back, by `begin`.

    Raises: DataError for images that cannot be read
    """

    configs: ClassVar[tuple[type[RunConfig], ...]]
    """Configurations that ask for this task."""

    config: RunConfig
    """The configuration, completed with what the data says."""
    data: ImageSet | Mixture
    """Images, or the mixture, to train with."""
    images: tuple[ImageSet, ...] = ()
    """Every image set that was read, hold-out sets included."""
    measured_by: str = ""
    """Title of the network by whose features images are measured; empty without one."""
    digests: Mapping[str, str] = MappingProxyType({})
    """Digests of networks without a file that images are measured by, by the option that names them."""
    batches: Batches | PointBatches
    gan: Any
    """The networks, once `begin` has built them."""
    columns: int | None = None
    """Images in a row of a picture; None makes it nearly square."""
    heads: Sequence[str] = ()
    """Words above the columns of a picture, again from the first one after the last."""
    best_figure: str
    """The figure that chooses the best checkpoint: the lowest value wins. Where it is not measured, none is best."""

    def __init__(self, config: Any, device: str, on_progress: Progress = lambda done, total: None) -> None:
        self.config, self.device = config, device
        self._load(on_progress)
        self.config = self.config.with_absolute_paths()
        self.loss_config = self.config.loss_config()

    @abstractmethod
    def _load(self, on_progress: Progress) -> None:
        """Read the data, and whatever steps and measurements need besides."""

    @staticmethod
    @abstractmethod
    def networks(config: Any, device: str) -> Trained:
        """Networks that a complete configuration asks for, with the weights that they have before the first step."""

    def build(self) -> Trained:
        """Networks of this task, with the weights that they have before the first step."""
        return self.networks(self.config, self.device)

    def begin(self) -> None:
        """Take new networks."""
        self.gan = self.build()

    # --- steps -------------------------------------------------------------------------------------------------------

    @abstractmethod
    def step(self, index: int) -> StepMetrics:
        """Take step `index`, counted from 0, kernel by kernel."""

    @property
    def fastest_step(self) -> Callable[[int], StepMetrics]:
        """A function that takes a step with the same result as `step`, in the fastest way that the device has."""
        return self.step

    @property
    def epochs_per_step(self) -> float:
        """Share of the data that one step sees."""
        return 1 / self.batches.per_epoch

    @abstractmethod
    def networks_with_inputs(self) -> list[tuple[str, nn.Sequential, Tensor]]:
        """Each network with its name and a batch of its input."""

    @abstractmethod
    def memory(self) -> dict[str, int]:
        """Memory that a step takes, in bytes, by what holds it."""

    # --- looking -----------------------------------------------------------------------------------------------------

    @abstractmethod
    def sample(self) -> np.ndarray[Any, Any]:
        """Generated images, or points, of the networks as they are. The inputs are the same at every call.

        Shapes: → (N, H, W, C) in [−1, 1], or (N, 2)
        """

    def shown(self, samples: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], int]:
        """Samples in the order in which a terminal takes as many as it has room for, and how many belong together."""
        return samples, 1

    def save_picture(self, path: Path, samples: np.ndarray[Any, Any], step: int) -> object:
        """Write the samples of a step as a picture."""
        return save_grid(path, samples, self.columns, heads=self.heads, caption=f"step {step:,}")

    @abstractmethod
    def measure(self) -> dict[str, Any]:
        """Figures of the generator as it is, single numbers by name; empty where nothing is measured."""

    def look_at_d(self, step: int) -> dict[str, float]:
        """Figures of D as it is after `step` steps, on images that it does not train with; empty where there are none.
        Nothing of the networks changes."""
        return {}

    @staticmethod
    @abstractmethod
    def remedies(config: Any) -> Remedies:
        """Remedies of symptoms where they differ from the usual ones, given the options of a configuration."""

    @abstractmethod
    def subjects(self, seed: int) -> list[DiagnosisSubject]:
        """Networks, and a batch of real data chosen by the seed, for a diagnosis."""

    def _batch(self, images: ImageSet, seed: int) -> np.ndarray[Any, Any]:
        """Images for a diagnosis, as many as whole batches make of `EXAMINED`. Shapes: → (N, H, W, C)"""
        size = self.config.data.batch_size
        count = max(size, min(EXAMINED, len(images)) // size * size)
        return Batches(images, count, seed, self.device).batch(0)

    @abstractmethod
    def examine(self, step: int, records: list[dict[str, Any]]) -> list[Symptom]:
        """Symptoms after `step` steps, where `records` are the lines of metrics."""


def task_of(config: RunConfig, device: str, on_progress: Progress = lambda done, total: None) -> Task:
    """The task that a configuration asks for.

    Raises: DataError for images that cannot be read
    """
    return task_class(config)(config, device, on_progress)


def task_class(config: RunConfig) -> type[Any]:
    """The class of the task that a configuration asks for."""
    return next(kind for kind in _subclasses(Task) if isinstance(config, getattr(kind, "configs", ())))


def _subclasses(kind: type[Any]) -> list[type[Any]]:
    """Subclasses at any depth."""
    return [each for below in kind.__subclasses__() for each in (below, *_subclasses(below))]
