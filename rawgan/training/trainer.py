"""The loop that every training run goes through, from its configuration to its folder, whatever the networks make."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import rawgan_kernels
from rawgan import device, nn
from rawgan.config.base import RunConfig
from rawgan.data import Batches, ImageSet, Mixture, PointBatches
from rawgan.data.bounded import machine_bytes
from rawgan.data.imageset import Progress
from rawgan.diagnosis.doctor import Finding
from rawgan.diagnosis.nonfinite import first_nonfinite
from rawgan.errors import ArgumentError, DeviceError, DivergedError, FileError
from rawgan.gan import StepMetrics, human_bytes
from rawgan.pictures.images import animate_folder, is_whole_png, plot_losses, save_grid
from rawgan.storage.atomic import holding, is_there
from rawgan.storage.checkpoint import About, Checkpoint
from rawgan.storage.provenance import digest_of, digests_of_files, surroundings
from rawgan.storage.run_folder import RunFolder
from rawgan.tensor import Tensor
from rawgan.training.background import Background
from rawgan.training.state import Trained, arrays_of, check_on_paper, networks_of, optimizers_of, restore_gan
from rawgan_kernels import array_module

SHOWN_SECONDS = 0.1
"""Between two looks at the losses of steps on a GPU."""

BYTES_OF_CHANNEL = 96
"""Bytes that a channel takes at a pixel in a step, at most: four floats of each of six passes."""

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
    """Of an auxiliary D; see `StepMetrics`."""
    class_fake: float | None = None
    penalty: float | None = None
    """Of steps that apply a gradient penalty; see `StepMetrics`."""
    pixel: float | None = None
    """Of a translator; see `StepMetrics`."""
    feature: float | None = None
    cycle: float | None = None
    identity: float | None = None

    def to_dict(self) -> dict[str, float]:
        """What there is."""
        return {name: value for name, value in self._asdict().items() if value is not None}

    def of_images(self) -> dict[str, float]:
        """How far images are from what they should be, by name."""
        names = "pixel", "feature", "cycle", "identity"
        return {name: value for name, value in self.to_dict().items() if name in names}


class Loop(ABC):
    """A run that is ready to go: the data is loaded, the networks are built, or as a checkpoint has them.

    Subclasses say what is trained, by what data, and how one step is taken.

    Raises: DataError, ArgumentError, DeviceError for whatever would have gone wrong later; ConfigError for a checkpoint
        of other networks
    """

    config: RunConfig
    """With what the data says, where options were unset."""
    data: ImageSet | Mixture
    batches: Batches | PointBatches
    gan: Trained
    columns: int | None = None
    """Images in a row of the samples; None: as near to a square as can be."""

    def __init__(
        self, config: RunConfig, on_progress: Progress | None = None, checkpoint: Checkpoint | None = None
    ) -> None:
        config.check()
        self.device = device.resolve(config.device)
        if self.device not in rawgan_kernels.BACKENDS.get(config.backend, (self.device,)):
            raise ArgumentError(
                f"backend: {config.backend} does not compute on device {self.device}\n"
                "  leave --backend out, which takes one that does, or choose another --device"
            )
        rawgan_kernels.use(config.backend)
        self.config = config
        self._load(on_progress or (lambda done, total: None))
        self.config = self.config.resolved()
        self._digests = digests_of_files(self.config.files)
        self.steps = config.total_steps(self.batches.per_epoch)
        self._begin(checkpoint)
        self._check_memory()

    # --- what is trained ---------------------------------------------------------------------------------------------

    @abstractmethod
    def _load(self, show: Progress) -> None:
        """Read the data, and all that steps and measurements need."""

    @abstractmethod
    def _build(self) -> Trained:
        """The networks as they are before the first step."""

    @abstractmethod
    def _by_kernels(self, index: int) -> StepMetrics:
        """Take step `index`, counted from 0."""

    @abstractmethod
    def sample(self) -> np.ndarray[Any, Any]:
        """What pictures are made of, the same each time but for the networks."""

    @abstractmethod
    def measure(self) -> dict[str, Any]:
        """Figures of the generator as it is that are a single number, by name; none where there is no measuring."""

    @abstractmethod
    def at_work(self) -> list[tuple[str, nn.Sequential, Tensor]]:
        """The networks by what they are called, and a batch of what each takes."""

    @abstractmethod
    def account(self) -> dict[str, int]:
        """What a step holds in memory, in bytes."""

    @abstractmethod
    def examine(self, records: list[dict[str, Any]]) -> list[Finding]:
        """What the doctor finds."""

    @property
    @abstractmethod
    def best(self) -> str:
        """The figure by which one checkpoint is better than another: the less, the better. A run that does not measure
        it has no best checkpoint."""

    def shown(self, samples: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], int]:
        """Samples in the order in which a terminal shows as many as it has room for, and how many of them belong
        together."""
        return samples, 1

    def save_picture(self, path: Path, samples: np.ndarray[Any, Any], step: int) -> object:
        """Write the samples of a step as a picture."""
        return save_grid(path, samples, self.columns)

    def _begin(self, checkpoint: Checkpoint | None) -> None:
        """Build the networks, and be where the checkpoint is, or at the beginning."""
        check_on_paper(self._build, checkpoint, self.device)
        self.gan = self._build()
        self.reached = 0
        """Steps taken so far."""
        self.rollbacks = 0
        """How often the run went back because of numbers that were not finite."""
        self._loss_config = self.config.loss_config()
        self._take = self._by_kernels
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

    def _outcome(self, number: int, take: Callable[[int], StepMetrics]) -> Any:
        """Take a step. Returns the names and the values of its figures, the values as one array on their device."""
        try:
            with self._slowed(number - 1):
                outcome = take(number - 1)
            self.gan.update_average(number - 1)
        except MemoryError as error:
            raise DeviceError(f"step {number}: {self._out_of_memory()}") from error
        self.reached = number
        figures = outcome.by_name()
        return [*figures], array_module(outcome[0]._array).stack([value._array for value in figures.values()])

    @contextmanager
    def _slowed(self, index: int) -> Iterator[None]:
        """Inside, learning rates are those of step `index`; outside, always those of the first step."""
        factor = 0.5 ** (index / self.config.half_life) if self.config.half_life else 1.0
        with ExitStack() as stack:
            for optimizer in optimizers_of(self.gan).values():
                stack.enter_context(optimizer.slowed(factor))
            yield

    def _records(self, outcomes: list[Any]) -> Iterator[Record]:
        """The latest steps' outcomes, fetched in one go.

        Raises: DivergedError if a loss is not finite
        """
        if not outcomes:
            return
        arrays = [array for _, array in outcomes]
        values = iter(device.to_device(array_module(arrays[0]).concatenate(arrays), "cpu").tolist())
        for number, (names, _) in enumerate(outcomes, self.reached - len(outcomes) + 1):
            record = Record(number, number * self.epochs_per_step, **{name: next(values) for name in names})
            if not (math.isfinite(record.d_loss) and math.isfinite(record.g_loss)):
                raise DivergedError(
                    f"step {number}: the losses are no longer finite, so training stops\n"
                    f"  discriminator {record.d_loss}   generator {record.g_loss}"
                )
            yield record

    @property
    def epochs_per_step(self) -> float:
        """Which share of the data a step sees."""
        return 1 / self.batches.per_epoch

    def _check_memory(self) -> None:
        """Raise a DeviceError if a step takes more memory than there is: the system might end the process instead.

        It is counted only where it may be so: where all of the networks' channels at all pixels would take as much.
        """
        channels = sum(p.shape[-1] for network in networks_of(self.gan).values() for p in network.parameters())
        pixels = math.prod(self.config.spec.shape[:-1])
        at_most = BYTES_OF_CHANNEL * channels * pixels * self.config.batch_size
        if self.device == "cpu" and at_most > machine_bytes() and sum(self.account().values()) > machine_bytes():
            raise DeviceError(self._out_of_memory())

    def _out_of_memory(self) -> str:
        account, free = self.account(), device.free_bytes(self.device)
        parts = ", ".join(f"{name} {human_bytes(size)}" for name, size in account.items())
        return (
            f"out of memory on {self.device}\n"
            f"  a step takes about {human_bytes(sum(account.values()))} ({parts}), and scratch space on top"
            + (f"; besides what is held already, {human_bytes(free)} are free" if free is not None else "")
            + f"\n  try a smaller --batch-size than {self.config.batch_size}, --width or --image-size"
        )

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
        held = holding(folder.path, durable=True, follow=True)
        with folder, held, Background(on_trouble) as background:
            folder.write_config(self.config.to_dict())
            self._rewind(folder, on_trouble)
            records = folder.read_metrics()
            if lost := self.reached - len({record.get("step") for record in records}):
                on_trouble(f"{folder.metrics_file} lacks {lost:,} of {self.reached:,} steps; they are not taken again")
            self._make_again(folder, records, background, should_stop, on_trouble)
            least = self._least(records, folder.best_step())
            if self._has_picture(self.reached) and _is_lost(folder.sample_path(self.reached), on_trouble):
                self._picture(folder, background, on_sample, on_trouble)
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
                        figures = {}
                        if measured and record.step == self.reached:
                            _check_finite(self.checkpoint())  # what is not, could not be measured
                            figures = self.measure()
                        records.append(record.to_dict() | figures)
                        folder.append_metrics(records[-1])
                        on_step(record)
                    made = self.checkpoint() if save and self.reached != saved else None
                    if made is not None:
                        _check_finite(made)
                except DivergedError as error:
                    background.finish()
                    self._go_back(folder, error, should_stop, on_trouble)
                    saved, outcomes, records = self.reached, [], folder.read_metrics()
                    least = self._least(records, folder.best_step())
                    continue
                shown, outcomes = time.monotonic(), []
                if measured:
                    on_figures(self.reached, figures)
                if picture:
                    self._picture(folder, background, on_sample, on_trouble)
                    self._examine(folder, records, on_trouble)
                    background.draw_latest(plot_losses, folder.losses_file, records.copy())
                if made is not None:
                    background.do(self._save, folder, background, made)
                    saved = self.reached
                    if measured and figures.get(self.best, math.inf) < least:
                        least = figures[self.best]
                        background.do(folder.save_best, made)
                if ended:
                    break
            if records:
                background.draw_latest(plot_losses, folder.losses_file, records)
            background.draw(self._animate, folder.animation_file, folder.samples_folder, background.note)
            background.do(self._tidy, folder, background)
        return self.reached

    def _save(self, folder: RunFolder, background: Background, made: Checkpoint) -> None:
        """Write a checkpoint. While there is no room for a picture, those that it can be made again from are kept."""
        folder.save_checkpoint(made, self.config.keep if background.is_complete else None)

    def _tidy(self, folder: RunFolder, background: Background) -> None:
        """Delete checkpoints that are no longer kept, and are there all the same, as the run was ended before that."""
        if background.is_complete:
            folder.delete_checkpoints(self.config.keep)

    def _animate(self, path: Path, samples: Path, say: Callable[[str], None]) -> None:
        """Write the animation of the pictures that there are."""
        animate_folder(path, samples, on_damaged=lambda what: say(f"left out of {path}: {what}"))

    def _make_again(
        self,
        folder: RunFolder,
        records: list[dict[str, Any]],
        background: Background,
        should_stop: Callable[[], bool],
        say: Callable[[str], None],
    ) -> None:
        """Make what a full disk, a crash or a power cut took of what was there, or should have been.

        The best checkpoint is written right after that of its step, which is there if the best one is not. Of pictures
        that are missing or not whole, the steps are taken again, from the last checkpoint before them, unless that is
        longer ago than the oldest one that is kept: then somebody has deleted them.
        """
        best = self._best_of(records)
        if best is not None and folder.best_step() != best:
            made = folder.checkpoint_before(best)
            if made is not None and made.about.step == best:
                folder.save_best(made)
        now, lost, most = None, 0, self.config.keep * self.config.checkpoint_every
        for step in range(0, self.reached, self.config.sample_every):
            path = folder.sample_path(step)
            if not _is_lost(path, say):
                continue
            before = folder.checkpoint_before(step)
            begin = 0 if before is None else before.about.step
            if step - begin > most or should_stop():
                lost += 1
                continue
            say(f"{path} is missing or damaged, and made again, by the steps from {begin:,} on")
            now = now or self.checkpoint()
            if not begin <= self.reached <= step:
                self._begin(before)
                if before is not None:  # with the learning rates that were, whatever they are from now on
                    restore_gan(self.gan, before)
            while self.reached < step:
                self._outcome(self.reached + 1, self._take)
            background.draw(self.save_picture, path, self.sample(), step)
        if now is not None:
            self._begin(now)
        if lost:
            say(f"{folder.samples_folder} lacks {lost:,} pictures of earlier steps; they are not made again")

    def _best_of(self, records: list[dict[str, Any]]) -> int | None:
        """The step whose figure is the first of the least; None if there is none."""
        figures = [(one[self.best], one["step"]) for one in records if math.isfinite(one.get(self.best, math.nan))]
        return min(figures, default=(0, None))[1]

    def _has_picture(self, step: int) -> bool:
        """Whether a picture belongs to the run after this step."""
        return step % self.config.sample_every == 0 or step == self.steps

    def _is_measured(self, step: int) -> bool:
        """Whether the generator is measured after this step."""
        every = self.config.evaluate_every
        return every is not None and step % every == 0

    def _least(self, records: list[dict[str, Any]], best_step: int | None) -> float:
        """The figure of the best checkpoint, which another has to stay below."""
        name = self.best
        return min((one[name] for one in records if one.get("step") == best_step and name in one), default=math.inf)

    def _picture(
        self,
        folder: RunFolder,
        background: Background,
        on_sample: Callable[[int, np.ndarray[Any, Any]], None],
        on_trouble: Callable[[str], None],
    ) -> None:
        """Have a picture made of what G makes now; if there is no memory for that, say so, and go on without."""
        path = folder.sample_path(self.reached)
        try:
            samples = self.sample()
        except (MemoryError, DeviceError) as error:
            on_trouble(f"{path} could not be made: {str(error) or self._out_of_memory()}; training goes on")
            return
        background.draw(self.save_picture, path, samples, self.reached)
        on_sample(self.reached, samples)

    def _examine(self, folder: RunFolder, records: list[dict[str, Any]], on_trouble: Callable[[str], None]) -> None:
        """Have the doctor look, and say and keep what is new. Of each disease, a run has one alarm: the first.

        It is on the disk before the checkpoint of this step is, so a run that goes on from there knows of it. Samples
        that are not yet like the data are told of at the end alone, and not kept: a run that is to be longer may mend
        them.
        """
        known, alarms = {alarm.get("disease") for alarm in folder.read_alarms()}, []
        findings = self.examine(records)
        for finding in findings:
            if finding.alarm and finding.disease not in known:
                known.add(finding.disease)
                alarms.append(finding)
        if alarms:
            folder.append_alarms([{"step": self.reached, **finding.to_dict()} for finding in alarms])
        unready = [finding for finding in findings if finding.pending and self.reached == self.steps]
        for finding in (*alarms, *unready):
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
        return {**surroundings(self.kernels, self.device), **digest_of(*self.images), **self._digests}

    @property
    def kernels(self) -> str:
        """Which backend computes."""
        return rawgan_kernels.backend_of(optimizers_of(self.gan)["g_optimizer"].parameters[0]._array)

    @property
    @abstractmethod
    def images(self) -> tuple[ImageSet, ...]:
        """All that were read."""

    def _rewind(self, folder: RunFolder, say: Callable[[str], None]) -> None:
        """Make the folder what it was after the latest step."""
        for path in folder.rewind(self.reached, self._has_picture):
            say(f"set aside: {path}")

    def _go_back(
        self, folder: RunFolder, error: DivergedError, should_stop: Callable[[], bool], say: Callable[[str], None]
    ) -> None:
        """Find where the first number that is not finite came from, and be where the run was before that step; if it is
        to stop meanwhile, at the last checkpoint.

        Raises: DivergedError unless the run is to go on from there
        """
        failed = self.reached
        checkpoint, faults = folder.newest_checkpoint()
        for fault in faults:
            say(f"passed over: {fault}")
        say(f"step {failed}: a loss is not finite; looking for the first such number, from the last checkpoint on")
        self._begin(checkpoint)
        finding: object = None
        before = self.checkpoint()
        while finding is None and self.reached < failed:
            if should_stop():
                self._begin(checkpoint)
                self._rewind(folder, say)
                return
            finding = first_nonfinite(
                lambda: self._outcome(self.reached + 1, self._by_kernels),
                networks_of(self.gan),
                optimizers_of(self.gan),
            )
            if finding is None:
                after = self.checkpoint()
                finding = _nonfinite_of(after)  # such as a moment, which no op has made
                before = before if finding else after
        if finding is None:
            what = "taken again, the steps since the last checkpoint give finite numbers: is the memory sound?"
        else:
            what = f"it began in step {before.about.step + 1}: {finding}"
        self._begin(before)
        self._rewind(folder, say)
        rates = ", ".join(sorted({f"{rate:g}" for rate in before.about.rates.values()}))
        if self.config.on_nonfinite == "stop" or self.rollbacks >= ROLLBACKS:
            folder.save_checkpoint(before, self.config.keep)
            other = ", or with --on-nonfinite rollback," if self.rollbacks < ROLLBACKS else ""
            raise DivergedError(
                f"{error}\n  {what}\n  the state before that step is kept: {folder.checkpoints()[-1]}\n"
                f"  the learning rate is {rates}: go on with a lower --learning-rate{other} from there, by --resume "
                f"{folder.path}"
            ) from None
        self.rollbacks += 1
        for optimizer in optimizers_of(self.gan).values():
            optimizer.lr /= 2
        # From here the run goes back the next time, and goes on if it is stopped: with this rate and this count.
        folder.save_checkpoint(self.checkpoint(), self.config.keep)
        say(f"{what}; going on from step {self.reached} with half the learning rate, which was {rates}")


def _check_finite(checkpoint: Checkpoint) -> None:
    """Raise a DivergedError for numbers that are not finite: losses show those only in the next step."""
    if found := _nonfinite_of(checkpoint):
        raise DivergedError(f"step {checkpoint.about.step}: {found}, so training stops")


def _nonfinite_of(checkpoint: Checkpoint) -> str | None:
    """The first array whose numbers are not all finite; None if all are."""
    for name, array in checkpoint.arrays.items():
        if not np.isfinite(array).all():
            return f"{name} {array.shape} is no longer finite"
    return None


def _is_lost(picture: Path, say: Callable[[str], None]) -> bool:
    """Whether a picture is not there, or not whole. One of which the system does not tell is left alone, and told."""
    try:
        return not (is_there(picture) and is_whole_png(picture))
    except FileError as error:
        say(str(error))
        return False
