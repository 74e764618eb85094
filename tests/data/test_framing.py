"""Framing of images that are not square, and transparency in squares."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rawgan.cli import main
from rawgan.cli.commands import train_classifier
from rawgan.config.noise import TrainConfig
from rawgan.config.translation import CycleConfig, EnhanceConfig, Pix2pixConfig
from rawgan.data import load, load_pairs, load_tiles
from rawgan.data.hold_out import with_hold_out
from rawgan.data.pairs.degradations import bicubic_weights
from rawgan.data.pixels import FITS, square, to_unit
from rawgan.errors import ArgumentError, DataError
from rawgan.inference.application import framed
from rawgan.tasks.cycle import kinds_of
from rawgan.tasks.enhance import EnhanceTask
from rawgan.tasks.noise import images_of
from rawgan.tasks.pix2pix import Pix2pixTask

RED, CLEAR = (255, 0, 0, 255), (0, 255, 0, 0)


def bicubic(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """Resize by matrices of weights. Shapes: (H, W, C) → (height, width, C)"""
    rows, columns = (bicubic_weights(*each) for each in ((pixels.shape[0], height), (pixels.shape[1], width)))
    return np.einsum("ih,jw,hwc->ijc", rows, columns, pixels.astype(np.float64))


def drawing(width: int, height: int, channels: int = 3) -> np.ndarray:
    """Pixels far from black and white, so that no overshoot is clipped."""
    return np.random.default_rng(0).integers(100, 156, (height, width, channels), np.uint8)


@pytest.mark.parametrize("size", [8, 40])
@pytest.mark.parametrize(("width", "height"), [(30, 12), (12, 30), (24, 24)])
def test_stretched_images_are_scaled_along_each_axis(width, height, size):
    pixels = drawing(width, height)
    found = square(Image.fromarray(pixels), size, 3, "stretch")
    assert abs(found - bicubic(pixels, size, size)).max() <= 1.5


@pytest.mark.parametrize("size", [10, 40])
@pytest.mark.parametrize(("width", "height"), [(30, 12), (12, 30), (24, 24)])
def test_padded_images_are_whole_and_centred(width, height, size):
    pixels = drawing(width, height)
    across, down = (round(side * size / max(width, height)) for side in (width, height))
    left, top = (size - across) // 2, (size - down) // 2
    expected = np.full((size, size, 3), 255.0)
    expected[top : top + down, left : left + across] = bicubic(pixels, across, down)
    found = square(Image.fromarray(pixels), size, 3, "pad")
    assert abs(found - expected).max() <= 1.5


@pytest.mark.parametrize(("channels", "sides"), [(1, [255]), (2, [0, 0]), (3, [255] * 3), (4, [0] * 4)])
def test_sides_are_transparent_and_white_without_alpha(channels, sides):
    found = square(Image.new("RGB", (8, 4), "black"), 8, channels, "pad")
    assert found[0, 0].tolist() == found[1, 7].tolist() == found[7, 3].tolist() == sides
    assert (found[2:6, :, :3] == 0).sum() == 4 * 8 * min(channels, 3) - (4 * 8 if channels == 2 else 0)


def test_an_image_of_extreme_proportions_keeps_a_pixel():
    found = square(Image.new("L", (1000, 1), 7), 8, 1, "pad")[..., 0]
    assert found[3].tolist() == [7] * 8
    assert (np.delete(found, 3, axis=0) == 255).all()


@pytest.mark.parametrize("fit", FITS)
def test_images_that_are_enlarged_are_reported(fit, tmp_path):
    """A padded image is enlarged if its longer side is too short, any other if its shorter one is."""
    Image.new("L", (12, 4)).save(tmp_path / "a.png")
    assert bool(load(tmp_path, image_size=8, fit=fit).notes) == (fit != "pad")
    assert load(tmp_path, image_size=16, fit=fit).notes == ("enlarged 1 image smaller than 16 × 16 pixels: a.png",)
    with pytest.raises(DataError, match="smaller than 16 × 16"):
        load(tmp_path, image_size=16, fit=fit, enlarge=False)


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_arrays_and_files_are_framed_alike(fit, suffix, tmp_path):
    pixels = np.stack([drawing(60, 40), drawing(60, 40)[::-1]])
    np.save(tmp_path / "set.npy", pixels)
    (tmp_path / "files").mkdir()
    for n, each in enumerate(pixels):
        Image.fromarray(each).save(tmp_path / "files" / f"{n}.{suffix}", quality=100, subsampling=0)
    arrays = load(tmp_path / "set.npy", image_size=16, fit=fit).images
    files = load(tmp_path / "files", image_size=16, fit=fit).images
    assert abs(arrays.astype(int) - files).max() <= (0 if suffix == "png" else 4)


def test_a_framing_that_does_not_exist(tmp_path):
    with pytest.raises(ArgumentError, match="fit='fill': expected one of crop, pad, stretch"):
        load(tmp_path, image_size=8, fit="fill")


# --- transparency ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fit", FITS)
def test_colours_of_transparent_pixels_do_not_bleed(fit):
    """Left red and solid, right green and clear: between them, all that is visible is red."""
    image = Image.new("RGBA", (64, 64), CLEAR)
    image.paste(RED, (0, 0, 30, 64))
    for size in (8, 11, 100):
        found = square(image, size, 4, fit)
        seen = found[found[..., 3] > 0]
        assert (seen[:, 0] > 250).all()
        assert (seen[:, 1] == 0).all()
        assert {0, 255} < set(found[..., 3].ravel().tolist())


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("channels", [2, 4])
def test_clear_pixels_are_black_after_resizing(fit, channels):
    """The filter overshoots: it may leave colour where it leaves no alpha."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (24, 30, 4), np.uint8)
    pixels[..., 3] = np.where(rng.random((24, 30)) < 0.8, 0, 255)
    for size in (16, 32, 40):
        found = square(Image.fromarray(pixels), size, channels, fit)
        clear = found[found[..., -1] == 0]
        assert len(clear) > 0
        assert not clear.any()


def test_the_share_of_transparent_images_is_told(tmp_path):
    Image.new("RGBA", (8, 8), CLEAR).save(tmp_path / "007.png")
    Image.new("RGBA", (8, 8), RED).save(tmp_path / "000.png")
    for n in {*range(1, 200)} - {7}:
        os.link(tmp_path / "000.png", tmp_path / f"{n:03}.png")
    assert load(tmp_path, image_size=8).notes == (
        "laid 1 image with transparency on white, 1 % of all (--channels 4 keeps it): 007.png",
    )
    images = load(tmp_path, image_size=8, channels=4)
    assert images.notes == ()
    assert images.images[6:8, 0, 0].tolist() == [[*RED], [0, 0, 0, 0]]


# --- commands --------------------------------------------------------------------------------------------------------


@pytest.fixture
def wide(tmp_path):
    """Folder with parts to train and to test with, of black images twice as wide as high."""
    for part in ("train", "test"):
        (tmp_path / "wide" / part).mkdir(parents=True)
        for n in range(4):
            Image.new("L", (64, 32)).save(tmp_path / "wide" / part / f"{n}.png")
    return tmp_path / "wide"


def is_padded(images) -> bool:
    return images.images[:, 0].min() == 255 and images.images[:, 8].max() == 0


def test_every_command_frames_as_it_is_told(wide):
    """Training images and others."""
    options = {"data": str(wide), "image_size": 16, "fit": "pad"}
    trained = images_of(TrainConfig.of(**options))
    found = [*with_hold_out(str(wide), trained, 0.5, fit="pad")]
    found += EnhanceTask.parts(EnhanceConfig.of(**options, whole=True))
    found += [each for kind in kinds_of(CycleConfig.of(**options, targets=str(wide))) for each in kind]
    twins = Pix2pixTask.parts(Pix2pixConfig.of(**options, targets=str(wide)))
    made = Pix2pixTask.parts(Pix2pixConfig.of(**options, pairs="edges"))
    assert all(map(is_padded, (*found, *twins)))
    assert all(each.target[:, 0].min() == 255 for each in made)


def test_pairs_side_by_side_are_framed_one_by_one(tmp_path):
    both = Image.new("L", (40, 40), 0)  # each 20 × 40
    both.paste(9, (20, 0, 40, 40))
    both.save(tmp_path / "a.png")
    pairs = load_pairs(tmp_path, image_size=8, fit="pad")
    assert pairs.images[0, 4].tolist() == [[255, 255]] * 2 + [[0, 9]] * 4 + [[255, 255]] * 2


def test_stretched_partners_may_have_other_proportions(tmp_path):
    for folder, size in (("from", (40, 20)), ("to", (20, 20))):
        (tmp_path / folder).mkdir()
        Image.new("L", size, 5).save(tmp_path / folder / "a.png")
    assert len(load_pairs(tmp_path / "from", tmp_path / "to", image_size=8, fit="stretch")) == 1
    for fit in ("crop", "pad"):
        with pytest.raises(DataError, match="other proportions"):
            load_pairs(tmp_path / "from", tmp_path / "to", image_size=8, fit=fit)


def test_framing_without_effect_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match="fit pad has no effect on squares that are cut from images; add --whole"):
        EnhanceConfig.of(data=str(tmp_path), fit="pad").check()
    EnhanceConfig.of(data=str(tmp_path), fit="pad", whole=True).check()
    with pytest.raises(ArgumentError, match="fit is for images, but ring8 is points"):
        TrainConfig.of(data="ring8", fit="pad").check()
    with pytest.raises(ArgumentError, match="there is no fit"):
        TrainConfig.of(fit="fill").check()


def test_the_classifier_of_labelled_images_frames_as_it_is_told(wide, tmp_path, monkeypatch):
    (tmp_path / "sorted").mkdir()
    for name in ("cat", "dog"):
        (wide / name).mkdir()
        shutil.copy(wide / "train" / "0.png", wide / name)
        (wide / name).rename(tmp_path / "sorted" / name)
    seen = []

    def no_training(images, test, *options):
        seen.extend([images, test])
        raise ArgumentError("enough")

    monkeypatch.setattr(train_classifier, "train_classifier", no_training)
    options = ["--data", str(tmp_path / "sorted"), "--image-size", "16", "--fit", "pad"]
    monkeypatch.setattr(train_classifier, "SHARE", 0.5)
    assert main(["train-classifier", *options, "--out", str(tmp_path / "out.safetensors")]) == 1
    assert len(seen) == 2
    assert all(map(is_padded, seen))


def test_a_resumed_run_keeps_its_framing():
    before = TrainConfig.from_dict({"data": "photos", "fit": "pad"}, "config.toml")
    assert before.replace(steps=9).data.fit == "pad"
    with pytest.raises(ArgumentError, match="--fit crop: the run to resume has pad"):
        before.replace(fit="crop").check_resumed(before, Path("run"))


def test_pictures_to_project_are_framed_as_the_images_of_the_run(wide):
    config = TrainConfig.of(data=str(wide), image_size=16, channels=1, fit="pad")
    picture = framed(wide / "train" / "0.png", config)
    np.testing.assert_array_equal(picture, to_unit(images_of(config).images[0]))


def test_tiles_are_not_framed(wide):
    assert load_tiles(wide, image_size=16)[0].images.max() == 0
