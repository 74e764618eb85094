"""What the doctor examines of a run that is not being trained: its networks, and images to show them."""

from typing import Any, NamedTuple

import numpy as np

from rawgan.config.run import RunConfig
from rawgan.config.translation import CycleConfig, PairedConfig
from rawgan.data import Batches, ImageSet, PointBatches
from rawgan.gan import Cycle, GANState, Translator
from rawgan.inference.application import restore_networks, translate_config_of
from rawgan.inference.restoration import check_moved, checkpoint_of, config_of, elsewhere, hinting, restore
from rawgan.random import make_rng
from rawgan.storage.provenance import digest_of
from rawgan.storage.run_folder import RunFolder
from rawgan.tasks.cycle import kinds_of
from rawgan.tasks.noise import images_of
from rawgan.tasks.pairs import apart, parts_of
from rawgan.tensor import Tensor

IMAGES = 256
"""Examined, or as many as whole batches of the run make of them."""


class DiagnosisSubject(NamedTuple):
    """Two networks, and a batch."""

    name: str
    """Which of several they are."""
    gan: GANState
    real: Tensor
    latent: Tensor
    """What G takes."""
    given: Any
    """What D is told."""


def diagnosis_subjects(
    folder: RunFolder, seed: int = 0, device_name: str = "cpu", data: str | None = None, targets: str | None = None
) -> tuple[RunConfig, int, list[DiagnosisSubject]]:
    """The configuration of a run, the step of its latest checkpoint, and what is to be examined. `data` and `targets`
    say where its images are, if they are elsewhere now.

    Raises: ConfigError, DataError for a run without a checkpoint, or whose data is gone; ArgumentError for other data
    """
    asked = translate_config_of(folder)
    if asked is None:
        return _of_noise(folder, seed, device_name, data, targets)
    asked = elsewhere(asked, folder, data, targets)
    networks, about = restore_networks(folder, asked, device_name)
    if isinstance(networks, Cycle):
        assert isinstance(asked, CycleConfig)
        with hinting(asked, folder):
            kinds = kinds_of(asked)
        check_moved(asked, about, digest_of(*kinds[0], *kinds[1]))
        a, b = (_batch(asked, images, seed, device_name) for (images, _) in kinds)
        return asked, about.step, [
            DiagnosisSubject(", from A to B", networks.forth, Tensor(b), Tensor(a), None),
            DiagnosisSubject(", from B to A", networks.back, Tensor(a), Tensor(b), None),
        ]  # fmt: skip
    assert isinstance(asked, PairedConfig)
    assert isinstance(networks, Translator)
    with hinting(asked, folder):
        parts = parts_of(asked)
    check_moved(asked, about, digest_of(*parts))
    images = _batch(asked, parts[0], seed, device_name)
    source, target = apart(asked, images, make_rng(seed, "degrade for the doctor"))
    return asked, about.step, [DiagnosisSubject("", networks, target, source, source if networks.paired else None)]


def _of_noise(
    folder: RunFolder, seed: int, device_name: str, data: str | None, targets: str | None
) -> tuple[RunConfig, int, list[DiagnosisSubject]]:
    asked = elsewhere(config_of(folder), folder, data, targets)
    gan, step = restore(folder, device_name)
    labels = None
    if asked.data.mixture is not None:
        count = max(asked.data.batch_size, IMAGES // asked.data.batch_size * asked.data.batch_size)
        real = PointBatches(asked.data.mixture, count, seed, device_name).batch(0)
    else:
        with hinting(asked, folder):
            images = images_of(asked)
        if data is not None:
            check_moved(asked, checkpoint_of(folder).about, digest_of(images))
        real = _batch(asked, images, seed, device_name)
        if asked.networks.conditional != "none":
            labels = Batches(images, len(real), seed, device_name).labels(0)
    z = gan.noise(seed, "diagnose", len(real))
    return asked, step, [DiagnosisSubject("", gan, Tensor(real), gan.latent(z, labels), labels)]


def _batch(asked: RunConfig, images: ImageSet, seed: int, device_name: str) -> np.ndarray[Any, Any]:
    """As many images as can be looked at in whole batches."""
    count = max(asked.data.batch_size, min(IMAGES, len(images)) // asked.data.batch_size * asked.data.batch_size)
    return Batches(images, count, seed, device_name).batch(0)
