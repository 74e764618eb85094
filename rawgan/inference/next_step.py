"""The next step of a run, without the run: a trainer that stands at its latest checkpoint."""

from rawgan.inference.moved_data import check_same_data, hinting_at_moved_data, with_moved_data
from rawgan.inference.trained_networks import checkpoint_of, run_config_of
from rawgan.storage.provenance import digest_of
from rawgan.storage.run_folder import RunFolder
from rawgan.training import Trainer


def trainer_of(
    folder: RunFolder, device_name: str = "cpu", data: str | None = None, targets: str | None = None
) -> Trainer:
    """Trainer at the latest checkpoint of a run. It knows no folder: steps that it takes change nothing of the run.

    `data` and `targets` are the places where the run's images are now, if they have moved.

    Raises: ConfigError, DataError for a run without a checkpoint, or whose data is gone; ArgumentError for other data
    """
    config = with_moved_data(run_config_of(folder), folder, data, targets)
    checkpoint = checkpoint_of(folder)
    with hinting_at_moved_data(config, folder):
        # what only measures is not read
        trainer = Trainer(config.replace(evaluate_every=None, device=device_name), checkpoint=checkpoint)
    if data is not None or targets is not None:
        check_same_data(config, checkpoint.about, digest_of(*trainer.task.images))
    return trainer
