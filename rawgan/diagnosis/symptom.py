"""A symptom of a training that goes wrong: a figure, the range in which healthy trainings keep it, and a remedy."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from rawgan.diagnosis.held_out import LogitsOfD
from rawgan.diagnosis.probe import Layer, Probe
from rawgan.gan import LossConfig

WARM_UP = 400
"""Steps before which only the data is examined: G's first images are all the same grey, and running statistics have
not yet arrived."""


@dataclass(frozen=True)
class Symptom:
    """One figure at the place where it is worst, healthy or not."""

    name: str
    """Name of the symptom, such as "mode collapse"."""
    figure: str
    """Quantity that was measured, in words."""
    place: str
    value: float
    unit: str
    least: float | None
    """Lowest healthy value; None: no bound."""
    most: float | None
    """Highest healthy value; None: no bound."""
    remedy: str
    """Options or layers to change."""
    waits: bool = False
    """True if further training may bring the figure into its range: then it is no alarm."""

    @property
    def out(self) -> bool:
        """True if the figure is outside of its healthy range, or no number."""
        least = -np.inf if self.least is None else self.least
        most = np.inf if self.most is None else self.most
        return not least <= self.value <= most

    @property
    def alarm(self) -> bool:
        """True if something is wrong."""
        return self.out and not self.waits

    @property
    def pending(self) -> bool:
        """True if the training is too short so far."""
        return self.out and self.waits

    @property
    def healthy(self) -> str:
        """The healthy range in words."""
        bounds = ("at least", self.least), ("at most", self.most)
        return " and ".join(f"{words} {bound:.3g}{self.unit}" for words, bound in bounds if bound is not None)

    @property
    def shown(self) -> str:
        """The value with its unit."""
        return f"{self.value:.3g}{self.unit}"

    def __str__(self) -> str:
        return f"{self.name}: {self.place}: {self.figure} {self.shown}, healthy {self.healthy}\n  {self.remedy}"

    def to_dict(self) -> dict[str, Any]:
        """Fields for JSON; the value has four digits."""
        fields = asdict(self)
        name = fields.pop("name")
        return {"symptom": name, **fields, "value": float(f"{self.value:.4g}"), "alarm": self.alarm,
                "pending": self.pending}  # fmt: skip


class Examination(NamedTuple):
    """Everything that symptoms are read from."""

    seen: Probe
    loss_config: LossConfig
    records: Sequence[Mapping[str, Any]]
    """Lines of metrics so far."""
    logits: LogitsOfD | None = None
    """D's logits of training, held-out and generated images; None where no images are held out."""


@dataclass(frozen=True)
class SymptomCheck:
    """One kind of symptom: how it is found."""

    name: str
    summary: str
    find: Callable[[Examination], list[Symptom]]
    """Every figure of the symptom that can be told, healthy ones included."""
    early: bool = False
    """True if it can be told before `WARM_UP` steps."""


def layers_with(seen: Probe, figure: str, network: str = "") -> list[Layer]:
    """The layers that have a figure of the probe, of one network or of both."""
    return [layer for layer in seen.layers if getattr(layer, figure) is not None and layer.place.startswith(network)]


def worst_layer(
    name: str, figure: str, layers: list[Layer], key: str, unit: str, bound: float | Callable[[Layer], float],
    remedy: str, lowest: bool = False,
) -> list[Symptom]:  # fmt: skip
    """The layer whose figure `key` is furthest outside of its bound, with the number of other layers outside of
    theirs; an empty list without layers. The bound is the highest healthy value, or with `lowest` the lowest."""
    found = []
    for layer in layers:
        limit, place = bound if isinstance(bound, float) else bound(layer), layer.place.partition("(")[0]
        low, high = (limit, None) if lowest else (None, limit)
        found.append(Symptom(name, figure, place, getattr(layer, key), unit, low, high, remedy))
    found.sort(key=lambda each: each.value - (each.least or 0) if lowest else (each.most or 0) - each.value)
    found.sort(key=lambda each: not np.isnan(each.value))
    others = sum(each.alarm for each in found[1:])
    return [replace(found[0], place=f"{found[0].place} and {others} more") if others else each for each in found[:1]]
