"""Pictures of samples, one every so many steps, and an animation of them at the end."""

from collections.abc import Callable
from pathlib import Path

from rawgan.errors import DeviceError, FileError
from rawgan.pictures import animate_folder
from rawgan.pictures.png import is_whole_png
from rawgan.storage.lookup import is_there
from rawgan.training.memory import out_of_memory
from rawgan.training.run import Extension, Run
from rawgan.training.triggers import Every, Moment


class Samples(Extension):
    """Draw samples every `count` steps and after the last one, in the background.

    No picture ever ends a run. One that is missing or damaged when a run goes on, as after a crash or on a full disk,
    is made again by taking its steps again, unless these are more than `reach`.
    """

    def __init__(self, count: int, reach: int) -> None:
        self._count, self._reach = count, reach
        self.is_due = Every(count, with_last=True)

    def has_files_of(self, run: Run, step: int) -> bool:
        """True if a picture belongs to the run after this step."""
        return self.is_due(Moment(step, run.steps, False))

    def start(self, run: Run) -> None:
        """Make missing pictures again: those of earlier steps, then that of this one."""
        self._make_again(run)
        if self.has_files_of(run, run.reached) and _is_lost(run.folder.sample_path(run.reached), run.tell):
            self.act(run)

    def act(self, run: Run) -> None:
        """Draw the samples of this step, and hand them to the other extensions."""
        path = run.folder.sample_path(run.reached)
        try:
            samples = run.task.sample()
        except (MemoryError, DeviceError) as error:
            run.tell(f"{path} could not be made: {str(error) or out_of_memory(run.task)}; training goes on")
            return
        run.background.draw(run.task.save_picture, path, samples, run.reached)
        for extension in run.extensions:
            extension.samples(run, samples)

    def finish(self, run: Run) -> None:
        """Animate all pictures."""
        background = run.background
        background.draw(_animate, run.folder.animation_file, run.folder.samples_folder, background.note)

    def _make_again(self, run: Run) -> None:
        """Make pictures of earlier steps again that are missing or damaged, from the last checkpoint before each.

        If that is more than `reach` steps ago, they were deleted on purpose, or are not worth the time.
        """
        trainer, now, lost = run.trainer, None, 0
        for step in range(0, run.reached, self._count):
            path = run.folder.sample_path(step)
            if not _is_lost(path, run.tell):
                continue
            before = run.folder.checkpoint_before(step)
            begin = 0 if before is None else before.about.step
            unknown = before is None and not trainer.can_begin
            if unknown or step - begin > self._reach or run.should_stop():
                lost += 1
                continue
            run.tell(f"{path} is missing or damaged, and made again, by the steps from {begin:,} on")
            now = now or trainer.checkpoint()
            if not begin <= trainer.reached <= step:
                trainer.restart(before, with_its_rates=True)
            while trainer.reached < step:
                trainer.take()
            run.background.draw(run.task.save_picture, path, run.task.sample(), step)
        if now is not None:
            trainer.restart(now)
        if lost:
            run.tell(f"{run.folder.samples_folder} lacks {lost:,} pictures of earlier steps; they are not made again")


def _animate(path: Path, samples: Path, tell: Callable[[str], None]) -> None:
    """Write the animation of the pictures that there are."""
    animate_folder(path, samples, on_damaged=lambda what: tell(f"left out of {path}: {what}"))


def _is_lost(picture: Path, tell: Callable[[str], None]) -> bool:
    """True if a picture is missing or damaged. If the system cannot tell, it is left alone, and a message says so."""
    try:
        return not (is_there(picture) and is_whole_png(picture))
    except FileError as error:
        tell(str(error))
        return False
