"""The trainer: takes the steps of a task, and turns them into checkpoints and back. It knows no files."""

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

import rawgan_kernels
from rawgan import device
from rawgan.config.run import RunConfig
from rawgan.data.image_set import Progress
from rawgan.errors import ArgumentError, ConfigError, DeviceError, DivergedError
from rawgan.gan import StepMetrics
from rawgan.storage.checkpoint import About, Checkpoint
from rawgan.storage.provenance import digest_of, digests_of_files, environment
from rawgan.tasks import task_of
from rawgan.training.memory import check_memory, out_of_memory
from rawgan.training.start import Taken, take_weights
from rawgan.training.state import arrays_of, check_on_paper, restore_gan
from rawgan_kernels import array_module

Record = dict[str, float]
"""Figures of one step by name, a line of metrics.jsonl: "step" (steps taken so far, this one included), "epoch" (passes
over the data so far), and the figures that `rawgan.gan` declares."""


class Trainer:
    """Networks in training. The data is loaded; the networks are new, or restored from a checkpoint.

    `start` has the weights of another run that new networks begin with, if the configuration says so: see
    `rawgan.inference.fine_tuning`.

    Raises: DataError, ArgumentError, DeviceError for whatever would go wrong later; ConfigError for a checkpoint of
        other networks

    >>> from rawgan.config.noise import TrainConfig
    >>> trainer = Trainer(TrainConfig.of(steps=1, width=2, batch_size=4))
    >>> trainer.task.data
    ImageSet('mnist', 60000 images of 28 × 28 × 1, labelled)
    >>> trainer.step(1)["step"]
    1
    """

    def __init__(
        self,
        config: RunConfig,
        on_progress: Progress | None = None,
        checkpoint: Checkpoint | None = None,
        start: Checkpoint | None = None,
    ) -> None:
        config.check()
        self.start = start
        self.taken: Taken | None = None
        """Layers that took their weights from the start, if the networks were begun with it."""
        self.device = device.resolve(config.machine.device)
        if self.device not in rawgan_kernels.BACKENDS.get(config.machine.backend, (self.device,)):
            raise ArgumentError(
                f"backend: {config.machine.backend} does not compute on device {self.device}\n"
                "  leave --backend out, which takes one that does, or choose another --device"
            )
        rawgan_kernels.use(config.machine.backend)
        self.task = task_of(config, self.device, on_progress or (lambda done, total: None))
        self.config = self.task.config
        self._digests = {**digests_of_files(self.config.files), **self.task.digests}
        self.steps = self.config.optimiser.total_steps(self.task.batches.per_epoch)
        self.restart(checkpoint)
        check_memory(self.task)

    @property
    def gan(self) -> Any:
        """The networks, their optimisers and averages."""
        return self.task.gan

    @property
    def can_begin(self) -> bool:
        """False if the weights that the run began with are gone."""
        return self.config.start.place is None or self.start is not None

    def restart(self, checkpoint: Checkpoint | None, with_its_rates: bool = False) -> None:
        """Build the networks, and put them where the checkpoint is, or at the beginning.

        A learning rate that the configuration changes takes effect, unless the checkpoint's own are asked for.

        Raises: ConfigError for a checkpoint of other networks, or without the weights that the run began with;
            ArgumentError if none of these fits
        """
        if checkpoint is None and not self.can_begin:
            raise ConfigError(
                f"init {self.config.start.place}: its weights are needed, but were not given\n"
                "  read them: config, start = rawgan.inference.fine_tuning.with_start(config)"
            )
        check_on_paper(self.task.build, checkpoint, self.device)
        self.task.begin()
        self.reached = 0
        """Steps taken so far."""
        self.rollbacks = 0
        """Number of times the run went back because of numbers that were not finite."""
        if checkpoint is None:
            if self.start is not None:
                self.taken = take_weights(self.gan, self.start, str(self.config.start.place))
            return
        rates = {name: optimizer.lr for name, optimizer in self.gan.optimizers.items()}
        restore_gan(self.gan, checkpoint)
        options = "learning_rate", "d_learning_rate"
        if not with_its_rates and any(
            self.config.options[name] != checkpoint.about.config.get(name) for name in options
        ):
            for name, optimizer in self.gan.optimizers.items():
                optimizer.lr = rates[name]
        self.reached, self.rollbacks = checkpoint.about.step, checkpoint.about.rollbacks

    # --- steps -------------------------------------------------------------------------------------------------------

    def step(self, number: int) -> Record:
        """Take training step `number`, counted from 1.

        Raises: DivergedError if a loss is not finite, DeviceError if the memory is too small
        """
        (record,) = self.records([self._taken(number, self.task.fastest_step)])
        return record

    def take(self, kernel_by_kernel: bool = False) -> Any:
        """Take the next step. Returns the names and values of its figures, the values as one array that is still on
        the device; `records` reads them.

        Raises: DeviceError if the memory is too small
        """
        return self._taken(self.reached + 1, self.task.step if kernel_by_kernel else self.task.fastest_step)

    def _taken(self, number: int, step: Callable[[int], StepMetrics]) -> Any:
        try:
            with (
                self._slowed(number - 1),
                rawgan_kernels.precision(self.config.machine.precision),
                np.errstate(all="ignore"),  # numbers that are not finite are looked for, and traced, after the step
            ):
                metrics = step(number - 1)
            self.gan.update_average(number - 1)
        except MemoryError as error:
            raise DeviceError(f"step {number}: {out_of_memory(self.task)}") from error
        self.reached = number
        figures = metrics.by_name()
        return [*figures], array_module(metrics[0]._array).stack([value._array for value in figures.values()])

    @contextmanager
    def _slowed(self, index: int) -> Iterator[None]:
        """Set the learning rates of step `index`; afterwards, those of the first step again."""
        factor = 0.5 ** (index / self.config.optimiser.half_life) if self.config.optimiser.half_life else 1.0
        with ExitStack() as stack:
            for optimizer in self.gan.optimizers.values():
                stack.enter_context(optimizer.slowed(factor))
            yield

    def records(self, taken: list[Any]) -> Iterator[Record]:
        """Records of the latest steps, fetched from the device in one go.

        Raises: DivergedError if a loss is not finite
        """
        if not taken:
            return
        arrays = [array for _, array in taken]
        values = iter(device.to_device(array_module(arrays[0]).concatenate(arrays), "cpu").tolist())
        for number, (names, _) in enumerate(taken, self.reached - len(taken) + 1):
            figures = {name: next(values) for name in names}
            if not (math.isfinite(figures["d_loss"]) and math.isfinite(figures["g_loss"])):
                raise DivergedError(
                    f"step {number}: the losses are no longer finite, so training stops\n"
                    f"  discriminator {figures['d_loss']}   generator {figures['g_loss']}"
                )
            yield {"step": number, "epoch": number * self.task.epochs_per_step, **figures}

    # --- checkpoints -------------------------------------------------------------------------------------------------

    def checkpoint(self) -> Checkpoint:
        """All that the training is now: a copy, which further steps do not change."""
        optimizers = self.gan.optimizers
        about = About(
            step=self.reached,
            steps=self.steps,
            config=self.config.to_dict(),
            counts={name: list(optimizer.counts) for name, optimizer in optimizers.items()},
            rates={name: optimizer.lr for name, optimizer in optimizers.items()},
            rollbacks=self.rollbacks,
            made_by=self.made_by(),
        )
        return Checkpoint(about, arrays_of(self.gan))

    def made_by(self) -> dict[str, str]:
        """Everything that the bits of a run depend on besides its configuration."""
        return {
            **environment(self.kernels, self.device),
            "precision": self.config.machine.precision,
            **digest_of(*self.task.images),
            **self._digests,
        }

    @property
    def kernels(self) -> str:
        """Name of the backend that computes."""
        return rawgan_kernels.backend_of(self.gan.optimizers["g_optimizer"].parameters[0]._array)


def check_finite(checkpoint: Checkpoint) -> None:
    """Raise a DivergedError for numbers that are not finite: losses show those only in the next step."""
    if found := nonfinite_array(checkpoint):
        raise DivergedError(f"step {checkpoint.about.step}: {found}, so training stops")


def nonfinite_array(checkpoint: Checkpoint) -> str | None:
    """The first array whose numbers are not all finite, in words; None if all are."""
    for name, array in checkpoint.arrays.items():
        if not np.isfinite(array).all():
            return f"{name} {array.shape} is no longer finite"
    return None
