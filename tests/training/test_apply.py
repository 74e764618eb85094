"""`rawgan apply`: images of a user through translators and enhancers, and the sheet that shows them."""

import shutil
import struct

import numpy as np
import pytest
from PIL import Image
from translation_runs import opened, pixels_of

from rawgan.cli import main
from rawgan.config.translation import Pix2pixConfig
from rawgan.data import to_uint8
from rawgan.data.folders.detail import best_window
from rawgan.inference.application import apply_to, source_of
from rawgan.inference.trained_networks import translation_config_of
from rawgan.pictures.words import BAND
from rawgan.storage import RunFolder


def cells_of(path, rows, columns):
    """Cells of a sheet of so many rows and columns, without the words above and beside them."""
    pixels = pixels_of(path)
    across = 4 + columns * 196
    assert len(pixels) == BAND + 4 + rows * 196
    assert across < pixels.shape[1] < across + 24 * 18
    return pixels[BAND:, pixels.shape[1] - across :]


def test_apply_takes_images_of_any_size(runs, photos, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["apply", str(runs / "enhance"), str(photos), "--out", str(out)]) == 1
    printed = capsys.readouterr().out
    assert "broken.png" in printed
    assert "3 images of step" in printed
    sizes = {str(path.relative_to(out)): pixels_of(path).shape[1::-1] for path in out.rglob("*.png")}
    del sizes["sheet.png"]
    assert sizes == {"colour.png": (84, 120), "sub/grey.png": (200, 20), "tiny.png": (12, 12)}
    assert cells_of(out / "sheet.png", rows=3, columns=2).max() > 200


def test_apply_says_what_it_passes_over(runs, photos, tmp_path, capsys):
    """Of folders; what is given by name is a fault."""
    (photos / "notes.txt").write_text("hello")
    (photos / "a.heic").write_bytes(b"no image that is decoded")
    (photos / "broken.png").unlink()
    odd = photos / "odd.dds"
    odd.write_bytes(b"DDS " + struct.pack("<7I44x8I20x", 124, 0, 4, 4, 0, 0, 0, 32, 2**31, 0, 0, 0, 0, 0, 0))
    assert main(["apply", str(runs / "enhance"), str(photos), "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "1 file is not an image: notes.txt\n" in printed
    assert "left out 1 image of kinds that Pillow does not decode: a.heic" in printed
    assert "left out 1 image of kinds that Pillow does not decode: " + str(odd) in printed
    assert main(["apply", str(runs / "enhance"), str(odd), "--out", str(tmp_path / "again")]) == 1
    assert "odd.dds: a kind of image that Pillow does not decode" in capsys.readouterr().out


def test_apply_makes_sources_of_targets(runs, photos, tmp_path):
    out = tmp_path / "out"
    file = photos / "colour.jpg"
    assert main(["apply", str(runs / "pix2pix-edges"), str(file), "--with-targets", "--out", str(out)]) == 0
    assert pixels_of(out / "colour.png").shape == (30, 21, 3)
    assert cells_of(out / "sheet.png", rows=1, columns=3).max() > 200


def test_what_is_transparent_is_filled_in(runs, photos, tmp_path, capsys):
    run = runs / "enhance-inpaint"
    assert main(["apply", str(run), str(photos / "colour.jpg"), "--out", str(tmp_path / "a")]) == 1
    assert "nothing is missing; make the part that is to be filled in" in capsys.readouterr().out
    image = Image.fromarray(pixels_of(photos / "colour.jpg")).convert("RGBA")
    image.paste((0, 0, 0, 0), (3, 4, 9, 9))
    image.save(tmp_path / "holed.png")
    source, _ = source_of(tmp_path / "holed.png", translation_config_of(RunFolder.open(run)))
    assert (source[0, :, :, 3] > 0).sum() == 6 * 5
    assert main(["apply", str(run), str(tmp_path / "holed.png"), "--out", str(tmp_path / "b")]) == 0


def test_an_image_too_large_for_the_machine_is_named_and_the_others_are_made(
    runs, photos, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("rawgan.inference.application.machine_bytes", lambda: 10**5)
    (photos / "broken.png").unlink()
    out = tmp_path / "out"
    assert main(["apply", str(runs / "enhance"), str(photos), "--out", str(out)]) == 1
    assert "colour.jpg: 21 × 30 pixels take more memory than there is; make it smaller" in capsys.readouterr().out
    assert (out / "tiny.png").exists()


def test_images_of_one_size_are_made_at_once_as_they_are_alone(runs, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    for name, width in (("a", 9), ("b", 9), ("c", 10), ("d", 9)):
        Image.fromarray(rng.integers(0, 256, (8, width, 3), np.uint8)).save(tmp_path / f"{name}.png")
    run, sizes = str(runs / "enhance"), []

    def watched(gan, source, *rest):
        sizes.append(len(source))
        return apply_to(gan, source, *rest)

    monkeypatch.setattr("rawgan.cli.commands.apply.apply_to", watched)
    files = [str(tmp_path / f"{name}.png") for name in "abcd"]
    assert main(["apply", run, *files, "--out", str(tmp_path / "all")]) == 0
    assert sizes == [2, 1, 1]
    for name, file in zip("abcd", files, strict=True):
        assert main(["apply", run, file, "--out", str(tmp_path / f"only-{name}")]) == 0
        alone = pixels_of(tmp_path / f"only-{name}" / f"{name}.png").astype(int)
        assert np.abs(alone - pixels_of(tmp_path / "all" / f"{name}.png")).max() <= 1  # a byte is rounded


def test_a_file_too_small_for_its_hole_is_named_and_the_others_are_made(runs, tmp_path, capsys):
    rng = np.random.default_rng(0)
    for name, side in (("large", 16), ("small", 4)):
        Image.fromarray(rng.integers(0, 256, (side, side, 3), np.uint8)).save(tmp_path / f"{name}.png")
    files = [str(tmp_path / f"{name}.png") for name in ("small", "large")]
    run, out = runs / "enhance-inpaint", tmp_path / "out"
    assert main(["apply", str(run), *files, "--with-targets", "--out", str(out)]) == 1
    assert "small.png: hole 5 leaves nothing of images of 4 × 4 pixels" in capsys.readouterr().out.replace("\n", " ")
    assert (out / "large.png").exists()


def test_nothing_but_the_hole_is_filled_in(runs, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 4), np.uint8)
    pixels[..., 3] = 255
    pixels[4:9, 3:8, 3] = 0
    Image.fromarray(pixels).save(tmp_path / "holed.png")
    run, out = runs / "enhance-inpaint", tmp_path / "out"
    assert main(["apply", str(run), str(tmp_path / "holed.png"), "--out", str(out)]) == 0
    changed = (pixels_of(out / "holed.png") != pixels[..., :3]).any(axis=2)
    assert changed[4:9, 3:8].all()
    assert changed.sum() == 25


def test_both_ways_of_a_cycle(runs, photos, tmp_path, capsys):
    run, file = str(runs / "cyclegan-inverted"), str(photos / "colour.jpg")
    assert main(["apply", run, file, "--out", str(tmp_path / "a")]) == 0
    assert main(["apply", run, file, "--back", "--out", str(tmp_path / "b")]) == 0
    there, back = (pixels_of(tmp_path / folder / "colour.png") for folder in "ab")
    assert there.shape == back.shape == (30, 21, 3)
    assert (there != back).any()
    assert main(["apply", str(runs / "enhance"), file, "--back", "--out", str(tmp_path / "c")]) == 1
    assert "has one direction only" in capsys.readouterr().err


def test_what_is_not_made_of_targets_has_no_sources_in_them(runs, photos, tmp_path, capsys):
    """It is said before any image is read, and nothing is written."""
    assert (
        main(["apply", str(runs / "cyclegan-inverted"), str(photos), "--with-targets", "--out", str(tmp_path / "o")])
        == 1
    )
    assert "leave it out, and give source images" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
    assert not Pix2pixConfig.of(data="sketches", targets="paintings").makes_sources
    assert Pix2pixConfig.of(data="pairs").makes_sources


def test_one_fault_costs_no_other_image(runs, photos, tmp_path, capsys):
    """Folders without images, names that others have, and a folder where a file is to go."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "odd" / "sheet.png").mkdir(parents=True)
    shutil.copy(photos / "colour.jpg", tmp_path / "odd" / "sheet.png" / "in.jpg")
    out = tmp_path / "out"
    files = [str(tmp_path / "empty"), str(tmp_path / "odd"), str(tmp_path / "none.png"), str(photos / "tiny.bmp")]
    assert main(["apply", str(runs / "enhance"), *files, "--out", str(out)]) == 1
    printed = capsys.readouterr().out
    assert "empty: no images here" in printed
    assert "sheet.png could not be written" in printed
    assert "none.png: No such file" in printed
    assert {path.name for path in out.rglob("*.png") if path.is_file()} == {"in.png", "tiny.png"}


def test_names_may_be_as_long_as_they_can(runs, photos, tmp_path):
    name = 251 * "a"
    shutil.copy(photos / "tiny.bmp", tmp_path / f"{name}.bmp")
    assert main(["apply", str(runs / "enhance"), str(tmp_path / f"{name}.bmp"), "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / f"{name}.png").exists()


def test_nothing_is_left_where_nothing_could_be_read(runs, tmp_path, capsys):
    before = sorted(runs.rglob("*"))
    assert main(["apply", str(runs / "enhance"), str(tmp_path / "none.png")]) == 1
    assert sorted(runs.rglob("*")) == before
    assert main(["apply", str(runs / "enhance"), str(tmp_path)]) == 1
    assert "no images are given; name files, or folders of them\n" in capsys.readouterr().err


def test_a_folder_that_is_not_empty_is_left_alone(runs, photos, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").touch()
    assert main(["apply", str(runs / "enhance"), str(photos), "--out", str(tmp_path / "out")]) == 1
    assert "is not empty" in capsys.readouterr().err


def test_a_run_of_noise_takes_no_images(tmp_path, photos, capsys):
    folder = RunFolder.create(tmp_path / "run", "x")
    folder.write_config({"command": "train"})
    assert main(["apply", str(folder.path), str(photos)]) == 1
    assert "makes images from noise, and takes none" in capsys.readouterr().err


@pytest.mark.parametrize(("sides", "at"), [((280, 308), (200, 96)), ((284, 312), (9, 230))])
def test_the_sheet_shows_the_part_of_a_large_image_in_which_most_is_to_be_seen(sides, at, runs, tmp_path):
    """Pixel for pixel, as an enhancer's work is not seen in what is shrunk; and the same part of what it came from."""
    pixels = np.full((*sides, 3), 200, np.uint8)
    pixels[at[0] : at[0] + 60, at[1] : at[1] + 50] = np.random.default_rng(0).integers(0, 256, (60, 50, 1))
    Image.fromarray(pixels).save(tmp_path / "large.png")
    out = tmp_path / "out"
    assert main(["apply", str(runs / "enhance"), str(tmp_path / "large.png"), "--with-targets", "--out", str(out)]) == 0
    sheet, made = cells_of(out / "sheet.png", 1, 3), pixels_of(out / "large.png")
    before, after, target = (sheet[4:-4, left : left + 192] for left in (4, 200, 396))
    top, left = best_window(made, 192, 24)
    assert top <= at[0]
    assert at[0] + 60 <= top + 192
    assert left <= at[1]
    assert at[1] + 50 <= left + 192
    np.testing.assert_array_equal(after, made[top : top + 192, left : left + 192])
    np.testing.assert_array_equal(target, pixels[top : top + 192, left : left + 192])
    assert np.ptp(target) > 200
    source, _ = source_of(tmp_path / "large.png", opened(runs / "enhance")[1], with_target=True)
    small = source[0, top // 4 : top // 4 + 48, left // 4 : left // 4 + 48]
    np.testing.assert_array_equal(before, to_uint8(small).repeat(4, axis=0).repeat(4, axis=1))


def test_the_sheet_shows_the_hole(runs, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (300, 400, 4), np.uint8)
    pixels[..., 3] = 255
    pixels[270:275, 20:25, 3] = 0
    Image.fromarray(pixels).save(tmp_path / "holed.png")
    out = tmp_path / "out"
    assert main(["apply", str(runs / "enhance-inpaint"), str(tmp_path / "holed.png"), "--out", str(out)]) == 0
    sheet = cells_of(out / "sheet.png", 1, 2)
    before = sheet[4:196, 4:196]
    made = pixels_of(out / "holed.png")
    after = sheet[4:196, 200:392]
    assert ((before == 128).all(axis=2)).sum() >= 25
    np.testing.assert_array_equal(after, made[96:288, 0:192])


def test_apply_shows_targets_that_lie_beside_the_source(photos, tmp_path):
    pairs = tmp_path / "pairs"
    pairs.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (16, 33, 3), np.uint8)
    for name in "abcd":
        Image.fromarray(pixels).save(pairs / f"{name}.png")
    run = tmp_path / "run"
    options = ["--data", str(pairs), "--image-size", "16", "--width", "2", "--patch", "16", "--batch-size", "2"]
    assert main(["pix2pix", *options, "--reverse", "--steps", "1", "--out", str(run)]) == 0
    config = translation_config_of(RunFolder.open(run))
    source, target = source_of(pairs / "a.png", config, with_target=True)
    np.testing.assert_array_equal(to_uint8(source[0]), pixels[:, 16:32])
    np.testing.assert_array_equal(to_uint8(target[0]), pixels[:, :16])
    out = tmp_path / "out"
    assert main(["apply", str(run), str(pairs / "a.png"), "--with-targets", "--out", str(out)]) == 0
    assert cells_of(out / "sheet.png", 1, 3).max() > 200
