"""A training step of a CycleGAN: two translators, there and back, on images that do not form pairs."""

from dataclasses import dataclass, replace
from typing import TypeVar

from rawgan import nn, ops, optim
from rawgan.autograd import grad
from rawgan.gan.loss_config import DEFAULT_LOSS, LossConfig
from rawgan.gan.parts import G1, G2, G5, begin, show
from rawgan.gan.state import GANState
from rawgan.gan.step import discriminator_step, generator_loss
from rawgan.gan.step_metrics import StepMetrics
from rawgan.gan.translation.history import History
from rawgan.gan.translation.translator import Translator
from rawgan.random import make_rng
from rawgan.tensor import Tensor

Part = TypeVar("Part")


@dataclass(frozen=True)
class Cycle:
    """Two translators, there and back, and the images that each made in earlier steps."""

    forth: Translator
    """From A to B."""
    back: Translator
    """From B to A."""
    histories: tuple[History, History]
    """Generated images of B, and of A."""

    @property
    def networks(self) -> dict[str, nn.Module]:
        """All four networks by name."""
        return self.forth.networks | _named_back(self.back.networks)

    @property
    def optimizers(self) -> dict[str, optim.Optimizer]:
        """All four optimisers by name."""
        return self.forth.optimizers | _named_back(self.back.optimizers)

    @property
    def kept(self) -> dict[str, nn.Module]:
        """Modules by name whose tensors a checkpoint keeps: networks, averages, histories."""
        histories = dict(zip(("history", "back_history"), self.histories, strict=True))
        return self.forth.kept | _named_back(self.back.kept) | histories

    def update_average(self, index: int) -> None:
        """Move the averages of both generators, after step `index`."""
        self.forth.update_average(index)
        self.back.update_average(index)


Trained = GANState | Cycle
"""Networks, their optimisers and averages: all that training changes."""


def _named_back(parts: dict[str, Part]) -> dict[str, Part]:
    return {f"back_{name}": part for name, part in parts.items()}


@dataclass(frozen=True)
class CycleWeights:
    """Weights of the differences in the generators' loss, relative to their objective.

    Source: Zhu et al. 2017, whose objective for G is (f − 1)², twice that of `least-squares`
    """

    cycle: float = 10.0
    """Weight of the difference between images and their round trips."""
    identity: float = 5.0
    """Weight of the change that a translator makes to images that are already of its target kind."""


def cycle_step(
    cycle: Cycle, a: Tensor, b: Tensor, config: LossConfig = DEFAULT_LOSS, weights: CycleWeights | None = None,
    index: int = 0,
) -> StepMetrics:  # fmt: skip
    """Update both D, then both G, on images of A and of B that do not form pairs. `index` is the number of the step.

    Both G minimise, together, their objectives + cycle · (mean |A − back(forth(A))| + mean |B − forth(back(B))|)
    + identity · (mean |B − forth(B)| + mean |A − back(A)|).

    Running statistics come only from the source images of each translator; round trips and identities leave them alone.
    Each D has its own instance noise and penalty.

    Shapes: a and b (N, H, W, C), in [−1, 1]
    Source: Zhu et al. 2017
    """
    weights, forth, back = weights or CycleWeights(), cycle.forth, cycle.back
    begin(G1)
    show(a=a, b=b)
    begin(G2)
    fake_b, fake_a = forth.generator(a), back.generator(b)
    show(generated_b=fake_b, generated_a=fake_a)
    another = replace(config, seed=int(make_rng(config.seed, "seed of the way back").integers(2**31)))
    sides = (forth, b, fake_b, config), (back, a, fake_a, another)
    of_d = []
    for number, (side, real, fake, own) in enumerate(sides):
        rng = make_rng(config.seed, f"history {number}", index)
        earlier = Tensor(cycle.histories[number].exchange(fake.numpy(), rng)).to(fake.device)
        of_d.append(discriminator_step(side, real, earlier, own, index))
    (b_loss, b_total), (a_loss, a_total) = (
        generator_loss(side, fake, real, own, index) for side, real, fake, own in sides
    )
    with forth.generator.frozen_buffers(), back.generator.frozen_buffers():
        cycled = ops.l1(back.generator(fake_b), a) + ops.l1(forth.generator(fake_a), b)
        total, identity = b_total + a_total + weights.cycle * cycled, None
        if weights.identity:
            identity = ops.l1(forth.generator(b), b) + ops.l1(back.generator(a), a)
            total = total + weights.identity * identity
            show(identity=identity)
        show(cycle=cycled)
    begin(G5)
    optimizers = forth.g_optimizer, back.g_optimizer
    gradients = grad(total, [p for optimizer in optimizers for p in optimizer.parameters])
    border = len(forth.g_optimizer.parameters)
    forth.g_optimizer.step(gradients[:border])
    back.g_optimizer.step(gradients[border:])
    first, second = of_d
    return StepMetrics(
        g_loss=_mean(b_loss, a_loss).detach(), cycle=cycled.detach(),
        identity=None if identity is None else identity.detach(),
        **{name: _mean(value, second[name]) for name, value in first.items()},
    )  # fmt: skip


def _mean(a: Tensor, b: Tensor) -> Tensor:
    return 0.5 * (a + b)
