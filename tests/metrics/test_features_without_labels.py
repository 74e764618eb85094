"""Features for images without labels: learned from them, or of a random network; and the commands that use them."""

import json

import numpy as np
import pytest
from PIL import Image

from rawgan.cli import main
from rawgan.config.noise import TrainConfig
from rawgan.data import ImageSet, load
from rawgan.data.hold_out import hold_out
from rawgan.data.kept_results import DIGEST, kept
from rawgan.errors import ArgumentError, ConfigError
from rawgan.metrics import Reference, evaluate, feature_extractor, in_words
from rawgan.metrics.extractors import self_supervised
from rawgan.metrics.extractors.choice import NAMED, choose
from rawgan.metrics.extractors.components import Components, feature_count
from rawgan.metrics.extractors.extractor import WithoutClasses
from rawgan.metrics.extractors.random_network import RandomFeatures
from rawgan.metrics.extractors.self_supervised import instance_loss, learn, turned, view
from rawgan.storage import RunFolder
from rawgan.storage.checkpoint import read
from rawgan.tasks.evaluators import Evaluator
from rawgan.tensor import Tensor
from rawgan.testing.backends import use_backend


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache folder of the test's own, and a few steps of learning."""
    monkeypatch.setenv("RAWGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(self_supervised, "PIXELS", 2 * 64 * 8**2)
    return tmp_path / "cache" / "features"


def squares_of(count, seed=0):
    """Images of 8 × 8 pixels: a bright square somewhere on a dark, noisy ground."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 60, (count, 8, 8, 3))
    for image in images:
        row, column = rng.integers(0, 5, 2)
        image[row : row + 4, column : column + 4, rng.integers(0, 3)] += 180
    return ImageSet(images.astype(np.uint8), None, "squares")


@pytest.fixture(scope="module")
def squares():
    return squares_of(200)


@pytest.fixture(scope="module")
def mnist():
    return load("mnist", image_size=28, split="test")


# --- which features --------------------------------------------------------------------------------------------------


def test_features_are_chosen_by_name_by_file_or_by_the_data(tmp_path):
    assert choose("photos") == choose("photos", "self") == "self"
    assert choose("mnist").name == choose("stacked-mnist").name == "digits.safetensors"
    assert choose("mnist", "random") == "random"
    assert choose("mnist", str(tmp_path / "random")) == tmp_path / "random"
    assert set(NAMED) == {"self", "random"}
    with pytest.raises(ConfigError, match=r"comes without the weights of Inception(.*\n)+.*save_file"):
        choose("photos", "inception")


def test_few_images_have_few_features():
    assert [feature_count("photos", most) for most in (12, 100, 191, 192, 10_000)] == [4, 33, 63, 64, 64]
    with pytest.raises(ArgumentError, match=r"photos: .* 12 real images or more, but there are 11 for each\n  add"):
        feature_count("photos", 11)


# --- learned from the images -----------------------------------------------------------------------------------------


def test_the_same_images_give_the_same_bits_whatever_the_backend(squares):
    few = squares.part(slice(8))
    first = learn(few, steps=1).to_bytes()
    with use_backend("reference"):
        assert learn(few, steps=1).to_bytes() == first
    assert learn(squares_of(8, seed=1), steps=1).to_bytes() != first


def test_learning_tells_images_apart_and_which_way_up_they_are(squares):
    steps = []
    network = learn(squares, lambda done, total: steps.append((done, total)), steps=25)
    assert steps[-1] == (25, 25)
    unit = squares.images.astype(np.float32) / 127.5 - 1
    seen = [network.features(np.uint8((view(unit, np.random.default_rng(n)).clip(-1, 1) + 1) * 127.5)) for n in (1, 2)]
    unit_length = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in seen]
    found = (unit_length[0] @ unit_length[1].T).argmax(axis=1)
    assert (found == np.arange(200)).mean() > 0.05  # chance: 0.005
    halves = np.stack(
        [(np.arange(8) < 4)[:, None, None].repeat(8, 1).repeat(3, 2) * np.uint8(200)] * 64
    )  # bright above
    told, turns = learn(ImageSet(halves, None, "halves"), steps=15), np.arange(64) % 4
    assert (told.labels(turned(halves.astype(np.float32), turns).astype(np.uint8)) == turns).mean() > 0.95


def test_turns_and_views():
    image = np.arange(18, dtype=np.float32).reshape(1, 3, 3, 2)
    made = turned(image.repeat(4, axis=0), np.arange(4))
    for quarters in range(4):
        assert (made[quarters] == np.rot90(image[0], quarters)).all()
    grey = np.full((5, 16, 16, 1), 0.5, np.float32)
    seen = view(grey, np.random.default_rng(0))
    assert ((seen == 0).sum(axis=(1, 2, 3)) == 16).all()
    assert ((seen == 0.5) | (seen == 0)).all()
    assert len({np.argmin(image) for image in seen}) > 1  # the squares are somewhere else


def test_instance_loss_as_defined():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(6, 5)).astype(np.float32)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    odds = np.exp(unit[:3] @ unit[3:].T / 0.2)
    expected = -(np.log(np.diag(odds) / odds.sum(1)).mean() + np.log(np.diag(odds) / odds.sum(0)).mean()) / 2
    assert instance_loss(Tensor(x)).item() == pytest.approx(expected, rel=1e-4)


def test_what_was_learned_is_kept_by_the_digest_of_the_images(squares, cache, monkeypatch):
    first = feature_extractor("squares", None, squares).features(squares.images)
    (file,) = cache.iterdir()
    assert file.name == f"self-{self_supervised.RECIPE}-{squares.digest}"
    with monkeypatch.context() as patch:
        patch.setattr(self_supervised, "learn", pytest.fail)
        assert (feature_extractor("squares", "self", squares).features(squares.images) == first).all()
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)  # damaged: it learns again
    assert (feature_extractor("squares", None, squares).features(squares.images) == first).all()
    assert file.read_bytes()[-1] == data[-1] ^ 1
    feature_extractor("squares", None, squares_of(200, seed=1))
    assert len(list(cache.iterdir())) == 2


def test_results_are_kept_whole_or_not_at_all_and_only_the_latest(cache, monkeypatch):
    def result(name, most=2):
        return kept("features", name, lambda: name.encode() * 3, most)

    assert [result(name) for name in "abc"] == [b"aaa", b"bbb", b"ccc"]
    assert sorted(path.name for path in cache.iterdir()) == ["b", "c"]
    assert result("b") == b"bbb"  # now the latest
    result("d")
    assert sorted(path.name for path in cache.iterdir()) == ["b", "d"]
    assert len((cache / "b").read_bytes()) == DIGEST + 3
    (cache / "b").write_bytes(b"")
    assert result("b") == b"bbb"
    monkeypatch.setenv("RAWGAN_CACHE", str(cache / "b"))  # no folder
    assert result("e") == b"eee"
    with pytest.raises(KeyboardInterrupt):
        kept("features", "f", lambda: (_ for _ in ()).throw(KeyboardInterrupt), 2)
    assert sorted(path.name for path in cache.iterdir()) == ["b", "d"]


# --- of a random network, and components -----------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "channels"), [(8, 4), (14, 1), (16, 2), (28, 3)])
def test_a_random_network_takes_all_images(size, channels):
    images = np.random.default_rng(0).integers(0, 256, (3, size, size, channels), np.uint8)
    found = RandomFeatures(channels).features(images)
    assert found.shape == (3, 448)
    assert (found == RandomFeatures(channels).features(images)).all()
    assert RandomFeatures(channels).sha256 == RandomFeatures(channels).sha256 != RandomFeatures(5 - channels).sha256
    turned = RandomFeatures(channels).features(images[:, ::-1])
    assert np.abs(turned - found).max() > 0.01


class Given(WithoutClasses):
    """Features that are the pixels of the first row."""

    title, sha256 = "pixels", "0"

    def features(self, images, on_progress=lambda done, total: None):
        return images[:, 0, :, 0].astype(np.float32)


def test_components_are_those_of_scaled_features():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (60, 1, 1, 1)) * np.array([1, 0.5, 0.1, 0, 0]).reshape(1, 1, 5, 1)
    pixels = (pixels + rng.integers(0, 20, (60, 1, 5, 1)) * np.array([1, 1, 1, 1, 0]).reshape(1, 1, 5, 1)) % 256
    images = ImageSet(pixels.astype(np.uint8), None, "pixels")
    found = Components(Given(), images, 2).features(images.images)
    x = images.images[:, 0, :, 0].astype(float)
    scaled = (x - x.mean(0))[:, :4] / x.std(0)[:4]  # the fifth is always 0
    u, s, _ = np.linalg.svd(scaled * np.sqrt(2 / 4), full_matrices=False)  # 2 components of 4 features
    for mine, expected in zip((found - found.mean(0)).T, (u * s)[:, :2].T, strict=True):
        assert np.abs(mine @ expected) == pytest.approx(np.linalg.norm(mine) * np.linalg.norm(expected), rel=1e-5)
        assert np.linalg.norm(mine) == pytest.approx(np.linalg.norm(expected), rel=1e-4)


@pytest.mark.parametrize("name", ["self", "random"])
def test_worse_images_have_a_worse_fid(name, mnist, monkeypatch):
    monkeypatch.setattr(self_supervised, "PIXELS", 3 * 64 * 28**2)
    parts = hold_out(mnist.part(slice(400)), 200, seed=0)
    extractor = feature_extractor("digits", name, mnist.part(slice(400)))
    reference = Reference.of(extractor, *parts)
    assert reference.training.shape == (200, 64)
    assert "modes" not in reference.floor
    with pytest.raises(ArgumentError, match="it has features alone, and knows no classes"):
        extractor.probabilities(reference.training)
    others = parts[1].images
    rng = np.random.default_rng(0)
    noisy = (others + rng.normal(0, 60, others.shape)).clip(0, 255).astype(np.uint8)
    few = others[np.arange(200) % 10]
    floor = reference.floor["fid"]
    assert evaluate(noisy, reference)["fid"] > 1.5 * floor
    assert evaluate(few, reference)["fid"] > 1.5 * floor
    assert in_words(reference.floor, extractor.title).endswith(f"by features of {extractor.title}")


def test_more_features_than_images_name_the_way_out(mnist):
    class Many(Given):
        def features(self, images, on_progress=lambda done, total: None):
            assert len(images) == 1  # no work before the error
            return np.zeros((1, 2048), np.float32)

    with pytest.raises(ArgumentError, match=r"for 2048 features: .*\n  there are 30 real images .*--features self"):
        Reference.of(Many(), *hold_out(mnist.part(slice(60)), 30, seed=0))
    with pytest.raises(ArgumentError, match=r"30 samples are too few .*\n  ask for more than 2048"):
        Reference.of(Many(), *hold_out(mnist, 5000, seed=0), 30)


# --- commands --------------------------------------------------------------------------------------------------------


TINY = ["--width", "2", "--noise-size", "4", "--batch-size", "4", "--samples", "4", "--image-size", "8"]
MEASURED = [*TINY, "--evaluate-every", "1", "--evaluate-samples", "40", "--checkpoint-every", "1"]


@pytest.fixture
def folder(tmp_path, squares):
    """100 pictures without labels."""
    (tmp_path / "pictures").mkdir()
    for number, image in enumerate(squares.images[:100]):
        Image.fromarray(image).save(tmp_path / "pictures" / f"{number:03}.png")
    return tmp_path / "pictures"


def report_of(run):
    return json.loads((run / "evaluation.json").read_bytes())


def test_evaluate_works_on_any_folder_at_once(folder, tmp_path, capsys, cache):
    run = tmp_path / "run"
    assert main(["train", "--data", str(folder), "--steps", "1", "--out", str(run), *TINY]) == 0
    assert not cache.exists()
    capsys.readouterr()
    assert main(["evaluate", str(run)]) == 0
    printed, said = " ".join(capsys.readouterr().out.split()), report_of(run)
    assert "by 16 features of a network that learned from these images" in printed
    assert "these figures compare runs on these images alone" in printed
    assert said["features"] == "a network that learned from these images, and of a random network"
    assert said["scope"].startswith("these figures compare runs on these images alone")
    assert said["generated"].keys() == said["floor"].keys() >= {"fid", "coverage", "nearest"}
    assert said["generated"]["fid"] > said["floor"]["fid"]
    with Image.open(run / "nearest.png") as picture:
        assert picture.size[0] > 100
    assert main(["evaluate", str(run)]) == 0
    assert report_of(run) == said
    assert main(["evaluate", str(run), "--features", "random"]) == 0
    other = report_of(run)
    assert (other["features"], other["features_sha256"]) != (said["features"], said["features_sha256"])
    assert main(["evaluate", str(run), "--features", "inception"]) == 1
    assert "save_file(" in capsys.readouterr().err


def test_the_best_of_a_run_is_chosen_by_features_that_are_recorded(folder, tmp_path, capsys):
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    options = ["train", "--data", str(folder), *MEASURED]
    assert main([*options, "--steps", "3", "--out", str(whole)]) == 0
    assert "by features of a network that learned from these images" in capsys.readouterr().out
    assert main([*options, "--steps", "2", "--out", str(stopped)]) == 0
    assert main(["train", "--resume", str(stopped), "--steps", "3"]) == 0
    mine, its = RunFolder(whole), RunFolder(stopped)
    assert [line["fid"] for line in mine.read_metrics()] == [line["fid"] for line in its.read_metrics()]
    recorded = read(mine.best_file).about.made_by["evaluate_features"]
    assert len(recorded) == 16
    capsys.readouterr()
    assert main(["evaluate", str(whole), "--best", "--samples", "40"]) == 0
    assert "chosen by FID of other features" not in capsys.readouterr().out
    assert report_of(whole)["features_sha256"].startswith(recorded)
    assert main(["evaluate", str(whole), "--best", "--samples", "40", "--features", "random"]) == 0
    assert "chosen by FID of other features" in capsys.readouterr().out
    assert report_of(whole)["best_by"] == recorded
    assert main(["train", "--resume", str(stopped), "--steps", "4", "--evaluate-features", "random"]) == 1
    assert "--evaluate-features random: differs from what step 3 was trained with" in capsys.readouterr().err


def test_what_is_refused_before_any_work(folder, tmp_path, capsys):
    for path in sorted(folder.iterdir())[20:]:
        path.unlink()
    options = ["train", "--data", str(folder), *TINY, "--steps", "1", "--out", str(tmp_path / "run")]
    assert main([*options, "--evaluate-every", "1", "--evaluate-features", "inception"]) == 1
    assert "rawgan comes without the weights of Inception" in capsys.readouterr().err
    assert main([*options, "--evaluate-every", "1"]) == 1
    assert "there are 10 for each" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("features", ["random", "self"])
def test_features_are_fitted_to_both_parts_of_a_folder_with_test_images(features, tmp_path):
    rng = np.random.default_rng(0)
    for part, count in (("train", 90), ("test", 30)):
        (tmp_path / part).mkdir()
        for number in range(count):
            Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).save(tmp_path / part / f"{number}.png")
    config = TrainConfig.of(data=str(tmp_path), image_size=8)
    reference = Evaluator(config, load(str(tmp_path), image_size=8), features).reference
    assert reference.floor["precision"] > 0.7  # fitted to one part, it was 1, and recall 0.23
    assert reference.floor["recall"] > 0.7
    assert 0.7 < reference.floor["density"] < 1.4
