"""The classifier, other feature extractors, all figures together, and the commands that people type."""

import json
import sys
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from PIL import Image

from rawgan.cli import main
from rawgan.data import ImageSet, has_test_split, load
from rawgan.data.hold_out import hold_out
from rawgan.data.known_sets import stacked_mnist
from rawgan.errors import ArgumentError, ConfigError, DataError, ShapeError
from rawgan.metrics import (
    Classifier,
    Reference,
    draw,
    evaluate,
    feature_extractor,
    load_classifier,
    train_classifier,
)
from rawgan.metrics.extractors import OnnxFeatures, StackedDigits, stored_classifier
from rawgan.metrics.extractors.classifier import ClassifierSpec
from rawgan.storage.json_file import json_text


@pytest.fixture(scope="module")
def mnist():
    return load("mnist", image_size=28, split="test")


@pytest.fixture(scope="module")
def squares():
    """Two kinds of images that are easy to tell apart: bright above, or bright below."""
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 2
    images = rng.integers(0, 100, (300, 8, 8, 1))
    for image, label in zip(images, labels, strict=True):
        image[4 * label : 4 * label + 4] += 150
    return ImageSet(images.astype(np.uint8), labels, "squares")


# --- the classifier --------------------------------------------------------------------------------------------------


def test_the_classifier_of_digits_is_right_on_993_of_1000_test_images(mnist):
    digits = load_classifier()
    right = float((digits.labels(mnist.images) == mnist.labels).mean())
    assert right >= 0.993
    assert digits.spec.accuracy == pytest.approx(right, abs=2e-4)
    assert stored_classifier.DIGITS.stat().st_size <= 1_500_000


def test_a_damaged_installation_says_so(tmp_path, monkeypatch):
    data = bytearray(stored_classifier.DIGITS.read_bytes())
    data[-1] ^= 1
    path = tmp_path / "digits.safetensors"
    path.write_bytes(data)
    monkeypatch.setattr(stored_classifier, "DIGITS", path)
    with pytest.raises(ConfigError, match=r"expected a file of SHA-256 [0-9a-f]{64}, came [0-9a-f]{64}\n.*damaged"):
        load_classifier()
    assert load_classifier(path).classes == 10  # a file of one's own may be any


@pytest.mark.parametrize("data", [b"", b"not a classifier", stored_classifier.DIGITS.read_bytes()[:-4]])
def test_files_that_are_no_classifiers(data, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match="holds no classifier of rawgan"):
        load_classifier(path)
    with pytest.raises(ConfigError, match="could not be read: No such file"):
        load_classifier(tmp_path / "none")


def test_training_learns_and_repeats_itself(squares):
    parts = hold_out(squares, 100, seed=0)
    made = train_classifier(*parts, seed=1, epochs=4)
    assert made.spec == ClassifierSpec(8, 1, 2, "squares", 1.0)
    assert made.to_bytes() == train_classifier(*parts, seed=1, epochs=4).to_bytes()
    assert made.to_bytes() != train_classifier(*parts, seed=2, epochs=4).to_bytes()
    again = Classifier.from_bytes(made.to_bytes(), "memory")
    assert (again.features(squares.images) == made.features(squares.images)).all()


def test_images_of_another_size_are_brought_to_the_classifiers(mnist):
    few = mnist.images[:200]
    larger = np.stack([np.asarray(Image.fromarray(i[..., 0]).resize((32, 32)).convert("RGB")) for i in few])
    named = load_classifier().labels(larger)
    assert (named == mnist.labels[:200]).mean() > 0.97


def test_what_cannot_be_learned(squares):
    unlabelled = ImageSet(squares.images, None, "photos")
    with pytest.raises(DataError, match="photos: a classifier needs labels"):
        train_classifier(unlabelled, unlabelled)
    with pytest.raises(ArgumentError, match="8 pixels or more and two classes or more; squares has 4 pixels"):
        Classifier(ClassifierSpec(4, 1, 2, "squares"))
    with pytest.raises(ArgumentError, match=r"squares has 8 pixels and 1 class$"):
        Classifier(ClassifierSpec(8, 1, 1, "squares"))


# --- stacked digits --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stacked():
    images, labels = stacked_mnist("test")
    return images[:400], labels[:400]


def test_stacked_digits_are_named_one_by_one(stacked, mnist):
    images, labels = stacked
    extractor = feature_extractor("stacked-mnist")
    features = extractor.features(images)
    named = extractor.probabilities(features).argmax(axis=1)
    assert (named == labels).mean() > 0.96
    one = load_classifier()
    assert (named // 10 % 10 == one.labels(images[..., 1:2])).all()
    confusion = extractor.confusion(features, labels)
    assert confusion.shape == (10, 10)
    assert np.diag(confusion).mean() > 0.98
    assert extractor.shares(labels)[:2].tolist() == [0.001, 0.001]
    with pytest.raises(ShapeError, match="images of three channels"):
        extractor.features(mnist.images[:1])


def test_stacked_digits_are_the_same_every_time(stacked, mnist):
    again, labels = stacked_mnist("test")
    assert (again.shape, again.dtype, len(labels)) == ((26_000, 28, 28, 3), np.uint8, 26_000)
    assert (again[:400] == stacked[0]).all()
    assert (labels[:400] == stacked[1]).all()
    assert (stacked_mnist("test", seed=1)[1] != labels).any()
    digits = {image.tobytes(): label for image, label in zip(mnist.images, mnist.labels, strict=True)}
    for image, label in zip(again[:20], labels, strict=False):
        assert sum(digits[image[..., c].tobytes()] * 10 ** (2 - c) for c in range(3)) == label
    assert has_test_split("stacked-mnist")


# --- all figures -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reference(mnist):
    return Reference.of(feature_extractor("mnist"), *hold_out(mnist, 5000, seed=0), 600)


def test_worse_images_have_worse_figures(reference, mnist):
    rng = np.random.default_rng(0)
    images = mnist.images[-600:]
    noisy = images / 127.5 - 1 + rng.normal(0, 0.4, images.shape)
    ones = mnist.images[mnist.labels == 1][:600]
    floor, noise = reference.floor, evaluate(noisy, reference)
    collapsed = evaluate(ones, reference, labels=np.arange(600) % 2)  # every other image is what was asked for
    assert noise["fid"] > 3 * floor["fid"]
    assert noise["kid"] > 3 * abs(floor["kid"])
    assert noise["precision"] < floor["precision"] - 0.1
    assert collapsed["coverage"] < 0.2 < 0.8 < floor["coverage"]
    assert collapsed["modes_of_least_count"] == 1
    assert floor["modes_of_least_count"] == 10
    assert collapsed["reverse_kl"] > 2 > 0.05 > floor["reverse_kl"]
    assert collapsed["classifier_score"] < 1.5 < 9 < floor["classifier_score"]
    assert sum(collapsed["histogram"]) == 600
    assert collapsed["label_kept"] == pytest.approx(0.5, abs=0.005)
    assert "label_kept" not in noise
    others = draw(hold_out(mnist, 5000, seed=0)[1], 600, seed=0)
    assert reference.accuracy == (load_classifier().labels(others.images) == others.labels).mean()
    expected = reference.expected
    assert expected["perfect_kl"] == pytest.approx(9 / 1200, rel=0.05)
    assert expected["classifier_error"] < 0.02
    assert 1 <= expected["collapsed_modes_of_least_count"] <= expected["collapsed_modes"] < 4


def test_figures_do_not_depend_on_the_order_of_images(reference, mnist):
    images = mnist.images[:600]
    one, other = evaluate(images, reference), evaluate(images[::-1].copy(), reference)
    assert one.pop("histogram") == other.pop("histogram")
    assert one == pytest.approx(other, rel=1e-6)


def test_what_cannot_be_evaluated(reference, mnist):
    with pytest.raises(ArgumentError, match="599 images, but the reference has 600"):
        evaluate(mnist.images[:599], reference)
    with pytest.raises(ArgumentError, match="NaN"):
        evaluate(np.full((600, 28, 28, 1), np.nan), reference)
    parts = hold_out(mnist, 100, seed=0)
    with pytest.raises(ArgumentError, match="101 samples are compared with as many real images, twice, but of mnist"):
        Reference.of(feature_extractor("mnist"), *parts, 101)
    with pytest.raises(ArgumentError, match="64 samples are too few for 64 features"):
        Reference.of(feature_extractor("mnist"), *parts, 64)
    with pytest.raises(ArgumentError, match=r"images are too few to set 10000 apart; add images: at least 10001$"):
        hold_out(mnist, 10_000, seed=0)
    for count, held_out, words in (
        (1, 1, "1 image is too few to set 1 apart; add images: at least 2"),
        (1, 0, "1 image is too few to set 1 apart; add images: at least 2"),
        (5, 0, "5 images are too few to set 1 apart; add images"),  # a smaller share than one of them
    ):
        with pytest.raises(ArgumentError) as caught:
            hold_out(ImageSet(np.zeros((count, 8, 8, 1), np.uint8), None, "zeros"), held_out, seed=0)
        assert str(caught.value) == f"zeros: {words}"
    with pytest.raises(ArgumentError, match="photos: features self depend on the images"):
        feature_extractor("photos")


# --- networks from elsewhere -----------------------------------------------------------------------------------------


def onnx_network(path, *shape):
    """One that returns its input, twice."""
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "x"], ["y"])],
        "twice",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
    )
    onnx.save(helper.make_model(graph), path)
    return path


class Session(ReferenceEvaluator):
    """Like onnxruntime's, by the evaluator that comes with onnx."""

    def __init__(self, path, providers):
        super().__init__(path)
        self.path = path

    def get_inputs(self):
        return [
            SimpleNamespace(name=i.name, shape=[d.dim_value or d.dim_param for d in i.type.tensor_type.shape.dim])
            for i in onnx.load(self.path).graph.input
        ]


@pytest.fixture
def onnxruntime(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", SimpleNamespace(InferenceSession=Session))


def test_features_by_an_onnx_file(onnxruntime, tmp_path, squares):
    images = squares.images[:3]
    unit = images / 127.5 - 1
    found = feature_extractor("photos", onnx_network(tmp_path / "first.onnx", "n", 1, 8, 8)).features(images)
    assert found == pytest.approx(2 * unit.transpose(0, 3, 1, 2).reshape(3, -1), abs=1e-6)
    last = feature_extractor("photos", onnx_network(tmp_path / "last.onnx", "n", "h", "w", 3))
    assert last.features(images) == pytest.approx(2 * unit.repeat(3, axis=3).reshape(3, -1), abs=1e-6)
    assert last.classes is None
    with pytest.raises(ArgumentError, match=r"last\.onnx: it has features alone, and knows no classes"):
        last.probabilities(found)
    reference = Reference.of(OnnxFeatures(tmp_path / "first.onnx"), *hold_out(squares, 150, seed=0))
    assert (reference.expected, "modes" in reference.floor) == ({}, False)


def test_onnx_files_that_cannot_be_used(onnxruntime, tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match=r"expected one input .*; x is \['n', 5\]"):
        feature_extractor("photos", onnx_network(tmp_path / "flat.onnx", "n", 5))
    (tmp_path / "broken.onnx").write_bytes(b"broken")
    with pytest.raises(ConfigError, match="is not a network that onnxruntime can run"):
        feature_extractor("photos", tmp_path / "broken.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ConfigError, match="an ONNX file is run by onnxruntime: pip install onnxruntime"):
        feature_extractor("photos", tmp_path / "flat.onnx")


# --- the commands ----------------------------------------------------------------------------------------------------


@pytest.fixture
def run(squares, tmp_path, capsys):
    np.savez(tmp_path / "squares.npz", images=squares.images, labels=squares.labels)
    tiny = ["--width", "2", "--noise-size", "4", "--batch-size", "4", "--samples", "4", "--image-size", "8"]
    data, out = str(tmp_path / "squares.npz"), tmp_path / "run"
    assert main(["train", "--data", data, "--steps", "2", "--out", str(out), *tiny]) == 0
    capsys.readouterr()
    return out


def test_a_classifier_of_ones_own_and_what_it_measures(run, tmp_path, capsys):
    file = tmp_path / "squares.safetensors"
    data = str(tmp_path / "squares.npz")
    assert main(["train-classifier", "--data", data, "--image-size", "8", "--epochs", "2", "--out", str(file)]) == 0
    printed = capsys.readouterr().out
    assert "% of 30 images that it was not trained on" in printed
    assert f"{file}  SHA-256 " in printed

    evaluation = ["evaluate", str(run), "--features", str(file)]
    assert main(evaluation) == 0
    printed = capsys.readouterr().out
    assert "150 samples of step 2 and as many training images" in printed
    assert all(word in printed for word in ("FID", "KID", "coverage", "reverse KL", "stuck on one: ", "nearest.png"))
    first = (run / "evaluation.json").read_bytes()
    said = json.loads(first)
    assert said["samples"] == 150
    assert said["generated"].keys() == said["floor"].keys()
    assert said["generated"]["fid"] > said["floor"]["fid"]
    with Image.open(run / "nearest.png") as picture:
        assert picture.size[0] >= 512
    assert not list(run.glob(".*.tmp"))

    assert main(evaluation) == 0
    assert (run / "evaluation.json").read_bytes() == first
    assert main([*evaluation, "--seed", "1", "--samples", "100"]) == 0
    assert json.loads((run / "evaluation.json").read_bytes())["generated"] != said["generated"]


def test_evaluate_refuses_in_one_sentence(run, tmp_path, capsys):
    config = run / "config.toml"
    for options, message in (
        (["--features", "inception"], "features inception: rawgan comes without the weights"),
        (["--features", str(config)], f"{config} holds no classifier of rawgan"),
        (["--features", str(stored_classifier.DIGITS), "--samples", "151"], "151 samples are compared"),
        (["--samples", "0"], "samples must lie in 1 ... 1000000, but is 0"),
    ):
        assert main(["evaluate", str(run), *options]) == 1
        assert capsys.readouterr().err.startswith(f"rawgan evaluate: {message}")
    assert not (run / "evaluation.json").exists()
    assert main(["train-classifier", "--epochs", "0", "--out", str(tmp_path / "x")]) == 1
    assert "epochs must lie in 1 ... 1000000, but is 0" in capsys.readouterr().err


def test_json_has_no_infinity():
    assert json_text({"a": {"b": float("inf")}, "c": [1, float("nan")]}) == '{"a": {"b": null}, "c": [1, null]}'


def test_stacked_knows_a_thousand_classes():
    assert StackedDigits(load_classifier()).classes == 1000
