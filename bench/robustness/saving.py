"""Cost of saving a training, relative to a step."""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rawgan.config.noise import TrainConfig
from rawgan.pictures import plot_losses, save_grid
from rawgan.storage import RunFolder
from rawgan.training import Trainer
from rawgan.training.background import Background

ROUNDS = 5
METRICS = 3000
"""Number of steps that are plotted."""


def saving() -> dict[str, float]:
    """Median seconds of a step of dcgan at 64×64×3, batch 64; of copying and of writing its checkpoint; of a picture
    and a plot; and of the time that training waits for them.
    """
    with tempfile.TemporaryDirectory(prefix="rawgan-bench-") as name:
        training = Trainer(TrainConfig.of(model="dcgan", image_size=64, channels=3))
        folder = RunFolder(Path(name))
        folder.write_config(training.config.to_dict())
        record = training.step(1)._asdict()
        records = [{**record, "step": step} for step in range(METRICS)]
        images = training.task.sample()
        found: dict[str, list[float]] = {}

        def timed(what: str, call: Callable[[], Any]) -> Any:
            started = time.perf_counter()
            result = call()
            found.setdefault(what, []).append(time.perf_counter() - started)
            return result

        def pictures(background: Background) -> None:
            background.draw(save_grid, folder.sample_path(1), images)
            background.draw_latest(plot_losses, folder.losses_file, records)

        for number in range(2, 2 + ROUNDS):
            timed("a step", lambda number=number: training.step(number))
            made = timed("copying a checkpoint", training.checkpoint)
            timed("writing a checkpoint", lambda made=made: folder.save_checkpoint(made, keep=1))
            timed("drawing a picture", lambda: save_grid(folder.sample_path(1), images))
            timed("plotting losses", lambda: plot_losses(folder.losses_file, records))
            with Background() as background:
                timed("waiting for picture and plot", lambda background=background: pictures(background))
                timed("a step beside them", lambda number=number: training.step(number + ROUNDS))
        size = folder.checkpoints()[-1].stat().st_size
    return {**{what: statistics.median(times) for what, times in found.items()}, "bytes of a checkpoint": size}
