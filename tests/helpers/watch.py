"""An extension that calls functions with the events of a run."""

from rawgan.training import Extension


def nothing(*arguments):
    """Do nothing."""


class Watch(Extension):
    """Call `step(record)`, `samples(step, samples)` and `measured(step, figures)` as a run goes on."""

    def __init__(self, step=nothing, samples=nothing, measured=nothing):
        self._step, self._samples, self._measured = step, samples, measured

    def step(self, run, record):
        self._step(record)

    def samples(self, run, samples):
        self._samples(run.reached, samples)

    def measured(self, run, figures):
        self._measured(run.reached, figures)
