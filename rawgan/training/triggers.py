"""Triggers: they choose the moments at which an extension of a run acts."""

from collections.abc import Callable
from typing import NamedTuple


class Moment(NamedTuple):
    """A moment at which triggers are asked."""

    step: int
    """Steps taken so far."""
    steps: int
    """Steps of the whole run."""
    has_ended: bool
    """True after the last step, or when the run is asked to stop: no step was taken since the moment before."""


Trigger = Callable[[Moment], bool]
"""True at the moments at which an extension is to act."""


def never(moment: Moment) -> bool:
    """The trigger of an extension that only follows a run."""
    return False


def every(count: int | None, with_last: bool = False) -> Trigger:
    """After each `count` steps, never if that is None; with `with_last` also after the last step of the run.

    >>> [step for step in range(1, 8) if every(3, with_last=True)(Moment(step, 7, False))]
    [3, 6, 7]
    """

    def is_due(moment: Moment) -> bool:
        at_count = count is not None and moment.step % count == 0
        return not moment.has_ended and (at_count or (with_last and moment.step == moment.steps))

    return is_due


def at_end(moment: Moment) -> bool:
    """When the run ends, or is asked to stop."""
    return moment.has_ended


def any_of(*triggers: Trigger) -> Trigger:
    """Whenever one of several triggers is due."""
    return lambda moment: any(trigger(moment) for trigger in triggers)
