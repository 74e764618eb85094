"""Runs of seconds that tests of commands share."""

import shutil

import numpy as np
import pytest
from run_files import TINY

from rawgan.cli import main


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    """A file of 12 random images of 8 × 8 pixels."""
    path = tmp_path_factory.mktemp("data") / "images.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (12, 8, 8), np.uint8))
    return str(path)


@pytest.fixture(scope="session")
def trained(images, tmp_path_factory):
    """A finished run of three steps, to be left as it is."""
    out = tmp_path_factory.mktemp("trained") / "run"
    assert main(["train", "--data", images, "--steps", "3", "--out", str(out), *TINY]) == 0
    return out


@pytest.fixture
def run(trained, tmp_path):
    """A finished run of three steps."""
    return shutil.copytree(trained, tmp_path / "run")
