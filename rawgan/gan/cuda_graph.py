"""The training step as a CUDA graph: recorded once, then launched as a whole."""

from typing import Any

import rawgan_kernels
from rawgan import nn
from rawgan.device import cuda_module
from rawgan.errors import ArgumentError
from rawgan.gan.loss_config import DEFAULT_LOSS, LossConfig
from rawgan.gan.penalties import PENALTIES
from rawgan.gan.state import GAN
from rawgan.gan.step import train_step
from rawgan.gan.step_metrics import StepMetrics
from rawgan.tensor import Tensor

WARM_UP = 2
"""Steps that are launched kernel by kernel before one is recorded: they compile and load its kernels."""


class GraphedStep:
    """`train_step`, bit-identical, without the time that Python needs to launch its kernels.

    All batches must have the shape of the first. The next step overwrites the Tensors of `StepMetrics`. The next step
    records again if weights are loaded, a learning rate or the precision of products is changed, or an optimiser takes
    steps elsewhere.

    Raises: ArgumentError unless the networks are on a GPU, with the kernels of the cuda backend; and if a layer or the
        configuration draws random numbers or changes from step to step, which a graph cannot
    """

    def __init__(self, gan: GAN, config: LossConfig = DEFAULT_LOSS) -> None:
        weights = gan.g_optimizer.parameters[0]
        backend = rawgan_kernels.backend_of(weights._array)
        if backend != "cuda":
            raise ArgumentError(
                f"GraphedStep: a CUDA graph is made of the cuda backend's kernels, but the networks are on "
                f"{weights.device}, and computed with {backend} kernels\n"
                "  build(…, device='cuda') and rawgan_kernels.use('cuda'); or rawgan train --device cuda --backend cuda"
            )
        random = config.g_penalty is not None or (
            config.penalty is not None and PENALTIES.find(config.penalty).is_random
        )
        if config.instance_noise or config.penalty_every > 1 or random:
            raise ArgumentError(
                "GraphedStep: a graph does the same in each step: it cannot draw numbers for instance noise or "
                "a random penalty (wgan-gp, dragan, any on G), or leave out penalties\n"
                "  take train_step; with rawgan train, leave out --cuda-graph, or take --model dcgan without these"
            )
        if config.augment is not None:
            raise ArgumentError(
                f"GraphedStep: a graph does the same in each step, but augment {config.augment} draws other numbers\n"
                "  take train_step"
            )
        if gan.classes:
            raise ArgumentError("GraphedStep: labels, which change from step to step, are not sent\n  take train_step")
        networks = gan.generator, gan.discriminator
        for name, layer in (found for network in networks for found in network.modules()):
            if isinstance(layer, nn.Dropout | nn.NoiseInput):
                raise ArgumentError(
                    f"GraphedStep: layer {name}, {layer}, would draw the same numbers in each step\n"
                    "  leave it out, or take train_step; with rawgan train, a --model without it, such as dcgan"
                )
        from rawgan_kernels.cuda.run.graph import Graph

        self._gan, self._config = gan, config
        self._optimizers = gan.d_optimizer, gan.g_optimizer
        self._state = [x for network in networks for x in network.state_tensors().values()]
        self._graph = Graph(cuda_module())
        self._batch: tuple[Tensor, ...] = ()
        self._warmed = 0
        self._recorded: list[Any] = []
        self._metrics: StepMetrics | None = None

    def __call__(self, real: Tensor, z: Tensor) -> StepMetrics:
        """Take a step.

        Shapes: real (N, H, W, C) in [−1, 1], z (N, noise_size)
        Raises: ArgumentError if they have other shapes than before
        """
        self._take_over(real, z)
        if self._warmed < WARM_UP:
            self._warmed += 1
            return self._graph.run(self._launch)
        if self._metrics is None or not _same(self._recorded, self._now()):
            self._metrics = self._graph.record(self._launch)
        else:
            for optimizer in self._optimizers:
                optimizer.counts = [count + 1 for count in optimizer.counts]
            for x in self._state:
                x.mark_written()
        self._recorded = self._now()
        self._graph.replay()
        return self._metrics

    def _launch(self) -> StepMetrics:
        real, z = self._batch
        return train_step(self._gan, real, z, self._config)

    def _take_over(self, *batch: Tensor) -> None:
        """Copy the batch to the arrays that the graph reads."""
        if not self._batch:
            self._batch = tuple(Tensor.wrap(x._array.copy()) for x in batch)
        for place, x in zip(self._batch, batch, strict=True):
            if place.shape != x.shape:
                raise ArgumentError(
                    f"GraphedStep: a graph is for batches of one shape\n  before {place.shape}   now {x.shape}"
                )
            place[...] = x

    def _now(self) -> list[Any]:
        """Everything that a recorded graph relies on: its arrays, counts of steps, learning rates, the precision."""
        moments = [array for optimizer in self._optimizers for arrays in optimizer.state.values() for array in arrays]
        numbers = [number for optimizer in self._optimizers for number in (optimizer.lr, *optimizer.counts)]
        return [*(x._array for x in self._state), *moments, *numbers, rawgan_kernels.chosen_precision()]


def _same(before: list[Any], now: list[Any]) -> bool:
    """True for the same arrays, not merely equal ones, and equal numbers and words."""
    return all(a is b or (isinstance(a, int | float | str) and a == b) for a, b in zip(before, now, strict=True))
