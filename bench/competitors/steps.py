"""Competitors at training steps: rawgan, and what its rivals share.

All start from the same weights, with the same noise and images.

All input lies ready in memory before the clock starts, for each competitor in the layout that suits it best. A step
ends when its losses have been read, as they are in training. Each competitor imports its own libraries before it
measures the memory of the process: what counts is the memory that training takes on top.
"""

import math
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

import rawgan_kernels
from bench.common.errors import BenchError
from bench.common.machine import peak_bytes, resident_bytes
from bench.common.workers import in_own_process

CHECKED_STEPS = 2
LEARNING_RATE = 5e-5
"""Learning rate of all competitors: a step takes as long at any rate. Adam's first updates move a weight as far for a
gradient that is a rounding error as for a large one. At dcgan's own rate, float32 losses of small batches are 0.002 or
more apart in the second step, depending on how the CPU rounds. At this rate they are at most 0.0001 apart, and those of
a wrong batch 0.006.
"""
NETWORKS = ("generator", "discriminator")
AGREEMENT = 1e-3
"""Largest difference of losses and probabilities in the first steps in float32: absolute up to 1, relative above."""
PRODUCTS_IN_A_ROW = 10
"""Most products between noise and loss: those of both networks."""
BATCHES = 4
"""Number of batches, used in turn."""


@dataclass(frozen=True)
class Workload:
    """Networks, images and batch of a training step."""

    model: str
    image_size: int
    channels: int
    batch_size: int
    threads: int
    width: int = 64

    @property
    def shape(self) -> str:
        """Shape of an image as text, such as 28×28×1."""
        return f"{self.image_size}×{self.image_size}×{self.channels}"


class Steps:
    """Base of the competitors: the next batch, the losses to compare, and the memory."""

    def __init__(self, batches: list[Any], resident: int) -> None:
        self.batches: Iterator[Any] = cycle(batches)
        self.resident = resident

    def step(self, real: Any, z: Any) -> Any:
        """Train on one batch. Returns rawgan's StepMetrics, or the same by PyTorch."""
        raise NotImplementedError

    def run(self) -> None:
        """Take one training step."""
        self.losses()

    def losses(self) -> dict[str, float]:
        """Take one training step. Returns its losses and probabilities by name."""
        metrics = self.step(*next(self.batches))
        return {name: value.item() for name, value in metrics._asdict().items() if value is not None}

    def check(self) -> dict[str, float]:
        """Take the first steps. Returns all their losses and probabilities by step and name."""
        return {
            f"step {number} {name}": value
            for number in range(1, CHECKED_STEPS + 1)
            for name, value in self.losses().items()
        }

    def peak_bytes(self) -> int:
        """Peak memory of the process, above that of the interpreter with the libraries imported."""
        return peak_bytes() - self.resident


class RawganSteps(Steps):
    """rawgan with one of its CPU backends, at a precision of products."""

    def __init__(self, task: Workload, folder: Path, backend: str, precision: str = "float32") -> None:
        import rawgan_kernels
        from rawgan import Tensor
        from rawgan.gan import ImageSpec, build

        rawgan_kernels.use(backend)
        rawgan_kernels.add(*np.ones((2, 1 << 16), np.float32))  # Numba imports most of itself with the first kernel
        resident, self.precision = resident_bytes(), precision
        kind = ImageSpec(task.image_size, task.channels)
        self.gan = build(task.model, kind, width=task.width, learning_rate=LEARNING_RATE)
        for name in NETWORKS:
            getattr(self.gan, name).load_state_dict(saved_weights(folder, name))
        reals, noise = saved_batches(folder)
        super().__init__([(Tensor(real), Tensor(z)) for real, z in zip(reals, noise, strict=True)], resident)

    def step(self, real: Any, z: Any) -> Any:
        """Take rawgan's own training step."""
        from rawgan.gan import train_step

        with rawgan_kernels.precision(self.precision):
            return train_step(self.gan, real, z)


@dataclass(frozen=True)
class Way:
    """A way of a library to take training steps, at a precision of products.

    `make(task, folder, *options)` builds the competitor, in the worker's process.
    """

    library: str
    name: str
    precision: str
    make: Callable[..., Steps]
    options: tuple[Any, ...]

    @property
    def label(self) -> str:
        """Name of the competitor, such as "rawgan cpu, float32"."""
        return f"{self.name}, {self.precision}"


def rawgan_ways(precision: str, reference: bool = False) -> list[Way]:
    """rawgan's ways at a precision of products; the first one counts."""
    return [
        Way("rawgan", f"rawgan {backend}", precision, RawganSteps, (backend, precision)) for backend in ours(reference)
    ]


def write_input(task: Workload, folder: Path, precisions: tuple[str, ...]) -> None:
    """Write the weights, images and noise that all competitors start from."""
    from rawgan import Tensor
    from rawgan.data import Batches, load
    from rawgan.gan import ImageSpec, build, train_step

    gan = build(task.model, ImageSpec(task.image_size, task.channels), width=task.width)
    for name in NETWORKS:
        np.savez(folder / f"{name}.npz", **getattr(gan, name).state_dict())
    images = load("mnist", image_size=task.image_size, channels=task.channels, split="test")
    batches = Batches(images, task.batch_size, seed=0)
    reals = np.stack([batches.batch(step) for step in range(BATCHES)])
    noise = np.stack([gan.noise(0, "train", task.batch_size, step).numpy() for step in range(BATCHES)])
    np.savez(folder / "batches.npz", reals=reals, noise=noise)
    # Compile kernels that are not cached yet: here, so that the compiler's memory does not count as training's.
    for precision in precisions:
        with rawgan_kernels.precision(precision):
            train_step(gan, Tensor(reals[0]), Tensor(noise[0]))


@contextmanager
def input_folder(task: Workload, precisions: tuple[str, ...] = ("float32",)) -> Iterator[Path]:
    """Make a temporary folder with the weights, images and noise that all competitors start from.

    rawgan's kernels for the step at these precisions are compiled.
    """
    with tempfile.TemporaryDirectory(prefix="rawgan-bench-") as name:
        in_own_process(write_input, task, Path(name), precisions)
        yield Path(name)


def ours(reference: bool = False) -> list[str]:
    """rawgan's backends that compete on the CPU; the first one counts."""
    present = [backend for backend in ("cpu", "reference") if backend in rawgan_kernels.BACKENDS]
    return present if reference else present[:1]


def converted(gan: Any, dtype: str) -> Any:
    """Convert a GAN to another dtype, with new optimisers, because moments have the dtype of their parameters."""
    from rawgan import optim

    def adam(network: Any, like: Any) -> optim.Adam:
        (group,) = like.param_groups
        return optim.Adam([{**group, "params": network.to(dtype=dtype).parameters()}])

    return replace(
        gan,
        g_optimizer=adam(gan.generator, gan.g_optimizer),
        d_optimizer=adam(gan.discriminator, gan.d_optimizer),
    )


def agreement_at(precision: str) -> float:
    """Largest difference of losses and probabilities between a precision of products and float32.

    Rounding changes a factor by up to u = 2^-(bits + 1) of itself, with a variance of at most u²/3. Errors of L
    products in a row, of two factors each, are independent, and add up to √(2L/3) · u. A loss moves by no more than its
    logits do, whose size is below 1 in the first steps. In bf16, with batches of 32, the largest difference seen is
    0.0034.

    >>> agreement_at("float32"), round(agreement_at("tf32"), 4), round(agreement_at("bf16"), 4)
    (0.001, 0.0013, 0.0101)
    """
    rounding = 2.0 ** -(rawgan_kernels.PRECISIONS[precision] + 1)
    return max(AGREEMENT, math.sqrt(2 / 3 * PRODUCTS_IN_A_ROW) * rounding)


def largest_difference(reports: dict[str, dict[str, float]], agreement: float = AGREEMENT) -> float:
    """Largest difference between the reports of the first competitor and of all others on their first steps.

    Raises: BenchError if it exceeds `agreement`
    """
    (first, ours), *others = reports.items()
    largest = 0.0
    for rival, theirs in others:
        for name, value in ours.items():
            difference = abs(value - theirs[name])
            if not difference <= agreement * max(1, abs(value)):  # NaN is not either
                raise BenchError(
                    f"{first} and {rival} do not compute the same, so their times cannot be compared\n"
                    f"  {name}: {value:.6f} and {theirs[name]:.6f}, more than {agreement:.2g} apart\n"
                    "  in float32 Adam amplifies rounding, most in small batches: try a larger --batch-size"
                )
            largest = max(largest, difference)
    return largest


def saved_weights(folder: Path, name: str) -> dict[str, np.ndarray]:
    """The arrays of a network that `write_input` has written, by their names in rawgan."""
    with np.load(folder / f"{name}.npz") as arrays:
        return dict(arrays)


def saved_batches(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """The images and noise that `write_input` has written."""
    with np.load(folder / "batches.npz") as arrays:
        return arrays["reals"], arrays["noise"]
