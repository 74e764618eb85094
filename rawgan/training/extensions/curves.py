"""losses.png: curves of the figures of all steps so far."""

from rawgan.pictures import plot_losses
from rawgan.training.run import Extension, Run
from rawgan.training.triggers import Trigger


class Curves(Extension):
    """Plot the figures whenever a picture of samples is made, and at the end."""

    def __init__(self, trigger: Trigger) -> None:
        self.is_due = trigger

    def act(self, run: Run) -> None:
        """Plot in the background; a plot that still waits is replaced."""
        run.background.draw_latest(plot_losses, run.folder.losses_file, run.lines.copy())

    def finish(self, run: Run) -> None:
        """Plot all steps."""
        if run.lines:
            self.act(run)
