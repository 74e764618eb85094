"""Pairs of images, side by side, in two folders, or made; degraded images."""

import numpy as np
import pytest
from PIL import Image

from rawgan.data import Batches, ImageSet, load, load_pairs, made_pairs
from rawgan.data.pairs.degradations import Degradation, bicubic_weights, resampled
from rawgan.data.pairs.made_sources import edges, grey, regions
from rawgan.errors import ArgumentError, DataError


def rng(seed=0):
    return np.random.default_rng(seed)


def save(path, colour, size=(12, 12)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB" if isinstance(colour, tuple) else "L", size, colour).save(path)


# --- files -----------------------------------------------------------------------------------------------------------


def test_images_side_by_side(tmp_path):
    both = Image.new("RGB", (40, 20), (255, 0, 0))
    both.paste((0, 0, 255), (20, 0, 40, 20))
    both.save(tmp_path / "pair.png")
    pairs = load_pairs(tmp_path, image_size=8)
    assert pairs.source.shape == pairs.target.shape == (1, 8, 8, 3)
    assert pairs.source[0, 4, 4].tolist() == [255, 0, 0]
    assert pairs.target[0, 4, 4].tolist() == [0, 0, 255]
    back = load_pairs(tmp_path, image_size=8, reverse=True)
    assert back.source[0, 4, 4].tolist() == [0, 0, 255]


def test_grey_pairs_have_a_channel_each(tmp_path):
    save(tmp_path / "pair.png", 200, (24, 12))
    assert load_pairs(tmp_path, image_size=8).images.shape == (1, 8, 8, 2)


def test_two_folders_by_names_whatever_the_suffixes(tmp_path):
    for number, name in enumerate(("b", "sub/a", "c")):
        save(tmp_path / "from" / f"{name}.png", 10 * number)
        save(tmp_path / "to" / f"{name}.bmp", 100 + 10 * number)
    pairs = load_pairs(tmp_path / "from", tmp_path / "to", image_size=8)
    assert [int(image.mean()) for image in pairs.target] == [int(image.mean()) + 100 for image in pairs.source]


def test_partners_of_other_proportions_are_named(tmp_path):
    """Both are cut to squares around their middle: so what lies at the same place of one and of the other would not
    belong together. Half the size is fine, however it was rounded."""
    rng = np.random.default_rng(0)
    for folder, sides in (("a", [(75, 50), (33, 51)]), ("b", [(38, 25), (50, 50)])):
        (tmp_path / folder).mkdir()
        for n, side in enumerate(sides):
            Image.fromarray(rng.integers(0, 256, (*side, 3), np.uint8)).save(tmp_path / folder / f"{n}.png")
    with pytest.raises(
        DataError, match=r"1\.png: 50 × 50 pixels have other proportions than the 51 × 33 of its partner"
    ):
        load_pairs(tmp_path / "a", tmp_path / "b", image_size=16)
    pairs = load_pairs(tmp_path / "a", tmp_path / "b", image_size=16, skip_broken=True)
    assert len(pairs) == 1


def test_images_without_a_partner_are_named(tmp_path):
    save(tmp_path / "from" / "a.png", 1)
    save(tmp_path / "from" / "b.png", 1)
    save(tmp_path / "to" / "a.png", 1)
    with pytest.raises(DataError, match=r"1 are in one folder only\n  b"):
        load_pairs(tmp_path / "from", tmp_path / "to", image_size=8)
    save(tmp_path / "from" / "a.bmp", 1)
    with pytest.raises(DataError, match="1 files differ from another only in their suffix"):
        load_pairs(tmp_path / "from", tmp_path / "to", image_size=8)
    with pytest.raises(DataError, match="there is no such folder"):
        load_pairs(tmp_path / "form", image_size=8)
    (tmp_path / "images.npy").touch()
    with pytest.raises(DataError, match=r"images\.npy: not a folder.*\n.*--pairs edges, grey or regions"):
        load_pairs(tmp_path / "images.npy", image_size=8)


def test_a_broken_image_takes_its_partner_along(tmp_path):
    for name in "abc":
        save(tmp_path / "from" / f"{name}.png", ord(name))
        save(tmp_path / "to" / f"{name}.png", ord(name) + 100)
    (tmp_path / "to" / "b.png").write_bytes(b"no image")
    with pytest.raises(DataError, match="1 of 3 images cannot be read"):
        load_pairs(tmp_path / "from", tmp_path / "to", image_size=8)
    pairs = load_pairs(tmp_path / "from", tmp_path / "to", image_size=8, skip_broken=True)
    assert pairs.source[:, 0, 0, 0].tolist() == [ord("a"), ord("c")]
    assert pairs.target[:, 0, 0, 0].tolist() == [ord("a") + 100, ord("c") + 100]
    assert "b.png: not an image" in pairs.skipped[0]


# --- made ------------------------------------------------------------------------------------------------------------


def test_edges_are_found_in_every_direction():
    image = np.zeros((1, 9, 9, 3), np.uint8)
    image[:, 3:6, 3:6] = (0, 255, 0)
    found = edges(image)[0, :, :, 0]
    np.testing.assert_array_equal(found, found.T)
    np.testing.assert_array_equal(found, found[::-1, ::-1])
    assert found.max() == 255
    assert found[4, 4] == found[0, 0] == 0
    assert edges(np.full((1, 5, 5, 1), 77, np.uint8)).max() == 0


def test_grey_and_regions():
    colours = rng().integers(0, 256, (2, 8, 8, 3), np.uint8)
    expected = [np.asarray(Image.fromarray(image).convert("L"), int) for image in colours]
    assert np.abs(grey(colours)[..., 0].astype(int) - expected).max() <= 1
    assert set(np.unique(regions(colours))) <= {0, 85, 170, 255}


def test_made_pairs_keep_labels_and_order():
    digits = load("mnist", image_size=28, split="test")
    pairs = made_pairs(digits, "edges")
    np.testing.assert_array_equal(pairs.target, digits.images)
    np.testing.assert_array_equal(pairs.labels, digits.labels)
    np.testing.assert_array_equal(pairs.source[1234:1236], edges(digits.images[1234:1236]))
    assert Batches(pairs, 4, 0).batch(0).shape == (4, 28, 28, 2)
    with pytest.raises(DataError, match="its images are grey already"):
        made_pairs(digits, "grey")


# --- degradations ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(7, 7), (14, 56), (28, 28)])
def test_resampling_agrees_with_pillow(size):
    x = rng().uniform(-1, 1, (2, 28, 28, 3)).astype("float32")
    for c in range(3):
        plane = Image.fromarray(x[1, :, :, c]).resize(size[::-1], Image.Resampling.BICUBIC)
        np.testing.assert_allclose(resampled(x, size)[1, :, :, c], np.asarray(plane).clip(-1, 1), atol=1e-6)
    np.testing.assert_allclose(bicubic_weights(28, size[0]).sum(axis=1), 1, atol=1e-6)


def test_noise_has_the_standard_deviation_asked_for():
    x = np.zeros((16, 28, 28, 1), np.float32)
    noisy = Degradation("denoise", noise=0.5).apply(x, rng())
    assert noisy.dtype == np.float32
    assert noisy.std() == pytest.approx(0.5, rel=0.02)


def test_holes_are_squares_anywhere_with_a_mask():
    x = np.ones((500, 12, 12, 2), np.float32)
    made = Degradation("inpaint", hole=10).apply(x, rng())
    hole = made[..., 2] > 0
    assert (hole.sum(axis=(1, 2)) == 100).all()
    assert (made[hole][:, :2] == 0).all()
    assert (made[~hole][:, :2] == 1).all()
    corners = {(int(h.any(axis=1).argmax()), int(h.any(axis=0).argmax())) for h in hole}
    assert corners == {(row, column) for row in range(3) for column in range(3)}


def test_the_same_seed_gives_the_same_degradation():
    x = rng().uniform(-1, 1, (2, 28, 28, 1)).astype("float32")
    for task in ("denoise", "inpaint"):
        a, b, c = (Degradation(task).apply(x, rng(seed)) for seed in (1, 1, 2))
        np.testing.assert_array_equal(a, b)
        assert np.abs(a - c).max() > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task": "sharpen"}, "there is no task 'sharpen'; choose one of: super-resolution, denoise, inpaint"),
        ({"task": "denoise", "noise": 0.0}, "noise must be more than 0"),
        ({"task": "super-resolution", "factor": 3}, "factor must be 2, 4 or 8, but is 3"),
        ({"task": "inpaint", "hole": 0}, "hole must be at least 1"),
    ],
)
def test_impossible_degradations_are_refused(options, message):
    with pytest.raises(ArgumentError, match=message):
        Degradation(**options)


def test_images_of_unfit_sizes_are_refused():
    x = np.zeros((1, 10, 10, 1), np.float32)
    with pytest.raises(ArgumentError, match="leaves nothing of images of 10 × 10 pixels"):
        Degradation("inpaint", hole=10).apply(x, rng())
    with pytest.raises(ArgumentError, match="cannot be shrunk by 4; take a multiple"):
        Degradation("super-resolution").apply(x, rng())


def test_a_set_of_pairs_is_a_set_of_images():
    pairs = made_pairs(ImageSet(np.zeros((4, 8, 8, 3), np.uint8), np.arange(4), "zeros"), "regions")
    assert (len(pairs), pairs.shape, pairs.sources) == (4, (8, 8, 4), 1)
