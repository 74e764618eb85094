"""A training run, from its configuration to its folder."""

import dataclasses
import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

import rawgan_kernels
from rawgan import device
from rawgan.autograd import no_grad
from rawgan.data import Batches, ImageSet, load
from rawgan.data.imageset import Progress
from rawgan.errors import ArgumentError, ConfigError, DeviceError, DivergedError
from rawgan.gan import GAN, GraphedStep, ImageKind, build, human_bytes, train_step, training_bytes
from rawgan.nn import Module
from rawgan.runs.config import TrainConfig
from rawgan.runs.folder import RunFolder
from rawgan.runs.pictures import animate_folder, plot_losses, save_grid
from rawgan.tensor import Tensor


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


class Training:
    """A run that is ready to go: the data is loaded, the networks are built.

    Raises: DataError, ArgumentError, DeviceError for whatever would have gone wrong later

    >>> training = Training(TrainConfig(steps=1, width=2, batch_size=4))
    >>> training.images
    ImageSet('mnist', 60000 images of 28 × 28 × 1, labelled)
    >>> training.step(1).step
    1
    """

    def __init__(self, config: TrainConfig, on_progress: Progress | None = None) -> None:
        config.check()
        self.device = device.resolve(config.device)
        if self.device not in rawgan_kernels.BACKENDS.get(config.backend, (self.device,)):
            raise ArgumentError(
                f"backend: {config.backend} does not compute on device {self.device}\n"
                "  leave --backend out, which takes one that does, or choose another --device"
            )
        rawgan_kernels.use(config.backend)
        self.images: ImageSet = load(
            config.data,
            image_size=config.size,
            channels=config.channels,
            skip_broken=config.skip_broken,
            on_progress=on_progress,
        )
        size, _, channels = self.images.shape
        self.config = dataclasses.replace(config, image_size=size, channels=channels)
        self.gan = _build(self.config, self.device)
        self.batches = Batches(self.images, config.batch_size, config.seed)
        self.steps = config.total_steps(self.batches.per_epoch)
        self._fixed_noise = self.gan.noise(config.seed, "samples", config.samples)
        self._step = (
            GraphedStep(self.gan, config.objective)
            if config.cuda_graph
            else partial(train_step, self.gan, objective=config.objective)
        )

    def step(self, number: int) -> Record:
        """Take training step `number`, counted from 1.

        Raises: DivergedError if a loss is not finite, DeviceError if the memory is too small
        """
        index = number - 1
        try:
            z = self.gan.noise(self.config.seed, "train", self.config.batch_size, index)
            outcome = self._step(self.real(index), z)
        except MemoryError as error:
            raise DeviceError(f"step {number}: {self._out_of_memory()}") from error
        record = Record(number, number / self.batches.per_epoch, *(value.item() for value in outcome))
        if not (math.isfinite(record.d_loss) and math.isfinite(record.g_loss)):
            raise DivergedError(
                f"step {number}: the losses are no longer finite, so training stops\n"
                f"  discriminator {record.d_loss}   generator {record.g_loss}   try a lower --learning-rate"
            )
        return record

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
        """The real images of batch `index`, counted from 0. Shapes: → (batch_size, H, W, C) in [−1, 1]"""
        return Tensor(self.batches.batch(index)).to(self.device)

    def sample(self) -> np.ndarray[Any, Any]:
        """Images from the same noise each time. Shapes: → (samples, H, W, C) in [−1, 1]"""
        return generate(self.gan.generator, self._fixed_noise)

    def run(
        self,
        folder: RunFolder,
        on_step: Callable[[Record], None] = lambda record: None,
        on_sample: Callable[[int, np.ndarray[Any, Any]], None] = lambda step, images: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> int:
        """Train to the end, or until `should_stop()`, and write everything into the folder. Returns the steps taken.

        Raises: DivergedError if a loss is not finite; the folder then holds what was reached before
        """
        folder.write_config(self.config.to_dict())
        records: list[dict[str, Any]] = []
        reached = 0
        self._save(folder, 0, records, on_sample)
        with folder:
            for number in range(1, self.steps + 1):
                if should_stop():
                    break
                record = self.step(number)
                reached = number
                records.append(record._asdict())
                folder.append_metrics(records[-1])
                on_step(record)
                if number % self.config.sample_every == 0 and number < self.steps:
                    self._save(folder, number, records, on_sample)
        if reached:
            self._save(folder, reached, records, on_sample)
        animate_folder(folder.animation_file, folder.samples_folder)
        return reached

    def _save(
        self,
        folder: RunFolder,
        step: int,
        records: list[dict[str, Any]],
        on_sample: Callable[[int, np.ndarray[Any, Any]], None],
    ) -> None:
        images = self.sample()
        save_grid(folder.sample_path(step), images)
        if records:  # before the first step there is nothing to plot, and the plotting library takes long to load
            plot_losses(folder.losses_file, records)
        folder.save_weights(_state(self.gan), {"step": str(step)})
        on_sample(step, images)


def restore(folder: RunFolder, device_name: str = "cpu") -> GAN:
    """The networks of a run, as they were saved last.

    Raises: ConfigError if the configuration or the weights are missing, damaged, or do not fit each other
    """
    config = TrainConfig.from_dict(folder.read_config(), str(folder.config_file))
    if config.channels is None:
        raise ConfigError(f"{folder.config_file}: a run's configuration must say channels, as rawgan writes it")
    gan = _build(config, device_name)
    arrays, _ = folder.load_weights()
    for name, network in _networks(gan).items():
        part = {key.removeprefix(f"{name}."): array for key, array in arrays.items() if key.startswith(f"{name}.")}
        try:
            network.load_state_dict(part)
        except ConfigError as error:
            raise ConfigError(f"{folder.weights_file} does not fit {folder.config_file}\n{error}") from error
    return gan


def generate(
    generator: Module,
    z: Tensor,
    batch_size: int = 256,
    on_progress: Progress = lambda done, total: None,
) -> np.ndarray[Any, Any]:
    """Images from noise, by a generator in evaluation mode, a batch at a time. `on_progress(done, total)` counts them.

    Shapes: z (N, noise_size) → (N, H, W, C) in [−1, 1]

    >>> from rawgan.gan import ImageKind, build
    >>> gan = build("dcgan", ImageKind(8), width=4)
    >>> generate(gan.generator, gan.noise(0, "samples", 3)).shape
    (3, 8, 8, 1)
    """
    batches = []
    with no_grad(), generator.evaluating():
        for start in range(0, len(z), batch_size):
            batches.append(generator(z[start : start + batch_size]).numpy())
            on_progress(min(start + batch_size, len(z)), len(z))
    return np.concatenate(batches)


def _build(config: TrainConfig, device_name: str) -> GAN:
    return build(
        config.model,
        ImageKind(config.size, config.channels or 1),
        noise_size=config.noise_size,
        width=config.width,
        learning_rate=config.learning_rate,
        seed=config.seed,
        device=device_name,
    )


def _networks(gan: GAN) -> dict[str, Module]:
    return {"generator": gan.generator, "discriminator": gan.discriminator}


def _state(gan: GAN) -> dict[str, np.ndarray[Any, Any]]:
    return {
        f"{name}.{key}": array
        for name, network in _networks(gan).items()
        for key, array in network.state_dict().items()
    }
