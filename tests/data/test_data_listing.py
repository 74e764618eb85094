"""Files below a folder: links, files that are passed over, parts to train and to test with, classes."""

import os

import numpy as np
import pytest
from PIL import Image

from rawgan.cli import main
from rawgan.data import has_test_split, load, load_pairs, load_tiles
from rawgan.data.folders.listing import Listing
from rawgan.data.folders.parts import split_of
from rawgan.errors import ArgumentError, DataError


def save(path, value=5, size=(8, 8)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, value).save(path, "PNG")


def complaint(source, **options) -> str:
    with pytest.raises(DataError) as caught:
        load(source, **{"image_size": 8} | options)
    return str(caught.value)


# --- links and odd files ---------------------------------------------------------------------------------------------


def test_links_to_folders_are_followed(tmp_path):
    save(tmp_path / "far" / "deep" / "b.png")
    save(tmp_path / "photos" / "a.png")
    (tmp_path / "photos" / "more").symlink_to(tmp_path / "far")
    (tmp_path / "photos" / "c.png").symlink_to(tmp_path / "far" / "deep" / "b.png")
    images = load(tmp_path / "photos", image_size=8)
    assert images.names.tolist() == ["a.png", "c.png", "more/deep/b.png"]
    assert images.notes == ()


def test_each_folder_is_read_once(tmp_path):
    """Under its real name rather than that of a link; circles of links, and links to parent folders, end."""
    photos = tmp_path / "photos"
    save(tmp_path / "others.png")
    save(photos / "z" / "a.png")
    for name, target in (("first", photos / "z"), ("self", photos), ("around", tmp_path), ("z/up", photos)):
        (photos / name).symlink_to(target)
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    save(tmp_path / "one" / "b.png")
    (tmp_path / "one" / "next").symlink_to(tmp_path / "two")
    (tmp_path / "two" / "next").symlink_to(tmp_path / "one")
    (photos / "linked").symlink_to(tmp_path / "one")
    images = load(photos, image_size=8)
    assert images.names.tolist() == ["linked/b.png", "z/a.png"]
    assert images.notes == (
        "5 links lead to folders that are read anyway: around, first, linked/next/next, self, z/up",
    )


def test_links_that_lead_nowhere_are_named(tmp_path):
    save(tmp_path / "a.png")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    assert load(tmp_path, image_size=8).notes == ("2 files are not images: circle, gone",)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes")
def test_pipes_and_devices_are_not_read(tmp_path):
    save(tmp_path / "a.png")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    assert load(tmp_path, image_size=8).notes == ("2 files are not images: pipe, zero",)
    os.mkfifo(tmp_path / "pipe.tif")
    assert "pipe.tif: a pipe or a device, not a file" in complaint(tmp_path)


def test_folders_may_be_as_deep_as_paths_can_be_long(tmp_path, deep_folder):
    save(deep_folder(tmp_path) / "a.png")
    assert len(load(tmp_path, image_size=8)) == 1


def test_runs_are_passed_over_also_behind_links(tmp_path):
    save(tmp_path / "run" / "samples" / "a.png")
    (tmp_path / "run" / "config.toml").touch()
    save(tmp_path / "photos" / "b.png")
    (tmp_path / "photos" / "latest").symlink_to(tmp_path / "run")
    assert load(tmp_path / "photos", image_size=8).names.tolist() == ["b.png"]


def test_a_few_of_many_files_are_named_without_control_characters(tmp_path):
    save(tmp_path / "a.png")
    for n in range(9):
        (tmp_path / f"{n}.\x1b[2J").touch()
    (note,) = load(tmp_path, image_size=8).notes
    assert note == "9 files are not images: " + "".join(f"{n}.\\x1b[2J, " for n in range(5)) + "…"


def test_formats_that_this_pillow_lacks_are_named(tmp_path, monkeypatch):
    from PIL import features

    from rawgan.data.files import formats

    save(tmp_path / "a.png")
    Image.new("L", (8, 8)).save(tmp_path / "b.avif")
    formats.decoded.cache_clear()
    monkeypatch.setattr(features, "check", lambda name: name != "avif")
    try:
        images = load(tmp_path, image_size=8)
    finally:
        formats.decoded.cache_clear()
    assert images.names.tolist() == ["a.png"]
    assert images.notes[0].startswith("left out 1 image of kinds that Pillow does not decode: b.avif")


def test_train_reports_once_what_is_passed_over(tmp_path, capsys):
    for n in range(4):
        save(tmp_path / "photos" / f"{n}.png", 50 * n, (16, 16))
    (tmp_path / "photos" / "notes.txt").touch()
    options = ["--image-size", "16", "--width", "2", "--batch-size", "2", "--steps", "1", "--dry-run"]
    assert main(["train", "--data", str(tmp_path / "photos"), *options]) == 0
    assert capsys.readouterr().out.count("1 file is not an image: notes.txt\n") == 1


# --- parts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("train", "test"), [("train", "test"), ("TRAIN", "Val"), ("training", "validation"), ("Train", "valid")]
)
def test_sub_folders_are_a_split(train, test, tmp_path):
    save(tmp_path / train / "a.png", 1)
    save(tmp_path / test / "b.png", 2)
    assert has_test_split(tmp_path)
    images, held_out = (load(tmp_path, image_size=8, split=split) for split in ("train", "test"))
    assert (images.names.tolist(), held_out.names.tolist()) == ([f"{train}/a.png"], [f"{test}/b.png"])
    assert images.notes == (f"trained with: {train}/; kept to test with: {test}/",)


def test_files_beside_a_split_are_left_out_and_reported(tmp_path):
    for name in ("train/a", "test/b", "val/c", "more/d", "e"):
        save(tmp_path / f"{name}.png")
    assert load(tmp_path, image_size=8).notes == (
        "trained with: train/; kept to test with: test/; left out: more/, val/, 1 image",
    )


def test_a_class_may_be_called_train(tmp_path):
    for name in ("bus", "car", "train"):
        save(tmp_path / name / "a.png")
    assert split_of(tmp_path) is None
    assert load(tmp_path, image_size=8).class_names == ("bus", "car", "train")


def test_ambiguous_parts_are_refused(tmp_path):
    for name in ("train", "Training", "test"):
        save(tmp_path / name / "a.png")
    assert complaint(tmp_path) == f"{tmp_path}: either Training or train may be meant; rename one of them"


def test_a_folder_without_parts_has_no_test_images(tmp_path):
    save(tmp_path / "a.png")
    assert not has_test_split(tmp_path)
    assert "has no sub-folders train/ and test/, and so no 'test' split\n  move" in complaint(tmp_path, split="test")


def test_folders_of_two_domains_are_refused_with_the_way_out(tmp_path):
    for name in ("trainA", "trainB", "testA", "testB"):
        save(tmp_path / name / "a.png")
    assert complaint(tmp_path).endswith(f"--data {tmp_path}/trainA --targets {tmp_path}/trainB")


def test_pairs_have_parts_too(tmp_path):
    for part, value in (("train", 10), ("test", 20)):
        save(tmp_path / "from" / part / "a.png", value)
        save(tmp_path / "to" / part / "a.tif", value + 100)
        save(tmp_path / "both" / part / "a.png", value, (16, 8))
    for split, value in (("train", 10), ("test", 20)):
        pairs = load_pairs(tmp_path / "from", tmp_path / "to", image_size=8, split=split)
        assert (pairs.source.max(), pairs.target.max()) == (value, value + 100)
        assert load_pairs(tmp_path / "both", image_size=8, split=split).images.max() == value
    with pytest.raises(DataError, match="only one of them has sub-folders to train and to test with"):
        load_pairs(tmp_path / "from", tmp_path / "to" / "train", image_size=8)


def test_tiles_have_parts_too(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (16, 16), np.uint8)
    for name in ("train/a", "train/b", "val/c"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(noise).save(tmp_path / f"{name}.png")
    images, held_out = load_tiles(tmp_path, image_size=8)
    assert set(images.names) == {"train/a.png", "train/b.png"}
    assert set(held_out.names) == {"val/c.png"}


# --- classes ---------------------------------------------------------------------------------------------------------


def test_sub_folders_are_classes_in_the_order_of_their_names(tmp_path):
    for name, value in (("dog/1", 1), ("cat/old/3", 0), ("cat/2", 0), ("Zebra/4", 2)):
        save(tmp_path / f"{name}.png", value)
    images = load(tmp_path, image_size=8)
    assert images.class_names == ("Zebra", "cat", "dog")
    assert images.labels.tolist() == [0, 1, 1, 2]
    assert images.names.tolist() == ["Zebra/4.png", "cat/2.png", "cat/old/3.png", "dog/1.png"]
    assert images.count_classes() == 3
    assert images.part(np.array([3])).class_names == images.class_names


def test_a_link_may_be_a_class(tmp_path):
    save(tmp_path / "far" / "1.png")
    save(tmp_path / "photos" / "cat" / "1.png")
    (tmp_path / "photos" / "dog").symlink_to(tmp_path / "far")
    assert load(tmp_path / "photos", image_size=8).class_names == ("cat", "dog")


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (["a"], "put the images of each class into a sub-folder of FOLDER, which has none with images"),
        (
            ["a", "b/1", "c/1"],
            "sub-folders are classes, but 1 image lies outside of them: a.png\n  move it into one of b, c",
        ),
        (["b/1", "b/2"], "FOLDER has one sub-folder with images, b; add another class"),
        (
            ["b/c/1", "b/d/2"],
            "FOLDER has one sub-folder with images, b; add another class; or, if its sub-folders are the classes, give "
            "FOLDER/b",
        ),
        (
            ["train/b/1", "train/c/1", "test/b/1", "test/d/1"],
            "train/ and test/ need the same classes: c only in train/; d only in test/",
        ),
        (["train/b/1", "train/c/1", "test/1"], "train/ and test/ need the same classes: b, c only in train/"),
    ],
)
def test_the_reason_for_missing_classes_is_given(names, why, tmp_path):
    """Without classes, such images can still be trained with."""
    for name in names:
        save(tmp_path / f"{name}.png")
    images = load(tmp_path, image_size=8)
    assert images.labels is None
    with pytest.raises(DataError) as caught:
        images.count_classes()
    expected = why.replace("FOLDER", str(tmp_path))
    assert str(caught.value) == (f"{tmp_path.name}: these images have no labels, and so no classes\n  {expected}")


def test_test_images_have_the_numbers_of_the_same_classes(tmp_path):
    for name in ("train/b/1", "train/c/1", "test/c/1", "test/b/1", "test/b/2"):
        save(tmp_path / f"{name}.png")
    images = load(tmp_path, image_size=8, split="test")
    assert (images.labels.tolist(), images.class_names) == ([0, 0, 1], ("b", "c"))


def test_broken_images_take_their_labels_along(tmp_path):
    for name in ("b/1", "b/2", "c/1"):
        save(tmp_path / f"{name}.png")
    (tmp_path / "b" / "1.png").write_bytes(b"broken")
    images = load(tmp_path, image_size=8, skip_broken=True)
    assert (images.labels.tolist(), images.names.tolist()) == ([0, 1], ["b/2.png", "c/1.png"])
    (tmp_path / "b" / "2.png").write_bytes(b"broken")
    images = load(tmp_path, image_size=8, skip_broken=True)
    with pytest.raises(DataError, match="no image of some classes can be read"):
        images.count_classes()


def test_a_single_photograph_is_not_divided(tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32), np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(ArgumentError, match=r"a single photograph, a\.png; squares to measure with would resemble"):
        load_tiles(tmp_path, image_size=8)


def test_a_listing_is_sorted_by_path_in_any_file_system(tmp_path, monkeypatch):
    for name in ("b/1", "a/9", "a/10", "c"):
        save(tmp_path / f"{name}.png")
    scandir = os.scandir

    class Backwards:
        def __init__(self, path):
            with scandir(path) as entries:
                self.entries = sorted(entries, key=lambda entry: entry.name, reverse=True)

        def __enter__(self):
            return iter(self.entries)

        def __exit__(self, *error):
            pass

    monkeypatch.setattr(os, "scandir", Backwards)
    found = [file.relative_to(tmp_path).as_posix() for file in Listing.of(tmp_path).images]
    assert found == ["a/10.png", "a/9.png", "b/1.png", "c.png"]
