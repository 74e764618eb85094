"""Translators that begin with the weights of another run."""

import numpy as np

from rawgan.cli import main
from rawgan.storage.checkpoint import read


def test_translators_take_weights_but_no_earlier_images(tmp_path):
    tiny = [
        "--width",
        "2",
        "--patch",
        "16",
        "--batch-size",
        "2",
        "--samples",
        "2",
        "--image-size",
        "16",
        "--steps",
        "2",
    ]
    images = tmp_path / "images.npy"
    np.save(images, np.random.default_rng(0).integers(0, 256, (12, 16, 16), np.uint8))
    command = ["cyclegan", "--data", str(images), "--style", "inverted", "--model", "unet", "--history", "4", *tiny]
    assert main([*command, "--out", str(tmp_path / "a")]) == 0
    assert main([*command, "--init", str(tmp_path / "a"), "--seed", "1", "--out", str(tmp_path / "b")]) == 0
    start, there = (
        read(tmp_path / "b" / "init.safetensors"),
        read(tmp_path / "a" / "checkpoints" / "step-000002.safetensors"),
    )
    assert {name.partition(".")[0] for name in start.arrays} == {
        "generator", "discriminator", "average", "back_generator", "back_discriminator", "back_average",
    }  # fmt: skip
    for name, array in start.arrays.items():
        np.testing.assert_array_equal(array, there.arrays[name])
