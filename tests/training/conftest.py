"""Runs and images that several tests of translators and enhancers share."""

import numpy as np
import pytest
from PIL import Image
from translation_runs import TINY

from rawgan.cli import main


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "images.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (30, 16, 16, 3), np.uint8))
    return str(path)


@pytest.fixture(scope="session")
def runs(data, tmp_path_factory):
    """A finished run of each command."""
    folder, tiny = tmp_path_factory.mktemp("runs"), []
    for name, value in TINY.items():
        tiny += [f"--{name.replace('_', '-')}", str(value)]
    commands = (
        ["pix2pix", "--pairs", "edges"], ["enhance"], ["enhance", "--task", "inpaint", "--hole", "5"],
        ["cyclegan", "--style", "inverted"],
    )  # fmt: skip
    for command, *options in commands:
        out = folder / "-".join([command, *options[1:2]])
        assert main([command, "--data", data, "--image-size", "16", *tiny, *options, "--out", str(out)]) == 0
    return folder


@pytest.fixture
def photos(tmp_path):
    """Images of several sizes, modes and formats, and one that is none."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    Image.fromarray(rng.integers(0, 256, (30, 21, 3), np.uint8)).save(folder / "colour.jpg")
    Image.fromarray(rng.integers(0, 256, (5, 50), np.uint8)).save(folder / "sub" / "grey.png")
    Image.fromarray(rng.integers(0, 256, (3, 3), np.uint8)).save(folder / "tiny.bmp")
    (folder / "broken.png").write_bytes(b"\x89PNG no more")
    return folder
