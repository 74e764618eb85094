"""Subjects of a diagnosis: the networks of a run that is not being trained, with images to examine them by."""

from typing import Any, NamedTuple

import numpy as np

from rawgan.config.run import RunConfig
from rawgan.config.translation import CycleConfig, PairedConfig
from rawgan.data import Batches, ImageSet, PointBatches
from rawgan.gan import Cycle, GANState, Translator
from rawgan.inference.moved_data import check_same_data, hinting_at_moved_data, with_moved_data
from rawgan.inference.trained_networks import (
    checkpoint_of,
    config_of,
    restore,
    restore_translation,
    translation_config_of,
)
from rawgan.random import make_rng
from rawgan.storage.provenance import digest_of
from rawgan.storage.run_folder import RunFolder
from rawgan.tasks.cycle import kinds_of
from rawgan.tasks.noise import images_of
from rawgan.tasks.pairs import apart, parts_of
from rawgan.tensor import Tensor

IMAGES = 256
"""Number of images to examine, rounded to whole batches of the run."""


class DiagnosisSubject(NamedTuple):
    """A generator with its discriminator, and a batch to examine them by."""

    name: str
    """Name among several subjects; empty for a single one."""
    gan: GANState
    real: Tensor
    """Real images or points, as D sees them."""
    latent: Tensor
    """Input of G: latent vectors, or source images."""
    given: Any
    """Condition that D sees as well: labels, or source images."""


def diagnosis_subjects(
    folder: RunFolder, seed: int = 0, device_name: str = "cpu", data: str | None = None, targets: str | None = None
) -> tuple[RunConfig, int, list[DiagnosisSubject]]:
    """Configuration of a run, step of its latest checkpoint, and subjects to examine.

    `data` and `targets` are the places where its images are now, if they have moved.

    Raises: ConfigError, DataError for a run without a checkpoint, or whose data is gone; ArgumentError for other data
    """
    asked = translation_config_of(folder)
    if asked is None:
        return _of_noise(folder, seed, device_name, data, targets)
    asked = with_moved_data(asked, folder, data, targets)
    networks, about = restore_translation(folder, asked, device_name)
    if isinstance(networks, Cycle):
        assert isinstance(asked, CycleConfig)
        with hinting_at_moved_data(asked, folder):
            kinds = kinds_of(asked)
        check_same_data(asked, about, digest_of(*kinds[0], *kinds[1]))
        a, b = (_batch(asked, images, seed, device_name) for (images, _) in kinds)
        return asked, about.step, [
            DiagnosisSubject(", from A to B", networks.forth, Tensor(b), Tensor(a), None),
            DiagnosisSubject(", from B to A", networks.back, Tensor(a), Tensor(b), None),
        ]  # fmt: skip
    assert isinstance(asked, PairedConfig)
    assert isinstance(networks, Translator)
    with hinting_at_moved_data(asked, folder):
        parts = parts_of(asked)
    check_same_data(asked, about, digest_of(*parts))
    images = _batch(asked, parts[0], seed, device_name)
    source, target = apart(asked, images, make_rng(seed, "degrade for the doctor"))
    return asked, about.step, [DiagnosisSubject("", networks, target, source, source if networks.paired else None)]


def _of_noise(
    folder: RunFolder, seed: int, device_name: str, data: str | None, targets: str | None
) -> tuple[RunConfig, int, list[DiagnosisSubject]]:
    asked = with_moved_data(config_of(folder), folder, data, targets)
    gan, step = restore(folder, device_name)
    labels = None
    if asked.data.mixture is not None:
        count = max(asked.data.batch_size, IMAGES // asked.data.batch_size * asked.data.batch_size)
        real = PointBatches(asked.data.mixture, count, seed, device_name).batch(0)
    else:
        with hinting_at_moved_data(asked, folder):
            images = images_of(asked)
        if data is not None:
            check_same_data(asked, checkpoint_of(folder).about, digest_of(images))
        real = _batch(asked, images, seed, device_name)
        if asked.networks.conditional != "none":
            labels = Batches(images, len(real), seed, device_name).labels(0)
    z = gan.noise(seed, "diagnose", len(real))
    return asked, step, [DiagnosisSubject("", gan, Tensor(real), gan.latent(z, labels), labels)]


def _batch(asked: RunConfig, images: ImageSet, seed: int, device_name: str) -> np.ndarray[Any, Any]:
    """Batch of the images to examine. Shapes: → (N, H, W, C)"""
    count = max(asked.data.batch_size, min(IMAGES, len(images)) // asked.data.batch_size * asked.data.batch_size)
    return Batches(images, count, seed, device_name).batch(0)
