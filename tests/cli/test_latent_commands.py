"""`rawgan project`, `combine`, `explore`, `animate`, and walks through pictures."""

import re

import numpy as np
import pytest
from PIL import Image
from run_files import TINY

from rawgan.cli import main
from rawgan.config.noise import TrainConfig
from rawgan.inference.latent_files import read_latent
from rawgan.inference.latents import LatentSpace
from rawgan.inference.trained_networks import restore
from rawgan.storage import RunFolder


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    rng = np.random.default_rng(0)
    np.savez(folder / "x.npz", images=rng.integers(0, 256, (12, 8, 8, 3), np.uint8), labels=np.arange(12) % 3)
    for name, options in (
        ("plain", ["--model", "dcgan", "--sample-every", "1"]),
        ("style", []),
        ("classes", ["--model", "dcgan", "--conditional", "projection"]),
    ):
        command = ["train", "--data", str(folder / "x.npz"), *TINY, *options, "--out", str(folder / name)]
        assert main([*command, "--steps", "3"]) == 0
    RunFolder.create(folder / "points", "x").write_config(TrainConfig.of(data="ring8").to_dict())
    return folder


@pytest.fixture
def pictures(tmp_path):
    rng = np.random.default_rng(1)
    for name, size in (("a.jpg", (30, 21)), ("b.png", (8, 8)), ("c.png", (5, 9))):
        Image.fromarray(rng.integers(0, 256, (*size, 3), np.uint8)).save(tmp_path / name)
    return tmp_path


def project(run, *images, out, **options):
    given = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return main(["project", str(run), *map(str, images), "--steps", "4", "--out", str(out), *given])


def size_of(path):
    with Image.open(path) as image:
        return image.size


@pytest.mark.parametrize("name", ["plain", "style", "classes"])
def test_pictures_are_projected_combined_and_walked_through(name, runs, pictures, tmp_path, capsys):
    run, out = runs / name, tmp_path / "out"
    assert project(run, pictures / "a.jpg", pictures / "b.png", out=out) == 0
    assert {path.name for path in out.iterdir()} == {
        "a.png", "a.safetensors", "b.png", "b.safetensors", "sheet.png",
    }  # fmt: skip
    printed = capsys.readouterr().out
    assert re.search(r"^a\.jpg: \d+\.\d dB" + (", class [012]" if name == "classes" else "") + ": ", printed, re.M)
    space = LatentSpace.of(restore(RunFolder.open(run))[0])
    latent = read_latent(out / "a.safetensors", space)
    labels = None if latent.label is None else np.array([latent.label])
    image = space.images(latent.vector[None], labels)[0]
    with Image.open(out / "a.png") as opened:
        np.testing.assert_allclose(np.asarray(opened), (image + 1) * 127.5, atol=0.51)

    a, b = str(out / "a.safetensors"), str(out / "b.safetensors")
    walk = tmp_path / "walk.png"
    assert main(["interpolate", str(run), "--through", a, b, a, "--frames", "5", "--out", str(walk)]) == 0
    width, height = size_of(walk)
    assert 2.3 < width / height < 2.6  # two walks of five images
    assert main(["combine", str(run), a, "--add", b, "--subtract", a, "--out", str(tmp_path / "sum.png")]) == 0
    found, other = (read_latent(path, space) for path in (tmp_path / "sum.safetensors", out / "b.safetensors"))
    np.testing.assert_allclose(found.vector, other.vector, atol=1e-5)
    assert found.label == latent.label
    command = [
        "explore",
        str(run),
        "--start",
        a,
        "--directions",
        "2",
        "--columns",
        "3",
        "--out",
        str(tmp_path / "e.png"),
    ]
    assert main(command) == 0
    assert (tmp_path / "e.gif").exists()
    assert "other weights" not in capsys.readouterr().out


def test_directions_are_a_row_each(runs, tmp_path, capsys):
    for name in ("plain", "style", "classes"):
        path = tmp_path / f"{name}.png"
        command = ["explore", str(runs / name), "--directions", "3", "--columns", "4", "--format", "webp"]
        assert main([*command, "--truncation", "0.7", "--out", str(path)]) == 0
        assert size_of(path)[0] > 512
        with Image.open(path.with_suffix(".webp")) as film:
            assert film.n_frames > 1 or name != "style"  # equal frames become one, as of an untrained G
            assert film.size == (3 * 22, 3 * 22)  # three images in a square of four


def test_the_pictures_of_a_run_are_animated(runs, tmp_path):
    assert main(["animate", str(runs / "plain"), "--out", str(tmp_path / "a.webp")]) == 0
    with Image.open(tmp_path / "a.webp") as film:
        assert film.n_frames == 4  # step 0 to 3
    assert main(["animate", str(runs / "plain"), "--format", "gif", "--out", str(tmp_path / "a.gif")]) == 0


def test_latents_of_other_weights_are_named(runs, pictures, tmp_path, capsys):
    assert project(runs / "plain", pictures / "a.jpg", out=tmp_path / "out") == 0
    latent = str(tmp_path / "out" / "a.safetensors")
    again = ["train", "--config", str(runs / "plain"), "--seed", "5", "--out", str(tmp_path / "again")]
    assert main(again) == 0
    assert main(["combine", str(tmp_path / "again"), latent, "--add", latent, "--out", str(tmp_path / "b.png")]) == 0
    assert "so images may differ: a.safetensors, a.safetensors" in capsys.readouterr().out
    assert main(["interpolate", str(runs / "style"), "--through", latent, latent]) == 1
    assert "but this run's images are made of 4 numbers of a mapped vector" in capsys.readouterr().err


def test_bad_pictures_are_named_and_the_others_projected(runs, pictures, tmp_path, capsys):
    (pictures / "broken.png").write_bytes(b"\x89PNG no more")
    assert project(runs / "plain", pictures / "broken.png", pictures / "b.png", out=tmp_path / "out") == 1
    assert "broken.png" in capsys.readouterr().out
    assert (tmp_path / "out" / "b.png").exists()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["project", "points", "a.png"], "makes points, and pictures cannot be found among them"),
        (["explore", "points"], "makes points"),
        (["project", "plain", "none.png"], "none.png"),
        (["project", "plain", "--steps", "0", "a.png"], "steps must lie in"),
        (["project", "plain", "b.png", "--label", "1"], "this run was trained without classes"),
        (["interpolate", "plain", "--through", "a"], "--through takes two files or more"),
        (["interpolate", "plain", "--through", "a", "b", "--seed", "1"], "--seed is for random walks"),
        (["interpolate", "plain", "--out", "a.txt"], "a.txt: an animation is one of .gif"),
        (["interpolate", "plain", "--out", "a.gif", "--format", "webp"], "--format webp: a.gif says otherwise"),
        (["combine", "plain", "a"], "there is nothing to combine"),
        (["combine", "plain", "a", "--add", "b"], "a could not be read"),
        (["explore", "plain", "--start", "a", "--label", "1"], "--label is for a random image"),
        (["explore", "plain", "--out", "a.gif"], "the sheet is a PNG file"),
        (["animate", "plain", "--out", "a.txt"], "a.txt: an animation is one of .gif"),
    ],
)
def test_calls_that_make_no_sense_leave_nothing_behind(command, message, runs, pictures, monkeypatch, capsys):
    monkeypatch.chdir(pictures)
    before = set(runs.rglob("*"))
    name, run, *options = command
    code = main([name, str(runs / run), *options])
    printed = capsys.readouterr()
    assert code == 1
    assert message in printed.err + printed.out
    assert set(runs.rglob("*")) == before


def test_plain_models_truncate(runs, tmp_path):
    run, paths = str(runs / "classes"), [tmp_path / f"{name}.png" for name in ("whole", "half", "none")]
    for path, truncation in zip(
        paths, (["--truncation", "1"], ["--truncation", "0.5"], ["--truncation", "0"]), strict=True
    ):
        assert main(["sample", run, "--count", "6", *truncation, "--out", str(path)]) == 0
    usual = tmp_path / "usual.png"
    assert main(["sample", run, "--count", "6", "--out", str(usual)]) == 0
    whole, half, none = (path.read_bytes() for path in paths)
    assert usual.read_bytes() == whole
    assert len({whole, half, none}) == 3
    assert main(["interpolate", run, "--walks", "2", "--truncation", "0.5", "--out", str(tmp_path / "w.png")]) == 0


def test_a_combination_does_not_replace_what_it_is_made_of(runs, pictures, tmp_path, capsys):
    assert project(runs / "plain", pictures / "a.jpg", pictures / "b.png", out=tmp_path / "out") == 0
    one, two = (tmp_path / "out" / f"{name}.safetensors" for name in "ab")
    before = one.read_bytes()
    for out in (one.with_suffix(".png"), tmp_path / "out" / ".." / "out" / "a.png"):
        assert main(["combine", str(runs / "plain"), str(one), "--add", str(two), "--out", str(out)]) == 1
        assert "would replace" in capsys.readouterr().err
    assert one.read_bytes() == before
