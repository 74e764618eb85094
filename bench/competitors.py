"""Who competes in `bench step`: training steps from the same weights, with the same noise and images.

All input lies ready in memory before the clock starts, for each competitor in the layout that it likes best. A step
ends when its losses have been read, as they are in training. Libraries are imported by the competitor that needs them,
before it measures the memory that the process has anyway: what counts is what training takes on top.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from bench.errors import BenchError
from bench.machine import peak_bytes, resident_bytes

CHECKED_STEPS = 2
LEARNING_RATE = 5e-5
"""At which all compete, as a step takes as long at any rate. Adam's first updates move a weight as far for a gradient
that is a rounding error as for a large one: at dcgan's own rate, float32 losses of small batches are 0.002 apart in the
second step, or more, as the CPU rounds. At this one they are 0.0001 apart at most, and those of a wrong batch 0.006.
"""
NETWORKS = ("generator", "discriminator")
AGREEMENT = 1e-3
"""By how much losses and probabilities of the first steps may differ: absolutely up to 1, above it relatively."""
BATCHES = 4
"""How many batches there are, used in turn."""


@dataclass(frozen=True)
class Task:
    """One training."""

    model: str
    image_size: int
    channels: int
    batch_size: int
    threads: int
    width: int = 64

    @property
    def shape(self) -> str:
        """Of an image, as people write it: 28×28×1."""
        return f"{self.image_size}×{self.image_size}×{self.channels}"


class Steps:
    """The part that all competitors share: which batch is next, what to compare, and the memory."""

    def __init__(self, batches: list[Any], resident: int) -> None:
        self.batches: Iterator[Any] = cycle(batches)
        self.resident = resident

    def step(self, real: Any, z: Any) -> Any:
        """Train on one batch, and return rawgan's StepMetrics or its like."""
        raise NotImplementedError

    def run(self) -> None:
        """One training step."""
        self.losses()

    def losses(self) -> dict[str, float]:
        """What one training step reports."""
        outcome = self.step(*next(self.batches))
        return {name: value.item() for name, value in outcome._asdict().items() if value is not None}

    def check(self) -> dict[str, float]:
        """What the first steps report."""
        return {
            f"step {number} {name}": value
            for number in range(1, CHECKED_STEPS + 1)
            for name, value in self.losses().items()
        }

    def peak_bytes(self) -> int:
        """The most memory that the process has had, above that of the interpreter with the libraries imported."""
        return peak_bytes() - self.resident


class RawganSteps(Steps):
    """rawgan with one of its CPU backends."""

    def __init__(self, task: Task, folder: Path, backend: str) -> None:
        import rawgan_kernels
        from rawgan import Tensor
        from rawgan.gan import ImageSpec, build

        rawgan_kernels.use(backend)
        rawgan_kernels.add(*np.ones((2, 1 << 16), np.float32))  # Numba imports most of itself with the first kernel
        resident = resident_bytes()
        kind = ImageSpec(task.image_size, task.channels)
        self.gan = build(task.model, kind, width=task.width, learning_rate=LEARNING_RATE)
        for name in NETWORKS:
            getattr(self.gan, name).load_state_dict(_weights(folder, name))
        reals, noise = _batches(folder)
        super().__init__([(Tensor(real), Tensor(z)) for real, z in zip(reals, noise, strict=True)], resident)

    def step(self, real: Any, z: Any) -> Any:
        """rawgan's own training step."""
        from rawgan.gan import train_step

        return train_step(self.gan, real, z)


class TorchSteps(Steps):
    """The same networks in PyTorch.

    `tuned`: D's weight gradients are not computed in G's step, and Adam is PyTorch's fused one. Otherwise as in
    PyTorch's own DCGAN example. `compiled`: both networks by torch.compile, which the first steps wait for.
    """

    def __init__(self, task: Task, folder: Path, channels_last: bool, tuned: bool, compiled: bool = False) -> None:
        import torch

        from bench import torch_networks

        torch.set_num_threads(task.threads)
        resident = resident_bytes()
        self.tuned = tuned
        layout = torch.channels_last if channels_last else torch.contiguous_format
        self.gan = torch_networks.build(
            task.model, task.image_size, task.channels, width=task.width, learning_rate=LEARNING_RATE,
            memory_format=layout, fused_adam=tuned,
        )  # fmt: skip
        for name in NETWORKS:
            network = getattr(self.gan, name)
            torch_networks.load_rawgan(network, _weights(folder, name))
            if compiled:
                network.compile()
        reals, noise = _batches(folder)
        batches = [
            (torch_networks.images_from_rawgan(real, layout), torch.from_numpy(z))
            for real, z in zip(reals, noise, strict=True)
        ]
        super().__init__(batches, resident)

    def step(self, real: Any, z: Any) -> Any:
        """The training step of `torch_networks`."""
        from bench.torch_networks import train_step

        return train_step(self.gan, real, z, freeze=self.tuned)


def write_input(task: Task, folder: Path) -> None:
    """Write the weights, images and noise that all competitors start from into the folder."""
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
    # Compiles what is not in the cache of kernels yet, here, where the compiler's memory is not taken for training's.
    train_step(gan, Tensor(reals[0]), Tensor(noise[0]))


def converted(gan: Any, dtype: str) -> Any:
    """rawgan's GAN in another dtype: the optimisers are made anew, as their moments are of their parameters' dtype."""
    from rawgan import optim

    def adam(network: Any, like: Any) -> optim.Adam:
        return optim.Adam(network.to(dtype=dtype).parameters(), like.lr, like.betas, like.eps)

    return replace(
        gan,
        g_optimizer=adam(gan.generator, gan.g_optimizer),
        d_optimizer=adam(gan.discriminator, gan.d_optimizer),
    )


def largest_difference(reports: dict[str, dict[str, float]], agreement: float = AGREEMENT) -> float:
    """By how much what the others report of their first steps differs from what the first competitor does.

    Raises: BenchError if that is more than agreement
    """
    (first, ours), *others = reports.items()
    largest = 0.0
    for rival, theirs in others:
        for name, value in ours.items():
            difference = abs(value - theirs[name])
            if not difference <= agreement * max(1, abs(value)):  # NaN is not either
                raise BenchError(
                    f"{first} and {rival} do not compute the same, so their times cannot be compared\n"
                    f"  {name}: {value:.6f} and {theirs[name]:.6f}, more than {agreement} apart\n"
                    "  in float32 Adam blows rounding up, most of all in small batches: try a larger --batch-size"
                )
            largest = max(largest, difference)
    return largest


def _weights(folder: Path, name: str) -> dict[str, np.ndarray]:
    with np.load(folder / f"{name}.npz") as arrays:
        return dict(arrays)


def _batches(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    with np.load(folder / "batches.npz") as arrays:
        return arrays["reals"], arrays["noise"]
