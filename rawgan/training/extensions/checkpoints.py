"""Checkpoints: all that is needed to go on, written every so many steps and at the end."""

from rawgan.storage import RunFolder
from rawgan.storage.checkpoint import Checkpoint
from rawgan.training.background import Background
from rawgan.training.run import Extension, Run
from rawgan.training.triggers import Moment, Trigger


class Checkpoints(Extension):
    """Write checkpoints in the background, and keep the latest few.

    While the disk has no room for a picture, older checkpoints stay: the picture can be made again from them.
    """

    needs_checkpoint = True

    def __init__(self, trigger: Trigger, keep: int) -> None:
        self._trigger, self._keep = trigger, keep
        self._saved = 0

    def is_due(self, moment: Moment) -> bool:
        """When the trigger says so, unless this state is saved already."""
        return moment.step != self._saved and self._trigger(moment)

    def start(self, run: Run) -> None:
        """Remember that the state to continue from is saved already."""
        self.went_back(run)

    def act(self, run: Run) -> None:
        """Write a checkpoint."""
        run.background.do(self._save, run.folder, run.background, run.checkpoint())
        self._saved = run.reached

    def went_back(self, run: Run) -> None:
        """Remember that the state to continue from is saved already."""
        self._saved = run.reached

    def finish(self, run: Run) -> None:
        """Delete checkpoints that were left because the run was killed before it could delete them."""
        run.background.do(self._tidy, run.folder, run.background)

    def _save(self, folder: RunFolder, background: Background, checkpoint: Checkpoint) -> None:
        folder.save_checkpoint(checkpoint, self._keep if background.is_complete else None)

    def _tidy(self, folder: RunFolder, background: Background) -> None:
        if background.is_complete:
            folder.delete_checkpoints(self._keep)
