"""Checkpoint files of a run: numbered ones in checkpoints/; best.safetensors, the best that was measured; and
init.safetensors, the weights of another run that it began with."""

from contextlib import suppress
from pathlib import Path

from rawgan.errors import ConfigError, FileError
from rawgan.storage.atomic import delete, rename
from rawgan.storage.checkpoint import About, Checkpoint, Damaged, read, read_about, write
from rawgan.storage.lookup import is_link, is_there
from rawgan.storage.numbered_files import numbered_files, numbered_path, step_in_name


class CheckpointFiles:
    """Checkpoints below the folder of a run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoints_folder = path / "checkpoints"
        self.best_file = path / "best.safetensors"
        self.start_file = path / "init.safetensors"

    def save_checkpoint(self, made: Checkpoint, keep: int | None) -> None:
        """Write checkpoints/step-000500.safetensors, and delete all but the latest `keep`; None deletes none.

        Raises: as :func:`rawgan.storage.checkpoint.write`
        """
        write(numbered_path(self.checkpoints_folder, made.about.step, ".safetensors"), made)
        if keep is not None:
            self.delete_checkpoints(keep)

    def delete_checkpoints(self, keep: int) -> None:
        """Delete all checkpoints but the latest `keep`.

        Raises: ConfigError when one cannot be deleted
        """
        for old in self.checkpoints()[:-keep]:
            delete(old)

    def checkpoints(self) -> list[Path]:
        """Files in checkpoints/, sorted by step."""
        return numbered_files(self.checkpoints_folder, ".safetensors")

    def newest_checkpoint(self) -> tuple[Checkpoint | None, list[str]]:
        """Read the latest checkpoint that is whole, or None; and describe the damage of each later one.

        Raises: ConfigError when there are checkpoints but none is whole, when a later rawgan wrote one, or when one
            cannot be read, which says nothing about its content
        """
        faults: list[str] = []
        left = self.checkpoints()
        while left:
            path = left.pop()
            try:
                return read(path), faults
            except Damaged as error:
                faults.append(str(error).partition("\n")[0])
            except FileError:
                if is_link(path) or is_there(path):
                    raise
                left = [each for each in self.checkpoints() if each != path]  # a training run has just deleted it
        if faults:
            raise ConfigError("\n  ".join(["no checkpoint of this run is whole", *faults, "train it again"]))
        return None, faults

    def newest_about(self) -> About | None:
        """Read what the latest checkpoint says besides its arrays, without reading these; None if there is none.

        Raises: as :func:`rawgan.storage.checkpoint.read_about`
        """
        while left := self.checkpoints():
            try:
                return read_about(left[-1])
            except FileError:
                if is_link(left[-1]) or is_there(left[-1]):
                    raise  # otherwise a training run has just deleted it, and has a later one
        return None

    def checkpoint_before(self, step: int) -> Checkpoint | None:
        """Read the latest checkpoint that is whole, of that step or an earlier one; None if there is none.

        Raises: ConfigError as :meth:`newest_checkpoint`
        """
        for path in reversed(self.checkpoints()):
            if step_in_name(path) <= step:
                with suppress(Damaged):
                    return read(path)
        return None

    def save_start(self, start: Checkpoint) -> None:
        """Write init.safetensors, the weights that the run begins with, unless it is there.

        Raises: as :func:`rawgan.storage.checkpoint.write`
        """
        if not is_there(self.start_file):
            write(self.start_file, start)

    def read_start(self) -> Checkpoint | None:
        """Read init.safetensors; None if there is none.

        Raises: ConfigError when it is damaged, or cannot be read
        """
        return read(self.start_file) if is_there(self.start_file) else None

    def save_best(self, made: Checkpoint) -> None:
        """Write best.safetensors, replacing the one before.

        Raises: as :func:`rawgan.storage.checkpoint.write`
        """
        write(self.best_file, made)

    def best_step(self) -> int | None:
        """Step of best.safetensors; None if there is none, or if it is damaged.

        Raises: ConfigError when a later rawgan wrote it, or it cannot be read
        """
        if not is_there(self.best_file):
            return None
        try:
            return read(self.best_file).about.step
        except Damaged:
            return None

    def best_checkpoint(self) -> Checkpoint:
        """Read best.safetensors.

        Raises: ConfigError when there is none, when it is damaged, or cannot be read
        """
        if not is_there(self.best_file):
            raise ConfigError(
                f"{self.path} has no best checkpoint, as none was measured\n"
                "  train with --evaluate-every to have one; or take the latest"
            )
        try:
            return read(self.best_file)
        except Damaged as error:
            fault = str(error).partition("\n")[0]
            raise Damaged(f"{fault}\n  leave out --best to take the latest checkpoint") from error


def set_aside(path: Path) -> Path:
    """Rename a checkpoint that the run goes on without, to `….damaged` if it is damaged, else to `….later`.

    Returns the new path.

    Raises: ConfigError when it cannot be read, when a later rawgan wrote it (then it stays), or when it cannot be
        renamed
    """
    try:
        read(path)
        why = "later"
    except Damaged:
        why = "damaged"
    return rename(path, f"{path.name}.{why}")
