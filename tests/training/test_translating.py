"""Runs of translators and enhancers: the same folders, checkpoints, resuming and doctor as those of `rawgan train`."""

import json
import re
import shutil
import struct

import numpy as np
import pytest
from PIL import Image
from run_files import files
from watch import Watch

from rawgan.cli import main
from rawgan.config.translation import CycleConfig, EnhanceConfig, Pix2pixConfig
from rawgan.data import to_uint8
from rawgan.data.folders.detail import best_window
from rawgan.errors import ArgumentError, ConfigError, DataError
from rawgan.gan import TranslationSpec, build_translator
from rawgan.inference.application import apply_to, source_of, survey_of
from rawgan.inference.comparison import compare
from rawgan.inference.trained_networks import restore_networks, translation_config_of
from rawgan.pictures.words import BAND
from rawgan.storage import RunFolder
from rawgan.tasks.enhance import EnhanceTask
from rawgan.tasks.pairs import batches_of, paired_task
from rawgan.tasks.translation import translated
from rawgan.tensor import Tensor
from rawgan.training import Trainer, train

STEPS = 5
TINY = {
    "steps": STEPS,
    "width": 2,
    "patch": 16,
    "batch_size": 4,
    "samples": 6,
    "sample_every": 2,
    "checkpoint_every": 2,
}
RUNS = {
    "cyclegan": (CycleConfig, {"style": "thick", "history": 5}),
    "pix2pix": (Pix2pixConfig, {"pairs": "edges"}),
    "pix2pix resnet": (Pix2pixConfig, {"pairs": "regions", "model": "resnet", "objective": "hinge", "ema": 0.0}),
    "super-resolution": (EnhanceConfig, {"penalty": "r1", "penalty_every": 2}),
    "denoise": (EnhanceConfig, {"task": "denoise", "objective": "relativistic", "spectral_norm": True}),
    "inpaint": (EnhanceConfig, {"task": "inpaint", "hole": 5, "instance_noise": 0.1, "half_life": 3}),
}


@pytest.fixture(scope="module", autouse=True)
def _quick():
    """matplotlib takes longer than these runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "rawgan.training.extensions.curves.plot_losses",
            lambda path, records: path.write_text(json.dumps(records)) and path,
        )
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "images.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (30, 16, 16, 3), np.uint8))
    return str(path)


def config_of(name, data):
    kind, options = RUNS[name]
    return kind.of(data=data, image_size=16, **TINY | options)


def training_of(config, **options):
    return Trainer(config, **options)


@pytest.mark.parametrize("name", RUNS)
def test_a_run_that_was_stopped_ends_with_the_same_bits(name, data, tmp_path):
    config = config_of(name, data)
    whole, folder = RunFolder.create(tmp_path / "whole", "x"), RunFolder.create(tmp_path / "stopped", "x")
    train(training_of(config), whole)
    seen = []
    train(training_of(config), folder, Watch(step=lambda r: seen.append(r["step"])), should_stop=lambda: bool(seen[2:]))
    assert len(seen) == 3
    checkpoint, _ = folder.newest_checkpoint()
    train(training_of(translation_config_of(folder), checkpoint=checkpoint), folder)
    assert files(folder) == files(whole)


@pytest.mark.parametrize("name", RUNS)
def test_what_is_restored_makes_the_images_of_the_run(name, data, tmp_path):
    training, folder = training_of(config_of(name, data)), RunFolder.create(tmp_path / "run", "x")
    train(training, folder)
    config = translation_config_of(folder)
    assert config == training.config
    gan, about = restore_networks(folder, config)
    assert about.step == STEPS
    assert len(training.task.held_out) == 3  # a tenth
    again = training_of(config)
    again.task.gan = gan
    np.testing.assert_array_equal(again.task.sample(), training.task.sample())


@pytest.mark.parametrize("task", ["denoise", "inpaint"])
def test_each_step_loses_something_else_and_always_the_same(task, data):
    training = Trainer(EnhanceConfig.of(data=data, image_size=16, task=task, **TINY))
    images = training.task.batches.batch(0)
    training.task.batches.batch = lambda index: images
    first, second, again = (training.task.pair(index)[0].data for index in (0, 2, 0))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - second).mean() > 0.01


def test_images_held_out_are_never_trained_with(data):
    training = Trainer(config_of("super-resolution", data))
    trained = {image.tobytes() for image in training.task.data.images}
    assert not trained & {image.tobytes() for image in training.task.held_out.images}
    assert len(training.task.data) == 27


@pytest.mark.parametrize(("kind", "more"), [(EnhanceConfig, set()), (CycleConfig, {"back"})])
def test_the_pixels_are_measured_and_the_best_is_kept(kind, more, data, tmp_path):
    folder = RunFolder.create(tmp_path / "run", "x")
    train(training_of(kind.of(data=data, image_size=16, evaluate_every=1, **TINY)), folder)
    assert {"psnr", "ssim", "l1"} | more <= folder.read_metrics()[0].keys()
    errors = [record["l1"] for record in folder.read_metrics()]
    assert folder.best_step() == 1 + errors.index(min(errors))


def test_of_two_folders_nothing_says_which_is_best(data, tmp_path):
    """Round trips are best where nothing is translated."""
    folder = RunFolder.create(tmp_path / "run", "x")
    train(training_of(CycleConfig.of(data=data, targets=data, image_size=16, evaluate_every=1, **TINY)), folder)
    assert "back" in folder.read_metrics()[0]
    assert "l1" not in folder.read_metrics()[0]
    assert folder.best_step() is None


def test_a_source_of_other_channels_than_it_says_is_refused(data):
    with pytest.raises(ArgumentError, match="source_channels is 3, but sources have 1"):
        Trainer(Pix2pixConfig.of(data=data, image_size=16, pairs="edges", source_channels=3, **TINY))


def test_baselines_choose_by_images_of_their_own(data, monkeypatch):
    """By as many as it says, whatever a batch is; and not under the noise that is measured."""
    monkeypatch.setattr("rawgan.tasks.translation.AT_ONCE", 8)
    config, seen = EnhanceConfig.of(data=data, image_size=16, channels=3, task="denoise", **TINY), []

    def baselines(config, source, target):
        seen.append(source - target)
        return {}

    monkeypatch.setattr(EnhanceTask, "baselines", staticmethod(baselines))
    training, held_out = paired_task(config).parts(config)
    compare(config, Trainer(config).gan, training, held_out)
    (noise,) = seen
    assert len(noise) == len(training) == 27
    source, target = next(batches_of(config, held_out, "cpu"))
    assert np.abs(source.data - target.data - noise[:3]).max() > 0.1


@pytest.mark.parametrize("task", ["denoise", "inpaint"])
def test_what_an_image_has_lost_does_not_depend_on_how_many_there_are(task, data):
    config = EnhanceConfig.of(data=data, image_size=16, channels=3, task=task, **TINY)
    images, _ = paired_task(config).parts(config)
    few, many = (next(batches_of(config, images.part(slice(count)), "cpu"))[0].data for count in (5, 20))
    np.testing.assert_array_equal(few, many[:5])


def test_what_is_measured_and_shown_of_a_hole_is_what_apply_makes(data):
    training = Trainer(config_of("inpaint", data))
    source, target = training.task._shown
    made = translated(training.gan, source)
    known = source.data[..., -1] < 0
    np.testing.assert_array_equal(made[known], target.data[known])
    assert np.abs(made - target.data)[~known].min() > 0
    np.testing.assert_array_equal(training.task.sample()[1::3], made)


def test_images_that_are_others_by_now_are_noticed(tmp_path, capsys):
    """One more in the folder, and others are held out."""
    rng, folder = np.random.default_rng(0), tmp_path / "images"
    folder.mkdir()
    for n in range(20):
        Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8)).save(folder / f"{n}.png")
    options = ["--width", "2", "--patch", "16", "--batch-size", "4", "--image-size", "16", "--whole"]
    run = str(tmp_path / "run")
    assert main(["enhance", "--data", str(folder), *options, "--steps", "2", "--out", run]) == 0
    assert main(["evaluate", run]) == 0
    assert "some of them it may have seen" not in capsys.readouterr().out
    Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8)).save(folder / "new.png")
    assert main(["evaluate", run, "--beside", run]) == 0
    printed = capsys.readouterr().out
    assert printed.count(f"{run} was trained with other images, and may have seen some of these") == 1
    assert main(["enhance", "--resume", run, "--steps", "3"]) == 1
    error = capsys.readouterr().err
    assert f"{folder}: there are 19 and 2 images, but step 2 was trained when there were 18 and 2" in error
    (folder / "new.png").rename(folder / "0.png")
    assert main(["enhance", "--resume", run, "--steps", "3"]) == 0
    assert "not bit-identical to an uninterrupted run, as these have changed: images 18:" in capsys.readouterr().out


def test_runs_of_the_same_folder_stand_beside_each_other_however_it_is_called(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for one, other in (
        (EnhanceConfig.of(data="photos"), EnhanceConfig.of(data=str(tmp_path / "photos"))),
        (Pix2pixConfig.of(data="a", targets="b"), Pix2pixConfig.of(data="./a", targets=str(tmp_path / "b"))),
    ):
        assert one.facts == other.facts
    assert EnhanceConfig.of(data="photos").facts != EnhanceConfig.of(data="paintings").facts


def test_squares_of_photographs_are_measured_whatever_the_seed(photos):
    assert EnhanceConfig.of(data=str(photos)).facts == EnhanceConfig.of(data=str(photos), seed=1).facts
    for config in (EnhanceConfig.of(data=str(photos), whole=True), EnhanceConfig.of(data="images.npy")):
        assert config.facts != config.replace(seed=1).facts


def test_a_run_goes_on_where_it_is(runs, tmp_path, capsys):
    assert main(["enhance", "--resume", str(runs / "enhance"), "--out", str(tmp_path / "new")]) == 1
    assert "--out is for new runs" in capsys.readouterr().err


def test_flags_make_sense_of_what_a_file_says(data, tmp_path, capsys):
    file = tmp_path / "mine.toml"
    file.write_text("hole = 5\nwidth = 2\nbatch_size = 4\npatch = 16\nimage_size = 16\n")
    options = ["enhance", "--config", str(file), "--data", data, "--dry-run"]
    assert main([*options, "--task", "inpaint"]) == 0
    assert main(options) == 1
    assert f"{file}: hole is for --task inpaint" in capsys.readouterr().err
    assert main([*options, "--task", "inpaint", "--pixel-weight", "-1"]) == 1
    assert "enhance: pixel_weight must lie in" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["unet", "--noise-size", "3"], "noise_size has no effect on unet"),
        (["unet", "--factor", "2"], "factor has no effect on unet"),
        (["dcgan", "--patch", "16"], "patch has no effect on dcgan"),
        (["subpixel", "--factor", "16"], "factor must be 2, 4 or 8, but is 16"),
        (["subpixel", "--image-size", "30"], "images of 30 pixels cannot be shrunk by 4"),
        (["resnet", "--patch", "142"], "patch must be one of 16, 34, 70 for images of 28 pixels"),
        (["unet", "--width", "0"], "width must lie in 1"),
        (["unet", "--batch-size", "0"], "batch_size must lie in 1"),
    ],
)
def test_what_cannot_be_described_is_refused(options, words, capsys):
    assert main(["describe", *options]) == 1
    assert words in capsys.readouterr().err


def test_no_seed_for_what_has_no_noise(runs, capsys):
    assert main(["evaluate", str(runs / "enhance"), "--seed", "1"]) == 1
    assert "--seed is for noise" in capsys.readouterr().err


# --- on the command line ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
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


def test_resuming_by_another_command_is_refused(runs, capsys):
    assert main(["train", "--resume", str(runs / "enhance")]) == 1
    assert "is of rawgan 'enhance', not of rawgan train" in capsys.readouterr().err
    assert main(["enhance", "--resume", str(runs / "enhance"), "--steps", str(STEPS + 1)]) == 0


def test_runs_of_all_kinds_are_listed(runs, capsys):
    assert main(["runs", str(runs)]) == 0
    printed = capsys.readouterr().out
    assert "damaged" not in printed
    for what in ("enhance super-resolution", "enhance inpaint", "pix2pix unet", "cyclegan resnet"):
        assert what in printed


def test_what_makes_no_images_of_noise_says_so(runs, capsys):
    for command in ("sample", "interpolate"):
        assert main([command, str(runs / "pix2pix-edges")]) == 1
        assert f"give it some: rawgan apply {runs / 'pix2pix-edges'} IMAGES" in capsys.readouterr().err


def test_what_makes_images_of_noise_stands_beside_nothing(tmp_path, capsys):
    folder = RunFolder.create(tmp_path / "run", "x")
    folder.write_config({"command": "train"})
    assert main(["evaluate", str(folder.path), "--beside", str(folder.path)]) == 1
    assert "--beside is for runs that translate images" in capsys.readouterr().err


def test_evaluate_stands_beside_baselines(runs, capsys):
    assert main(["evaluate", str(runs / "enhance")]) == 0
    printed = capsys.readouterr().out
    assert "PSNR, dB" in printed
    assert "bicubic" in printed
    said = json.loads((runs / "enhance" / "evaluation.json").read_text())
    assert [*said["figures"]] == ["translated", "bicubic"]
    assert len(said["images"]["translated"]) == 3
    mean = np.mean([image["psnr"] for image in said["images"]["translated"]])
    assert said["figures"]["translated"]["psnr"] == pytest.approx(mean)


def test_another_run_is_measured_beside(runs, capsys):
    """It makes of the same noise, or whatever it is, what it makes when it is measured by itself."""
    run = runs / "enhance"
    assert main(["evaluate", str(run)]) == 0
    alone = json.loads((run / "evaluation.json").read_text())["figures"]["translated"]
    assert main(["evaluate", str(run), "--beside", str(run)]) == 0
    said = json.loads((run / "evaluation.json").read_text())
    assert [*said["figures"]] == ["translated", str(run), "bicubic"]
    assert said["figures"][str(run)] == alone == said["figures"]["translated"]
    assert [*said["images"]] == ["translated"]
    for other, words in (
        ("pix2pix-edges", "it has command pix2pix, not enhance"),
        ("cyclegan-inverted", "are not both of rawgan pix2pix or enhance"),
        ("enhance-inpaint", "it has task inpaint, not super-resolution, hole 5, not 10"),
    ):
        assert main(["evaluate", str(run), "--beside", str(runs / other)]) == 1
        assert words in capsys.readouterr().err


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


def pixels_of(path):
    with Image.open(path) as image:
        return np.asarray(image)


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
    source, _ = source_of(tmp_path / "large.png", _opened(runs / "enhance")[1], with_target=True)
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


def test_padding_changes_nothing_but_what_is_near_the_border(runs):
    """An image whose sides are multiples already is given to the network as it is."""
    gan, _ = restore_networks(*_opened(runs / "pix2pix-edges"))
    x = np.random.default_rng(0).uniform(-1, 1, (1, 32, 32, 1)).astype("float32")
    gan.sampler.eval()
    np.testing.assert_array_equal(apply_to(gan, x), to_uint8(gan.sampler(x).data))
    assert apply_to(gan, x[:, :30, :31]).shape == (1, 30, 31, 3)


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("unet", TranslationSpec(16, 2, 3)),
        ("unet", TranslationSpec(28, 1, 1)),
        ("unet", TranslationSpec(64, 3, 3)),
        ("subpixel", TranslationSpec(16, 3, 3, 2)),
        ("subpixel", TranslationSpec(64, 1, 1, 8)),
    ],
)
def test_pieces_of_a_large_image_are_those_of_the_whole(model, kind):
    """All weights count: batch norm is at work, and no layer is zero. Told pieces, it makes as many as that."""
    rng = np.random.default_rng(0)
    gan = build_translator(model, kind, width=2, patch=16, seed=1)
    for p in gan.generator.parameters():
        p.data[...] = rng.normal(0, 0.5, p.shape)
    stride, told = gan.stride, []
    x = rng.uniform(-1, 1, (1, 9 * stride + 140, 7 * stride + 101, kind.sources)).astype("float32")
    whole = apply_to(gan, x, lambda *done: told.append(done), piece=4096)
    pieces = apply_to(gan, x, lambda *done: told.append(done), piece=48)
    assert np.abs(pieces.astype(int) - whole).max() <= 1  # a byte is rounded
    assert np.unique(whole).size > 20
    assert told[0] == (1, 1)
    assert told[-1][0] == told[-1][1] > 8


@pytest.mark.parametrize("model", ["unet", "subpixel"])
def test_reach_is_as_far_as_the_image_has_a_say(model):
    """A pixel that is changed changes something as far off, and nothing further."""
    rng = np.random.default_rng(0)
    kind = TranslationSpec(28, 1, 1, 2 if model == "subpixel" else 1)
    gan = build_translator(model, kind, width=2, patch=16)
    for p in gan.generator.parameters():
        p.data[...] = rng.normal(0, 0.5, p.shape)
    x = rng.uniform(-1, 1, (1, 1, 160, 160, 1))[0].astype("float32")
    other = x.copy()
    other[0, 80, 80] += 1
    changed = (translated(gan, Tensor(x)) != translated(gan, Tensor(other)))[0, :, :, 0]
    rows = np.flatnonzero(changed.any(axis=1)) // kind.enlarged
    assert np.abs(rows - 80).max() == gan.reach


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


def test_enhancers_learn_from_pieces_of_large_images(tmp_path):
    """At the size that these have; all those of an image are kept for measuring, and none of the others."""
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    images = {name: rng.integers(0, 256, (49, 70, 3), np.uint8) for name in "abcd"}
    for name, pixels in images.items():
        Image.fromarray(pixels).save(folder / f"{name}.png")
    options = TINY | {"data": str(folder), "image_size": 16}
    training = Trainer(EnhanceConfig.of(**options))
    assert (len(training.task.data), len(training.task.held_out)) == (3 * 12, 12)
    assert set(training.task.held_out.names) == {"d.png"}
    assert training.task.data.notes[0].startswith(
        "36 squares of 3 photographs to train with, 12 squares of 1 photograph held"
    )
    held_out = {image.tobytes() for image in training.task.held_out.images}
    assert {images["d"][32:48, 51:67].tobytes(), images["d"][:16, 3:19].tobytes()} <= held_out
    assert images["a"][:16, 3:19].tobytes() in {image.tobytes() for image in training.task.data.images}
    assert len(Trainer(EnhanceConfig.of(**options | {"batch_size": 2}, whole=True)).task.data) == 3


def test_figures_are_means_over_photographs_and_not_over_squares(tmp_path, capsys):
    """One of those held out has 12 squares and the other one, which is far from what comes out, but 2."""
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for n in range(20):
        few = n == 19
        pixels = rng.integers(0, 256, (16 if few else 48, 32 if few else 64, 3), np.uint8)
        Image.fromarray(pixels if few else pixels // 8).save(folder / f"{n:02}.png")
    run = tmp_path / "run"
    options = ["--data", str(folder), "--image-size", "16", "--width", "2", "--patch", "16", "--batch-size", "2"]
    assert main(["enhance", *options, "--steps", "1", "--evaluate-every", "1", "--out", str(run)]) == 0
    (record,) = RunFolder.open(run).read_metrics()
    assert main(["evaluate", str(run)]) == 0
    assert "14 squares of 2 photographs not trained with" in " ".join(capsys.readouterr().out.split())
    said = json.loads((run / "evaluation.json").read_text())
    images, figures = said["images"]["translated"], said["figures"]["translated"]
    assert [image["image"] for image in images] == ["09.png", "19.png"]
    for name in ("psnr", "l1", "ssim"):
        assert figures[name] == pytest.approx(np.mean([image[name] for image in images]))
        assert record[name] == pytest.approx(figures[name], rel=1e-3)
    assert images[1]["l1"] > 5 * images[0]["l1"]
    training = Trainer(translation_config_of(RunFolder.open(run)))
    gan, _ = restore_networks(*_opened(run))
    squares = compare(
        training.config, gan, training.task.data, training.task.held_out.part(training.task.held_out.names == "09.png")
    )
    assert squares.figures["translated"]["l1"] == pytest.approx(images[0]["l1"])


def test_what_would_have_to_be_enlarged_is_no_truth_to_learn(data, tmp_path):
    """Of arrays, folders whose images are made smaller, and squares."""
    with pytest.raises(DataError, match="its images are 16 × 16 pixels, smaller than 32 × 32"):
        Trainer(EnhanceConfig.of(**TINY | {"data": data, "image_size": 32}))
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, side in (("a", 16), ("b", 40), ("c", 40), ("d", 40)):
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)).save(
            folder / f"{name}.png"
        )
    options = TINY | {"data": str(folder), "image_size": 32, "batch_size": 2}
    for whole in (True, False):
        training = Trainer(EnhanceConfig.of(**options, whole=whole))
        assert {*training.task.data.names, *training.task.held_out.names} == {"b.png", "c.png", "d.png"}
    others = Trainer(Pix2pixConfig.of(**options, pairs="edges"))
    assert {*others.task.data.names, *others.task.held_out.names} == {"a.png", "b.png", "c.png", "d.png"}
    assert others.task.data.notes == ("enlarged 1 image smaller than 32 × 32 pixels: a.png",)


@pytest.mark.parametrize(
    ("kind", "options"), [(Pix2pixConfig, {"pairs": "edges"}), (EnhanceConfig, {}), (CycleConfig, {})]
)
def test_a_sub_folder_to_test_with_is_held_out(kind, options, tmp_path):
    rng = np.random.default_rng(0)
    for part, count in (("train", 8), ("val", 3)):
        (tmp_path / part).mkdir()
        for n in range(count):
            Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8)).save(tmp_path / part / f"{n}.png")
    training = training_of(kind.of(**TINY | {"data": str(tmp_path), "image_size": 16, **options}))
    assert {name.split("/")[0] for name in training.task.data.names} == {"train"}
    assert sorted(training.task.held_out.names) == ["val/0.png", "val/1.png", "val/2.png"]


def test_the_two_kinds_of_a_cycle_have_a_white_each(tmp_path):
    for name, white in (("a", 1023), ("b", 65535)):
        (tmp_path / name).mkdir()
        for n in range(6):
            pixels = np.full((16, 16), white // (n + 1), np.uint16)
            Image.fromarray(pixels).save(tmp_path / name / f"{n}.png")
    options = TINY | {"image_size": 16, "data": str(tmp_path / "a"), "targets": str(tmp_path / "b"), "batch_size": 2}
    config = Trainer(CycleConfig.of(**options)).config
    assert (config.data.white, config.targets.white) == (1023, 65535)
    file = tmp_path / "a" / "0.png"
    for back, value in ((False, 1), (True, -1 + 2 * 4 / 255)):
        source, _ = source_of(file, config, survey=survey_of([file], config, back))
        assert source == pytest.approx(value)
    with pytest.raises(ArgumentError, match=r"targets_white 1\.0 has no effect without --targets"):
        CycleConfig.of(targets_white=1.0).check()


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


def test_exact_images_are_no_trouble(tmp_path, capsys):
    """An enhancer that begins as an interpolation makes a blank image of a blank one, which counts like all others, as
    if a single value were wrong by 1."""
    images = np.random.default_rng(0).integers(0, 256, (100, 16, 16, 1), np.uint8)
    images[::2] = 255
    np.save(tmp_path / "images.npy", images)
    run = tmp_path / "run"
    options = ["--data", str(tmp_path / "images.npy"), "--image-size", "16", "--width", "2", "--patch", "16"]
    options += ["--batch-size", "2", "--steps", "1", "--learning-rate", "1e-9", "--evaluate-every", "1"]
    assert main(["enhance", *options, "--out", str(run)]) == 0
    assert re.search(r"step 1  PSNR \d+\.\d\d  L1 0\.\d+", capsys.readouterr().out)
    assert main(["evaluate", str(run)]) == 0
    said = json.loads((run / "evaluation.json").read_text())
    values = [image["psnr"] for image in said["images"]["translated"]]
    assert values.count(pytest.approx(20 * np.log10(255) + 10 * np.log10(16 * 16))) > 1
    assert said["figures"]["translated"]["psnr"] == pytest.approx(np.mean(values))


def test_grey_images_are_made_coloured_for_those_that_are(tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "grey.npy", rng.integers(0, 256, (20, 16, 16, 1), np.uint8))
    np.save(tmp_path / "colour.npy", rng.integers(0, 256, (20, 16, 16, 3), np.uint8))
    for data, targets in (("grey", "colour"), ("colour", "grey")):
        options = {"data": str(tmp_path / f"{data}.npy"), "targets": str(tmp_path / f"{targets}.npy")}
        training = Trainer(CycleConfig.of(image_size=16, **TINY | options))
        assert training.task.data.shape == training.task.others.shape == training.task.held_out.shape == (16, 16, 3)
        assert training.config.data.channels == 3


def test_both_ways_of_a_cycle(runs, photos, tmp_path, capsys):
    run, file = str(runs / "cyclegan-inverted"), str(photos / "colour.jpg")
    assert main(["apply", run, file, "--out", str(tmp_path / "a")]) == 0
    assert main(["apply", run, file, "--back", "--out", str(tmp_path / "b")]) == 0
    there, back = (pixels_of(tmp_path / folder / "colour.png") for folder in "ab")
    assert there.shape == back.shape == (30, 21, 3)
    assert (there != back).any()
    assert main(["apply", str(runs / "enhance"), file, "--back", "--out", str(tmp_path / "c")]) == 1
    assert "has one direction only" in capsys.readouterr().err


def test_evaluate_of_a_cycle(runs, capsys):
    assert main(["evaluate", str(runs / "cyclegan-inverted")]) == 0
    assert "kind as intended" in capsys.readouterr().out
    said = json.loads((runs / "cyclegan-inverted" / "evaluation.json").read_text())
    assert [*said["figures"]] == ["A to B", "real B", "B to A", "real A"]
    for way in ("A to B", "B to A"):
        assert {"style", "back", "psnr", "l1", "ssim"} <= said["figures"][way].keys()
        assert np.mean([image["psnr"] for image in said["images"][way]]) == pytest.approx(said["figures"][way]["psnr"])


@pytest.mark.parametrize(("name", "tables"), [("enhance", 1), ("pix2pix-edges", 1), ("cyclegan-inverted", 2)])
def test_the_doctor_looks_at_each_pair_of_networks(name, tables, runs, capsys):
    main(["diagnose", str(runs / name)])
    assert capsys.readouterr().out.count("after step") == tables
    said = json.loads((runs / name / "diagnosis.json").read_text())
    found = {symptom["symptom"] for symptom in said["symptoms"]}
    assert found == {"data out of range", "not trained yet, or unlike the data"}  # it is too early for more


def test_the_doctor_names_a_translator_that_makes_one_image_of_all(data, monkeypatch):
    training = Trainer(Pix2pixConfig.of(data=data, image_size=16, pairs="edges", **TINY))
    for p in training.gan.generator.layers[-2].parameters():
        p.data *= 0
    training.reached = 1
    monkeypatch.setattr("rawgan.diagnosis.symptom.WARM_UP", 1)
    found = training.task.examine(1, [{"step": 1, "d_loss": 1.0, "d_real": 0.5, "d_fake": 0.5}])
    alarms = {symptom.name: symptom.remedy for symptom in found if symptom.alarm}
    assert "--pixel-weight" in alarms["mode collapse"]


def test_the_doctor_looks_at_both_ways_of_a_cycle(data, monkeypatch):
    training = Trainer(CycleConfig.of(data=data, image_size=16, style="thick", **TINY))
    for p in training.gan.back.generator.layers[-2].parameters():
        p.data *= 0
    training.reached = 1
    monkeypatch.setattr("rawgan.diagnosis.symptom.WARM_UP", 1)
    found = training.task.examine(1, [{"step": 1, "d_loss": 1.0, "d_real": 0.5, "d_fake": 0.5}])
    collapsed = [symptom.place for symptom in found if symptom.alarm and symptom.name == "mode collapse"]
    assert collapsed
    assert all(place.endswith(", on the way back") for place in collapsed)


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_d_may_win_where_g_does_not_listen(weight, data, monkeypatch):
    options = TINY | {"task": "denoise", "adversarial_weight": weight}
    training = Trainer(EnhanceConfig.of(data=data, image_size=16, **options))
    training.reached = 1
    monkeypatch.setattr("rawgan.diagnosis.symptom.WARM_UP", 1)
    found = training.task.examine(1, [{"step": 1, "d_loss": 0.0, "d_real": 1.0, "d_fake": 0.0}])
    assert [symptom.remedy.split()[0] for symptom in found if symptom.alarm and symptom.name == "D is winning"] == (
        ["--d-learning-rate,"] if weight else []
    )


def test_the_kinds_of_a_cycle_share_no_image():
    """Of the packaged digits: halves of the training images, one of them in a style."""
    training = Trainer(CycleConfig.of(width=2, batch_size=2, style="inverted"))
    digits = {image.tobytes() for image in training.task.data.images}
    assert not digits & {(255 - image).tobytes() for image in training.task.others.images}
    np.testing.assert_array_equal(training.task.others_held_out.images, 255 - training.task.held_out.images)


def test_each_kind_of_a_cycle_has_an_order_of_its_own(data):
    """Even if their files belong together: or what is learnt without pairs would have been learnt with them."""
    training = Trainer(CycleConfig.of(data=data, targets=data, image_size=16, **TINY))
    assert any((training.task.batches.indices(step) != training.task._others.indices(step)).any() for step in range(3))


@pytest.mark.parametrize(("kind", "steps"), [(EnhanceConfig, 1000), (Pix2pixConfig, 1000), (CycleConfig, 3000)])
def test_runs_are_as_long_as_the_help_says(kind, steps, capsys):
    assert kind.of().optimiser.total_steps(937) == steps
    with pytest.raises(SystemExit):
        main([kind.command, "--help"])
    assert "Default: 1000, for cyclegan 3000" in re.sub(r"[│\s]+", " ", capsys.readouterr().out)


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


def test_the_memory_that_is_needed_grows_with_the_width():
    x = np.zeros((1, 64, 64, 1), np.float32)
    kind = TranslationSpec(16, 1, 1)
    narrow, wide = (build_translator("resnet", kind, width=width, patch=16) for width in (2, 16))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rawgan.inference.application.machine_bytes", lambda: 40 * 64 * 64 * 8)
        assert apply_to(narrow, x).shape == (1, 64, 64, 1)
        with pytest.raises(MemoryError):
            apply_to(wide, x)
        long = np.zeros((1, 8, 8 * 64, 1), np.float32)
        assert apply_to(narrow, long).shape == (1, 8, 8 * 64, 1)


def test_a_style_is_shown_beside_what_it_should_be():
    training = Trainer(CycleConfig.of(width=2, batch_size=2, style="inverted", samples=16))
    samples = training.task.sample()
    assert training.task.columns % 4 == 0
    np.testing.assert_allclose(samples[2], -samples[0], atol=1e-6)
    np.testing.assert_allclose(samples[10], -samples[8], atol=1e-6)


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


def _opened(path):
    folder = RunFolder.open(path)
    return folder, translation_config_of(folder)


def test_the_configuration_must_say_channels(tmp_path):
    folder = RunFolder.create(tmp_path / "run", "x")
    folder.write_config({"command": "enhance"})
    with pytest.raises(ConfigError, match="must say channels"):
        restore_networks(*_opened(folder.path))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (Pix2pixConfig.of(data="photos", targets="paintings", pairs="edges"), "both say where pairs come from"),
        (Pix2pixConfig.of(reverse=True), "reverse is for pairs in files, but these are edges"),
        (Pix2pixConfig.of(targets="paintings"), "targets is for two folders, but data is mnist"),
        (Pix2pixConfig.of(pairs="side-by-side"), "mnist has single images; make pairs of them, by --pairs edges, grey"),
        (Pix2pixConfig.of(data="photos", targets=""), "targets must be the name of a set or the path"),
        (CycleConfig.of(targets=""), "targets must be the name of a set or the path"),
        (EnhanceConfig.of(whole=True), "whole is for folders of images, but data is mnist"),
        (EnhanceConfig.of(data="no/such.npy", whole=True), "whole is for folders of images"),
        (EnhanceConfig.of(pixel_weight=0.0, adversarial_weight=0.0), "are all 0: nothing is to be learnt"),
        (Pix2pixConfig.of(source_channels=-7), "source_channels must lie in 1 ... 4, but is -7; leave it out"),
        (Pix2pixConfig.of(patch=33), "patch must be one of 16, 34, 70 for images of 28 pixels, but is 33"),
        (CycleConfig.of(patch=142), "patch must be one of 16, 34, 70 for images of 28 pixels, but is 142"),
        (EnhanceConfig.of(task="denoise", factor=8), "factor is for --task super-resolution, not for denoise"),
        (EnhanceConfig.of(noise=0.1), "noise is for --task denoise"),
        (EnhanceConfig.of(features="mine"), "features has no effect without feature_weight, which is 0"),
        (Pix2pixConfig.of(data="ring8"), "ring8 is points, but pix2pix needs images"),
        (Pix2pixConfig.of(pixel_weight=-1.0), "pixel_weight must lie in 0"),
        (EnhanceConfig.of(model="unet"), "model unet is not for super-resolution"),
        (EnhanceConfig.of(image_size=30), "images of 30 pixels cannot be shrunk by 4"),
        (EnhanceConfig.of(task="inpaint", hole=28), "hole 28 leaves nothing of images of 28 pixels"),
        (CycleConfig.of(style="cubist"), "a style is some of thick, slanted, inverted"),
        (CycleConfig.of(style="thick,thick"), "a style is some of"),
        (CycleConfig.of(targets="paintings", style="thick"), "both say what the other kind is"),
        (CycleConfig.of(history=-1), "history must lie in 0"),
    ],
)
def test_options_that_make_no_sense_are_refused(config, message):
    with pytest.raises(ArgumentError, match=message):
        config.check()


@pytest.mark.parametrize("kind", [Pix2pixConfig, EnhanceConfig, CycleConfig])
def test_options_that_are_about_noise_are_none(kind, capsys):
    """Pixels are measured; there are no classes, and no noise."""
    with pytest.raises(ConfigError, match=r"a\.toml: there is no option 'evaluate_features'; did you mean"):
        kind.from_dict({"evaluate_every": 5, "evaluate_features": "mine"}, "a.toml")
    with pytest.raises(SystemExit) as stopped:
        main([kind.command, "--evaluate-features", "mine"])
    assert stopped.value.code == 2
    assert "--evaluate-features" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["pix2pix", "enhance", "cyclegan"])
def test_a_dry_run_shows_the_networks_and_writes_nothing(command, data, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ["--width", "2", "--patch", "16", "--batch-size", "4", "--image-size", "16", "--dry-run"]
    more = ["--pairs", "edges"] if command == "pix2pix" else []
    assert main([command, "--data", data, *options, *more]) == 0
    printed = capsys.readouterr().out
    assert "generator, batch 4" in printed
    assert "nothing was written" in printed
    assert not list(tmp_path.iterdir())


def test_colours_made_of_greys_and_a_classifiers_eye(data, tmp_path):
    """Pairs of colour images; and digits, of which the packaged classifier sees the features."""
    assert Trainer(Pix2pixConfig.of(data=data, image_size=16, pairs="grey", **TINY)).step(1)["pixel"] > 0
    seen = Trainer(EnhanceConfig.of(feature_weight=1.0, **TINY)).step(1)
    assert seen["feature"] > 0
    with pytest.raises(ArgumentError, match="the classifier is of mnist, images of 28 pixels"):
        Trainer(EnhanceConfig.of(data=data, image_size=16, feature_weight=1.0, **TINY))
    with pytest.raises(ArgumentError, match="and 1 channel, not of stacked-mnist"):
        Trainer(EnhanceConfig.of(data="stacked-mnist", feature_weight=1.0, **TINY))
