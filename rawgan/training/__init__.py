"""Training: the trainer takes steps; a run writes what they leave; extensions watch, draw, measure and save.

>>> from tempfile import TemporaryDirectory
>>> from rawgan.config.noise import TrainConfig
>>> from rawgan.storage import RunFolder
>>> trainer = Trainer(TrainConfig.of(steps=2, width=2, batch_size=4, samples=4))
>>> with TemporaryDirectory() as folder:
...     train(trainer, RunFolder.create(f"{folder}/run", "digits"))
2
"""

from collections.abc import Callable

from rawgan.storage import RunFolder
from rawgan.training.extensions import usual_extensions
from rawgan.training.run import Extension, Run
from rawgan.training.trainer import Trainer

__all__ = ["Extension", "Run", "Trainer", "train"]


def train(
    trainer: Trainer,
    folder: RunFolder,
    *attached: Extension,
    should_stop: Callable[[], bool] = lambda: False,
    tell: Callable[[str], None] = lambda message: None,
) -> int:
    """Train from where the trainer is to the end, or until `should_stop()`, and write everything into the folder.

    The usual extensions are attached, and `attached` behind them; `tell` is called with messages for a person. Returns
    the steps taken in all.

    Raises: DivergedError if a loss is not finite; the folder then holds the state before that step
    """
    return Run(trainer, folder, [*usual_extensions(trainer.config), *attached], should_stop, tell).go()
