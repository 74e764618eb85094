"""Subjects of a diagnosis: the networks of a run that is not being trained, with images to examine them by."""

from rawgan.config.run import RunConfig
from rawgan.diagnosis.subject import DiagnosisSubject
from rawgan.inference.moved_data import check_same_data, hinting_at_moved_data, with_moved_data
from rawgan.inference.trained_networks import restore_networks, run_config_of
from rawgan.storage.provenance import digest_of
from rawgan.storage.run_folder import RunFolder
from rawgan.tasks import task_of


def diagnosis_subjects(
    folder: RunFolder, seed: int = 0, device_name: str = "cpu", data: str | None = None, targets: str | None = None
) -> tuple[RunConfig, int, list[DiagnosisSubject]]:
    """Configuration of a run, step of its latest checkpoint, and subjects to examine.

    `data` and `targets` are the places where its images are now, if they have moved.

    Raises: ConfigError, DataError for a run without a checkpoint, or whose data is gone; ArgumentError for other data
    """
    config = with_moved_data(run_config_of(folder), folder, data, targets)
    networks, about = restore_networks(folder, config, device_name)
    with hinting_at_moved_data(config, folder):
        task = task_of(config.replace(evaluate_every=None), device_name)
    if data is not None or targets is not None:
        check_same_data(config, about, digest_of(*task.images))
    task.gan = networks
    return config, about.step, task.subjects(seed)
