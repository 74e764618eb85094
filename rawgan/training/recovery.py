"""Going back after a loss that is not finite: to the state before the first number that is not."""

from __future__ import annotations

from collections.abc import Callable

from rawgan.diagnosis.nonfinite import first_nonfinite
from rawgan.errors import DivergedError
from rawgan.storage import RunFolder
from rawgan.storage.checkpoint import Checkpoint
from rawgan.training.trainer import Trainer, nonfinite_array

MOST_ROLLBACKS = 5
"""After so many, a run that is told to roll back stops all the same."""


def go_back(
    trainer: Trainer,
    folder: RunFolder,
    error: DivergedError,
    rewind: Callable[[], None],
    should_stop: Callable[[], bool],
    tell: Callable[[str], None],
) -> None:
    """Find the first number that is not finite, and put the trainer and its folder where they were before that step;
    if the run is to stop meanwhile, at the last checkpoint.

    With --on-nonfinite rollback, training goes on from there with half the learning rate.

    Raises: DivergedError unless the run is to go on from there
    """
    checkpoint, faults = folder.newest_checkpoint()
    for fault in faults:
        tell(f"skipped: {fault}")
    failed = trainer.reached
    tell(f"step {failed}: a loss is not finite; looking for the first such number, from the last checkpoint on")
    trainer.restart(checkpoint)
    before, cause = _cause(trainer, failed, should_stop)
    if before is None:
        trainer.restart(checkpoint)
        rewind()
        return
    trainer.restart(before)
    rewind()
    rates = ", ".join(sorted({f"{rate:g}" for rate in before.about.rates.values()}))
    if trainer.config.optimiser.on_nonfinite == "stop" or trainer.rollbacks >= MOST_ROLLBACKS:
        folder.save_checkpoint(before, trainer.config.output.keep)
        other = ", or with --on-nonfinite rollback," if trainer.rollbacks < MOST_ROLLBACKS else ""
        raise DivergedError(
            f"{error}\n  {cause}\n  the state before that step is kept: {folder.checkpoints()[-1]}\n"
            f"  the learning rate is {rates}: go on with a lower --learning-rate{other} from there, by --resume "
            f"{folder.path}"
        ) from None
    trainer.rollbacks += 1
    for optimizer in trainer.gan.optimizers.values():
        optimizer.lr /= 2
    # From here the run goes back the next time, and goes on if it is stopped: with this rate and this count.
    folder.save_checkpoint(trainer.checkpoint(), trainer.config.output.keep)
    tell(f"{cause}; going on from step {trainer.reached} with half the learning rate, which was {rates}")


def _cause(trainer: Trainer, failed: int, should_stop: Callable[[], bool]) -> tuple[Checkpoint | None, str]:
    """Take the steps up to `failed` again, looking at every array. Returns the state before the step in which the first
    number is not finite, and the cause in words; no state if the run is to stop meanwhile."""
    before = trainer.checkpoint()
    while trainer.reached < failed:
        if should_stop():
            return None, ""
        found: object = first_nonfinite(
            lambda: trainer.take(kernel_by_kernel=True), trainer.gan.networks, trainer.gan.optimizers
        )
        after = None if found else trainer.checkpoint()
        if after is not None:
            found = nonfinite_array(after)  # such as a moment, which no op has made
        if found:
            return before, f"it began in step {before.about.step + 1}: {found}"
        assert after is not None
        before = after
    return before, "taken again, the steps since the last checkpoint give finite numbers: is the memory sound?"
