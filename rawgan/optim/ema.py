"""Running average of a module's weights."""

from __future__ import annotations

from copy import deepcopy
from typing import Generic, TypeVar

import rawgan_kernels as kernels
from rawgan.autograd.checks import check_writable
from rawgan.errors import ArgumentError
from rawgan.nn.base.module import Module
from rawgan.ops.arguments import whole
from rawgan.optim.groups import check_range
from rawgan.tensor import Tensor

Averaged = TypeVar("Averaged", bound=Module)


class EMA(Generic[Averaged]):
    """Exponential moving average: `module` has the running average of a source's weights and running statistics.

    average ← decay · average + (1 − decay) · source, after each step of the source's optimiser. GANs make better images
    with the average of G's weights than with the last ones.

    `module` begins as a copy of the source. Its state_dict is the whole state: save and load that.

    Source: Yazıcı et al. 2019

    >>> from rawgan import nn
    >>> G = nn.Sequential(nn.BatchNorm(1))
    >>> ema = EMA(G, decay=0.75)
    >>> G[0].gamma.data[...] = 5.0
    >>> ema.update()
    >>> ema.module[0].gamma
    Tensor([2.], float32, requires_grad=True)
    """

    def __init__(self, source: Averaged, decay: float = 0.999) -> None:
        if not isinstance(source, Module):
            raise ArgumentError(f"EMA: source is {type(source).__name__}; give the Module whose weights are averaged")
        check_range("EMA", "decay", decay, 0, 1)
        self.source, self.decay = source, float(decay)
        self.module = deepcopy(source)

    def update(self, step: int | None = None) -> None:
        """Move the average towards the source.

        With the number of the step, from 0, decay is at most (1 + step) / (10 + step): the average moves faster in the
        first steps, whose weights are soon outdated.

        Raises: ArgumentError if an array of the average is read-only, or if the source has other arrays than before
        """
        step = None if step is None else whole("EMA.update", "step", step, 0)
        decay = self.decay if step is None else min(self.decay, (1 + step) / (10 + step))
        now, average = self.source.state_tensors(), self.module.state_tensors()
        if now.keys() != average.keys() or any(now[name].shape != x.shape for name, x in average.items()):
            changed = ", ".join(sorted(_titles(now) ^ _titles(average)))
            raise ArgumentError(f"EMA.update: the source is not the module that it was: {changed}\n  make a new EMA")
        check_writable("the average", **average)
        for x in average.values():
            x.memory.keep()
            x.mark_written()  # first: Ctrl-C may come in between
        # The kernel takes equal dtypes; it writes all at once, so that Ctrl-C finds all averages old or all new.
        sources = [now[name]._array.astype(x.dtype, copy=False) for name, x in average.items()]
        if sources:
            kernels.average_update([x._array for x in average.values()], sources, decay)

    def __repr__(self) -> str:
        return f"EMA({type(self.source).__name__}, decay={self.decay:g})"


def _titles(tensors: dict[str, Tensor]) -> set[str]:
    return {f"{name} {x.shape}" for name, x in tensors.items()}
