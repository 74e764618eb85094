"""Triggers: they choose the moments at which an extension of a run acts."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple


class Moment(NamedTuple):
    """A moment at which triggers are asked."""

    step: int
    """Steps taken so far."""
    steps: int
    """Steps of the whole run."""
    has_ended: bool
    """True when the run ends: after the last step, or because it is asked to stop. Then no step was taken just now."""


class Trigger(ABC):
    """True, when called, at the moments at which an extension is to act. `a | b` is due whenever one of both is."""

    @abstractmethod
    def __call__(self, moment: Moment) -> bool:
        """True if the extension is to act at this moment."""

    def __or__(self, other: "Trigger") -> "Trigger":
        return Either(self, other)


@dataclass(frozen=True)
class Never(Trigger):
    """The trigger of an extension that only follows a run."""

    def __call__(self, moment: Moment) -> bool:
        return False


@dataclass(frozen=True)
class Every(Trigger):
    """After each `count` steps, never if that is None; with `with_last` also after the last step of the run.

    >>> [step for step in range(1, 8) if Every(3, with_last=True)(Moment(step, 7, False))]
    [3, 6, 7]
    """

    count: int | None
    with_last: bool = False

    def __call__(self, moment: Moment) -> bool:
        at_count = self.count is not None and moment.step % self.count == 0
        return not moment.has_ended and (at_count or (self.with_last and moment.step == moment.steps))


@dataclass(frozen=True)
class AtEnd(Trigger):
    """When the run ends, or is asked to stop."""

    def __call__(self, moment: Moment) -> bool:
        return moment.has_ended


@dataclass(frozen=True)
class Either(Trigger):
    """Whenever one of two triggers is due.

    >>> [step for step in range(1, 8) if (Every(3) | Every(2))(Moment(step, 7, False))]
    [2, 3, 4, 6]
    """

    one: Trigger
    other: Trigger

    def __call__(self, moment: Moment) -> bool:
        return self.one(moment) or self.other(moment)
