"""A training run, from its configuration to its folder."""

import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import rawgan_kernels
from rawgan import __version__, device
from rawgan.autograd import no_grad
from rawgan.data import Batches, ImageSet, Mixture, PointBatches
from rawgan.data.imageset import Progress
from rawgan.errors import ArgumentError, DeviceError, DivergedError
from rawgan.gan import (
    GraphedStep,
    Labels,
    Outcome,
    discriminator_step,
    generate,
    generator_step,
    human_bytes,
    train_step,
    training_bytes,
)
from rawgan.runs.background import Background
from rawgan.runs.checkpoint import About, Checkpoint
from rawgan.runs.config import TrainConfig
from rawgan.runs.doctor import examine
from rawgan.runs.evaluating import BEST, Evaluator, PointEvaluator
from rawgan.runs.folder import RunFolder
from rawgan.runs.guard import first_nonfinite
from rawgan.runs.pictures import animate_folder, plot_losses, save_grid
from rawgan.runs.restoring import build_gan, classes_of, images_of
from rawgan.runs.scatter import save_scatter
from rawgan.runs.state import arrays_of, networks_of, optimizers_of, restore_gan
from rawgan.tensor import Tensor
from rawgan_kernels import array_module

SHOWN_SECONDS = 0.1
"""Between two looks at the losses of steps on a GPU."""

EXAMINED = 64
"""Images that the doctor looks at while training, if a step has as many."""

ROLLBACKS = 5
"""After so many, a run that is told to go back stops all the same."""


class Record(NamedTuple):
    """One line of metrics.jsonl."""

    step: int
    """Steps taken so far, this one included."""
    epoch: float
    """Passes over the data so far."""
    d_loss: float
    g_loss: float
    d_real: float
    d_fake: float
    class_real: float | None = None
    """Of an auxiliary D; see `Outcome`."""
    class_fake: float | None = None

    def to_dict(self) -> dict[str, float]:
        """What there is."""
        return {name: value for name, value in self._asdict().items() if value is not None}


class Training:
    """A run that is ready to go: the data is loaded, the networks are built, or as a checkpoint has them.

    Raises: DataError, ArgumentError, DeviceError for whatever would have gone wrong later; ConfigError for a checkpoint
        of other networks

    >>> training = Training(TrainConfig(steps=1, width=2, batch_size=4))
    >>> training.data
    ImageSet('mnist', 60000 images of 28 × 28 × 1, labelled)
    >>> training.step(1).step
    1
    """

    def __init__(
        self, config: TrainConfig, on_progress: Progress | None = None, checkpoint: Checkpoint | None = None
    ) -> None:
        config.check()
        self.device = device.resolve(config.device)
        if self.device not in rawgan_kernels.BACKENDS.get(config.backend, (self.device,)):
            raise ArgumentError(
                f"backend: {config.backend} does not compute on device {self.device}\n"
                "  leave --backend out, which takes one that does, or choose another --device"
            )
        rawgan_kernels.use(config.backend)
        self.config, show = config, on_progress or (lambda done, total: None)
        self.data: ImageSet | Mixture
        self.batches: Batches | PointBatches
        self._evaluator: Evaluator | PointEvaluator | None = None
        if config.mixture is not None:
            self.data = config.mixture
            self.batches = PointBatches(self.data, config.batch_size, config.seed, self.device)
            if config.evaluate_every is not None:
                self._evaluator = PointEvaluator(self.data, config.evaluate_samples, config.seed)
        else:
            self.data = images_of(config, show)
            size, _, channels = self.data.shape
            self.config = dataclasses.replace(
                config, image_size=size, channels=channels, classes=classes_of(config, self.data)
            )
            self.batches = Batches(self.data, config.batch_size, config.seed, self.device)
            if config.evaluate_every is not None:
                features = None if config.evaluate_features is None else Path(config.evaluate_features)
                self._evaluator = Evaluator(
                    self.config, self.data, features, config.evaluate_samples, config.seed, on_progress=show
                )
        self.steps = config.total_steps(self.batches.per_epoch)
        self._begin(checkpoint)
        self._grid = self.gan.grid(config.seed, "samples", config.samples)
        self.columns = self._grid.columns
        """Images in a row of the samples, where a row is a class."""

    def _begin(self, checkpoint: Checkpoint | None) -> None:
        """Build the networks, and be where the checkpoint is, or at the beginning."""
        self.gan = build_gan(self.config, self.device)
        self.reached = 0
        """Steps taken so far."""
        self.rollbacks = 0
        """How often the run went back because of numbers that were not finite."""
        self._recipe = self.config.recipe()
        graphed = GraphedStep(self.gan, self._recipe) if self.config.cuda_graph else None
        self._take = self._by_kernels
        if graphed is not None:
            self._take = lambda index: graphed(self.real(index), self._noise(index))
        if checkpoint is not None:
            rates = {name: optimizer.lr for name, optimizer in optimizers_of(self.gan).items()}
            restore_gan(self.gan, checkpoint)
            options = "learning_rate", "d_learning_rate"
            if any(getattr(self.config, name) != checkpoint.about.config.get(name) for name in options):
                for name, optimizer in optimizers_of(self.gan).items():
                    optimizer.lr = rates[name]
            self.reached, self.rollbacks = checkpoint.about.step, checkpoint.about.rollbacks

    # --- steps -------------------------------------------------------------------------------------------------------

    def step(self, number: int) -> Record:
        """Take training step `number`, counted from 1.

        Raises: DivergedError if a loss is not finite, DeviceError if the memory is too small
        """
        (record,) = self._records([self._outcome(number, self._take)])
        return record

    def _by_kernels(self, index: int) -> Outcome:
        """Step `index`, counted from 0: D's updates but the last, the last with the first of G, then G's others."""
        d_steps, g_steps = self.config.d_steps, self.config.g_steps
        first, noise = index * d_steps, index * (d_steps + g_steps - 1)
        for extra in range(d_steps - 1):
            labels = self._labels(first + extra)
            with no_grad():
                fake = self.gan.generator(self.gan.asked(self._noise(noise + extra), labels))
            discriminator_step(self.gan, self.real(first + extra), fake, self._recipe, index, labels)
        real, labels = self.real(first + d_steps - 1), self._labels(first + d_steps - 1)
        outcome = train_step(self.gan, real, self._noise(noise + d_steps - 1), self._recipe, index, labels)
        for extra in range(d_steps, d_steps + g_steps - 1):
            fake = self.gan.generator(self.gan.asked(self._noise(noise + extra), labels))
            outcome = outcome._replace(g_loss=generator_step(self.gan, fake, real, self._recipe, index, labels))
        return outcome

    def _noise(self, index: int) -> Tensor:
        return self.gan.noise(self.config.seed, "train", self.config.batch_size, index)

    def _labels(self, index: int) -> Labels | None:
        """The classes of the real images of batch `index`; None unless they matter."""
        return self.batches.labels(index) if self.gan.classes and isinstance(self.batches, Batches) else None

    def _outcome(self, number: int, take: Callable[[int], Outcome]) -> Any:
        """Take a step. Returns what it leaves to look at, (4,) or (6,), still on its device."""
        try:
            with self._slowed(number - 1):
                outcome = take(number - 1)
            self.gan.follow(number - 1)
        except MemoryError as error:
            raise DeviceError(f"step {number}: {self._out_of_memory()}") from error
        self.reached = number
        return array_module(outcome[0].data).stack([value.data for value in outcome.by_name().values()])

    @contextmanager
    def _slowed(self, index: int) -> Iterator[None]:
        """Inside, learning rates are those of step `index`; outside, always those of the first step."""
        factor = 0.5 ** (index / self.config.half_life) if self.config.half_life else 1.0
        with self.gan.d_optimizer.slowed(factor), self.gan.g_optimizer.slowed(factor):
            yield

    def _records(self, outcomes: list[Any]) -> Iterator[Record]:
        """The latest steps' outcomes, fetched in one go.

        Raises: DivergedError if a loss is not finite
        """
        if not outcomes:
            return
        values = device.to_device(array_module(outcomes[0]).stack(outcomes), "cpu")
        for number, row in enumerate(values, self.reached - len(outcomes) + 1):
            record = Record(number, number * self.config.d_steps / self.batches.per_epoch, *map(float, row))
            if not (math.isfinite(record.d_loss) and math.isfinite(record.g_loss)):
                raise DivergedError(
                    f"step {number}: the losses are no longer finite, so training stops\n"
                    f"  discriminator {record.d_loss}   generator {record.g_loss}"
                )
            yield record

    def _out_of_memory(self) -> str:
        account = training_bytes(self.gan, self.config.batch_size)
        free = device.free_bytes(self.device)
        parts = ", ".join(f"{name} {human_bytes(size)}" for name, size in account.items())
        return (
            f"out of memory on {self.device}\n"
            f"  a step takes about {human_bytes(sum(account.values()))} ({parts}), and scratch space on top"
            + (f"; besides what is held already, {human_bytes(free)} are free" if free is not None else "")
            + f"\n  try a smaller --batch-size than {self.config.batch_size}, --width or --image-size"
        )

    def real(self, index: int) -> Tensor:
        """The real images, or points, of batch `index`, counted from 0.

        Shapes: → (batch_size, H, W, C) in [−1, 1], or (batch_size, 2)
        """
        return Tensor(self.batches.batch(index))

    def sample(self) -> np.ndarray[Any, Any]:
        """Images, or points, from the same noise each time; a row of images for each class.

        Shapes: → (samples, H, W, C) in [−1, 1], or (samples, 2) where the mixture is
        """
        return generate(self.gan.sampler, self._grid.latent, extent=self.config.extent)

    def measure(self) -> dict[str, Any]:
        """Figures of the generator as it is, by name, from the same noise each time; none where there is no measuring.

        Those that are a single number: metrics.jsonl has no place for histograms.
        """
        if self._evaluator is None:
            return {}
        latent, labels = self._evaluator.ask(self.gan)
        samples = generate(self.gan.sampler, latent, extent=self.config.extent)
        figures = self._evaluator.measure(samples, labels=labels)
        return {name: value for name, value in figures.items() if np.ndim(value) == 0}

    # --- the run -----------------------------------------------------------------------------------------------------

    def run(
        self,
        folder: RunFolder,
        on_step: Callable[[Record], None] = lambda record: None,
        on_sample: Callable[[int, np.ndarray[Any, Any]], None] = lambda step, images: None,
        should_stop: Callable[[], bool] = lambda: False,
        on_trouble: Callable[[str], None] = lambda what: None,
        on_figures: Callable[[int, dict[str, Any]], None] = lambda step, figures: None,
    ) -> int:
        """Train from where it is to the end, or until `should_stop()`, and write everything into the folder. Returns
        the steps taken in all.

        A run that was stopped, or killed, and goes on from its checkpoint leaves the same files, bit for bit, as one
        that never was. Whenever it makes a picture, the doctor looks, too, and what is found is told to `on_trouble`.

        Raises: DivergedError if a loss is not finite; the folder then holds the state before that step
        """
        folder.write_config(self.config.to_dict())
        folder.rewind(self.reached, self._has_picture)
        records = folder.read_metrics()
        least = self._least(records, folder.best_step())
        with folder, Background() as background:
            if self._has_picture(self.reached) and not folder.sample_path(self.reached).exists():
                self._picture(folder, background, on_sample)
            saved, shown, outcomes = self.reached, time.monotonic(), []
            while True:
                ended = self.reached == self.steps or should_stop()
                if not ended:
                    outcomes.append(self._outcome(self.reached + 1, self._take))
                picture = not ended and self._has_picture(self.reached)
                measured = bool(outcomes) and not ended and self._is_measured(self.reached)
                save = ended or measured or self.reached % self.config.checkpoint_every == 0
                # To fetch from a GPU is to wait for it: so that is done when somebody looks.
                if not (picture or save or self.device == "cpu" or time.monotonic() - shown > SHOWN_SECONDS):
                    continue
                try:
                    for record in self._records(outcomes):
                        figures = self.measure() if measured and record.step == self.reached else {}
                        records.append(record.to_dict() | figures)
                        folder.append_metrics(records[-1])
                        on_step(record)
                    made = self.checkpoint() if save and self.reached != saved else None
                    if made is not None:
                        _check_finite(made)
                except DivergedError as error:
                    background.finish()
                    self._go_back(folder, error, on_trouble)
                    saved, outcomes, records = -1, [], folder.read_metrics()
                    least = self._least(records, folder.best_step())
                    continue
                shown, outcomes = time.monotonic(), []
                if measured:
                    on_figures(self.reached, figures)
                if picture:
                    self._picture(folder, background, on_sample)
                    self._examine(folder, records, on_trouble)
                    background.do_latest(plot_losses, folder.losses_file, records.copy())
                if made is not None:
                    background.do(folder.save_checkpoint, made, self.config.keep)
                    saved = self.reached
                    best = BEST[self.config.kind.name]
                    if measured and figures[best] < least:
                        least = figures[best]
                        background.do(folder.save_best, made)
                if ended:
                    break
            if records:
                background.do_latest(plot_losses, folder.losses_file, records)
            background.do(animate_folder, folder.animation_file, folder.samples_folder)
        return self.reached

    def _has_picture(self, step: int) -> bool:
        """Whether a picture belongs to the run after this step."""
        return step % self.config.sample_every == 0 or step == self.steps

    def _is_measured(self, step: int) -> bool:
        """Whether the generator is measured after this step."""
        every = self.config.evaluate_every
        return every is not None and step % every == 0

    def _least(self, records: list[dict[str, Any]], best_step: int | None) -> float:
        """The figure of the best checkpoint, which another has to stay below."""
        name = BEST[self.config.kind.name]
        return min((one[name] for one in records if one["step"] == best_step and name in one), default=math.inf)

    def _picture(
        self, folder: RunFolder, background: Background, on_sample: Callable[[int, np.ndarray[Any, Any]], None]
    ) -> None:
        samples, path = self.sample(), folder.sample_path(self.reached)
        if self.config.mixture is not None:
            background.do(save_scatter, path, samples, self.config.mixture, f"step {self.reached:,}")
        else:
            background.do(save_grid, path, samples, self.columns)
        on_sample(self.reached, samples)

    def _examine(self, folder: RunFolder, records: list[dict[str, Any]], on_trouble: Callable[[str], None]) -> None:
        """Have the doctor look, and say and keep what is new. Of each disease, a run has one alarm: the first.

        It is on the disk before the checkpoint of this step is, so a run that goes on from there knows of it.
        """
        count = self.config.batch_size
        if count > EXAMINED and EXAMINED % (4 * self.config.pack) == 0:  # as D takes them
            count = EXAMINED
        batch = self.reached * self.config.d_steps - 1
        real, labels = self.real(batch)[:count], self._labels(batch)
        labels = None if labels is None else labels[:count]
        z = self.gan.noise(self.config.seed, "doctor", count, self.reached)
        known, alarms = {alarm.get("disease") for alarm in folder.read_alarms()}, []
        for finding in examine(self.gan, real, z, self._recipe, records, labels):
            if finding.alarm and finding.disease not in known:
                known.add(finding.disease)
                alarms.append(finding)
        if alarms:
            folder.append_alarms([{"step": self.reached, **finding.to_dict()} for finding in alarms])
        for finding in alarms:
            on_trouble(f"step {self.reached}: {finding}")

    # --- checkpoints -------------------------------------------------------------------------------------------------

    def checkpoint(self) -> Checkpoint:
        """All that the run is now: a copy, which further steps do not change."""
        optimizers = optimizers_of(self.gan)
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
        """What the bits of a run depend on, besides its configuration."""
        kernels = rawgan_kernels.backend_of(self.gan.g_optimizer.parameters[0].data)
        versions = {"rawgan": __version__, **{name: version(name) for name in ("numpy", "numba")}}
        return {"kernels": kernels, "device": self.device, **versions}

    def _go_back(self, folder: RunFolder, error: DivergedError, say: Callable[[str], None]) -> None:
        """Find where the first number that is not finite came from, and be where the run was before that step.

        Raises: DivergedError unless the run is to go on from there
        """
        failed = self.reached
        checkpoint, _ = folder.newest_checkpoint()
        say(f"step {failed}: a loss is not finite; looking for the first such number, from the last checkpoint on")
        self._begin(checkpoint)
        finding = None
        while finding is None and self.reached < failed:
            before = self.checkpoint()
            finding = first_nonfinite(
                lambda: self._outcome(self.reached + 1, self._by_kernels),
                networks_of(self.gan),
                optimizers_of(self.gan),
            )
        if finding is None:
            before = self.checkpoint()
            what = "taken again, the steps since the last checkpoint give finite numbers: is the memory sound?"
        else:
            what = f"it began in step {before.about.step + 1}: {finding}"
        self._begin(before)
        folder.rewind(self.reached, self._has_picture)
        rates = ", ".join(sorted({f"{rate:g}" for rate in before.about.rates.values()}))
        if self.config.on_nonfinite == "stop" or self.rollbacks >= ROLLBACKS:
            folder.save_checkpoint(before, self.config.keep)
            raise DivergedError(
                f"{error}\n  {what}\n  the state before that step is kept: {folder.checkpoints()[-1]}\n"
                f"  the learning rate is {rates}: go on with a lower --learning-rate, or with --on-nonfinite rollback, "
                f"from there, by --resume {folder.path}"
            ) from None
        self.rollbacks += 1
        for optimizer in optimizers_of(self.gan).values():
            optimizer.lr /= 2
        say(f"{what}; going on from step {self.reached} with half the learning rate, which was {rates}")


def _check_finite(checkpoint: Checkpoint) -> None:
    """Raise a DivergedError for numbers that are not finite: losses show those only in the next step."""
    for name, array in checkpoint.arrays.items():
        if not np.isfinite(array).all():
            raise DivergedError(
                f"step {checkpoint.about.step}: {name} {array.shape} is no longer finite, so training stops"
            )
