"""Memory that files of networks can ask for: no more than their bytes stand for, and no more than the container has."""

import json
import os
import struct
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from complaints import complaint
from run_files import untrained_run
from safetensors.numpy import save

from rawgan import nn, optim
from rawgan.config.noise import TrainConfig
from rawgan.data import ImageSet
from rawgan.errors import ArgumentError, ConfigError, DataError, DeviceError
from rawgan.gan import ImageSpec, PointSpec, TranslationSpec, build, build_translator
from rawgan.inference.trained_networks import restore
from rawgan.metrics import confusion_matrix, feature_extractor, load_classifier, train_classifier
from rawgan.metrics.extractors import onnx_features
from rawgan.metrics.extractors.classifier import HEADING, MOST_CLASSES, Classifier, ClassifierSpec
from rawgan.paper import blank, on_paper
from rawgan.storage.toml_file import LONGEST_TOML, read_toml
from rawgan.tasks.noise import build_gan
from rawgan.testing.backends import use_backend
from rawgan.training import Trainer
from rawgan.training.state import arrays_of, check_on_paper

# --- networks on paper -----------------------------------------------------------------------------------------------

BUILDERS = {
    "dcgan": lambda width: build("dcgan", ImageSpec(16), width=width, average_decay=0.9),
    "residual": lambda width: build("residual", ImageSpec(16), width=width, spectral_norm=True),
    "tutorial": lambda width: build("tutorial", ImageSpec(16), width=width, conditional="projection", classes=3),
    "mlp": lambda width: build("mlp", PointSpec(), width=width),
    "unet": lambda width: build_translator("unet", TranslationSpec(16, 1, 1), width=width, patch=16, average_decay=0.9),
    "resnet": lambda width: build_translator("resnet", TranslationSpec(16, 3, 3), width=width, patch=16),
    "subpixel": lambda width: build_translator("subpixel", TranslationSpec(16, 1, 1, 4), width=width, patch=16),
}


@pytest.mark.parametrize("name", BUILDERS)
def test_networks_on_paper_have_the_shapes_of_those_that_are_built(name, little):
    with on_paper():
        planned = BUILDERS[name](2)
    built = BUILDERS[name](2)
    shapes = [{k: (a.shape, a.dtype) for k, a in arrays_of(gan).items()} for gan in (planned, built)]
    assert shapes[0] == shapes[1]
    with on_paper():
        BUILDERS[name](256)
    assert little() < 2**20


def test_what_is_on_paper_cannot_be_written_and_ends_there():
    with on_paper():
        layer = nn.Linear(10**9, 10**9, rng=np.random.default_rng(0))
        optimizer = optim.Adam(layer.parameters(), 0.1)
        assert "would be larger than any memory" in complaint(ArgumentError, lambda: blank((2**62, 2**62)))
    assert optimizer.state["m"][0].shape == (10**9, 10**9)
    with pytest.raises(ValueError, match="read-only"):
        layer.w._array[0, 0] = 1
    after = nn.Linear(3, 2, rng=np.random.default_rng(0))
    assert after.w.data.any()
    assert after.b.data.flags.writeable


@pytest.fixture
def run(tmp_path):
    return untrained_run(tmp_path / "run")


@pytest.mark.parametrize("change", ["width = 512", "noise_size = 65536", "d_width = 512"])
def test_a_configuration_that_asks_for_more_than_the_checkpoint_holds(run, change, little):
    text = run.config_file.read_text()
    name = change.partition(" ")[0]
    kept = [line for line in text.splitlines() if not line.startswith(f"{name} ")]
    run.config_file.write_text("\n".join([*kept, change, ""]))
    message = complaint(ConfigError, lambda: restore(run))
    assert message.startswith("the checkpoint of step 0 is of other networks\n")
    assert little() < 2**22


def test_new_networks_that_are_larger_than_memory(monkeypatch, little):
    config = TrainConfig.of(image_size=2048, channels=3, width=4096)
    message = complaint(ArgumentError, lambda: check_on_paper(lambda: build_gan(config, "cpu"), None, "cpu"))
    assert message.startswith("these networks take ")
    assert "TiB" in message or "GiB" in message
    assert "take a smaller --width" in message
    assert little() < 2**25
    monkeypatch.setattr("rawgan.training.state.machine_bytes", lambda: 10**5)
    tiny = TrainConfig.of(data="ring8", model="mlp", width=128, samples=4, batch_size=4)
    assert "these networks take" in complaint(ArgumentError, lambda: Trainer(tiny))


@pytest.mark.parametrize(
    "options",
    [
        {"data": "ring8", "model": "mlp", "batch_size": 2**16, "width": 16},
        {"model": "dcgan", "image_size": 512, "batch_size": 64, "width": 2},
    ],
)
def test_a_step_that_takes_more_than_memory(options, monkeypatch, tmp_path, little):
    np.save(tmp_path / "set.npy", np.zeros((64, 512, 512), np.uint8))
    config = TrainConfig.of(**{"data": str(tmp_path / "set.npy"), "samples": 4} | options)
    monkeypatch.setattr("rawgan.training.memory.machine_bytes", lambda: 2**25)
    with use_backend("reference"):
        message = complaint(DeviceError, lambda: Trainer(config.replace(backend="reference")))
        assert message.startswith("out of memory on cpu\n  a step takes about ")
        assert "try a smaller --batch-size" in message
        assert little() < 2**26
        assert Trainer(config.replace(backend="reference", batch_size=4)).reached == 0


def test_a_toml_file_of_any_size(tmp_path, little):
    with (tmp_path / "my.toml").open("wb") as file:
        file.truncate(2**40)
    message = complaint(ConfigError, lambda: read_toml(tmp_path / "my.toml"))
    assert f"it has more than {LONGEST_TOML:,} bytes" in message
    assert little() < 2**26


# --- classifiers -----------------------------------------------------------------------------------------------------

SAID = {"size": 16, "channels": 1, "classes": 2, "data": "x"}
NONSENSE = [
    {"size": "a"}, {"size": 16.5}, {"size": None}, {"size": 10**9}, {"size": 10**4000}, {"size": True}, {"size": 0},
    {"channels": 0}, {"channels": [1]}, {"channels": 10**7}, {"classes": 10**7}, {"classes": 2.5}, {"classes": 1},
    {"data": 5}, {"accuracy": "x"}, {"accuracy": []}, {"class_names": 5}, {"class_names": ["a"]}, {"more": 1},
    {"class_names": [1, 2]}, {"class_names": "ab"},
]  # fmt: skip


def classifier_file(path: Path, heading: str, arrays=None) -> Path:
    path.write_bytes(save(arrays or {"x": np.zeros(1, np.float32)}, {HEADING: heading}))
    return path


@pytest.mark.parametrize("changed", NONSENSE)
def test_a_classifier_whose_heading_makes_no_sense(tmp_path, changed, little):
    weights = Classifier(ClassifierSpec(**SAID)).network.state_dict()
    right = classifier_file(tmp_path / "right.safetensors", json.dumps(SAID), weights)
    assert load_classifier(right).spec == ClassifierSpec(**SAID)
    path = classifier_file(tmp_path / "a.safetensors", json.dumps(SAID | changed), weights)
    message = complaint(ConfigError, lambda: load_classifier(path))
    assert message.startswith(f"{path} holds no classifier of rawgan")
    assert len(message) < 500
    assert little() < 2**25


@pytest.mark.parametrize("heading", ["[" * 10**5, "[1]", "5", "null", "{}", "NaN", '{"size": Infinity}'])
def test_a_classifier_whose_heading_is_no_table(tmp_path, heading):
    path = classifier_file(tmp_path / "a.safetensors", heading)
    assert "holds no classifier of rawgan" in complaint(ConfigError, lambda: load_classifier(path))


def test_a_classifier_larger_than_its_file(tmp_path, little):
    path = classifier_file(tmp_path / "a.safetensors", json.dumps(SAID | {"size": 2048, "classes": MOST_CLASSES}))
    message = complaint(ConfigError, lambda: load_classifier(path))
    assert "the weights do not fit this network" in message
    assert f"head.0.w (64, {MOST_CLASSES}) is missing" in message
    assert little() < 2**25


@pytest.mark.parametrize("shape", [[0, 2**62, 2**62], [0, 2**64 - 1], [1] * 65, [2**63 - 1, 0], [0]])
def test_arrays_of_shapes_that_numpy_lacks(tmp_path, shape):
    tensor = {"dtype": "F32", "shape": shape, "data_offsets": [0, 0 if 0 in shape else 4]}
    text = json.dumps({"x": tensor, "__metadata__": {HEADING: json.dumps(SAID)}}).encode()
    path = tmp_path / "a.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(4 * (0 not in shape)))
    assert "holds no classifier of rawgan" in complaint(ConfigError, lambda: load_classifier(path))


@pytest.mark.parametrize("label", [-1, MOST_CLASSES, 2**63 - 1, -(2**63)])
def test_labels_that_number_more_classes_than_there_are(label):
    images = ImageSet(np.zeros((4, 8, 8, 1), np.uint8), np.array([0, 1, 0, label]), "squares")
    message = complaint(DataError, lambda: train_classifier(images, images))
    assert message.startswith("squares: labels must number classes from 0 to 65,535, but go from ")
    assert "number them anew: numpy.unique" in message


def test_a_table_of_many_classes(monkeypatch):
    monkeypatch.setattr("rawgan.metrics.figures.class_counts.machine_bytes", lambda: 10**6)
    assert confusion_matrix([0, 1], [0, 1], 200).shape == (200, 200)
    message = complaint(ArgumentError, lambda: confusion_matrix([0, 1], [0, 1], 2000))
    assert "2,000 × 2,000 classes take more memory than there is" in message


@pytest.mark.parametrize("suffix", [".safetensors", ".onnx"])
@pytest.mark.parametrize("kind", ["pipe", "device", "nothing", "folder"])
def test_features_that_are_no_file_are_refused_at_once(tmp_path, suffix, kind, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", SimpleNamespace(InferenceSession=pytest.fail))
    path = tmp_path / f"a{suffix}"
    {"pipe": os.mkfifo, "device": lambda p: p.symlink_to("/dev/zero"), "folder": Path.mkdir}.get(kind, str)(path)
    assert f"{path} could not be read: " in complaint(ConfigError, lambda: feature_extractor("photos", path))


def test_a_file_of_features_larger_than_memory(tmp_path, little):
    with (tmp_path / "a.safetensors").open("wb") as file:
        file.truncate(2**42)
    message = complaint(ConfigError, lambda: feature_extractor("photos", tmp_path / "a.safetensors"))
    assert "4,398,046,511,104 bytes are more than this machine has memory for" in message
    assert little() < 2**22


# --- networks from elsewhere -----------------------------------------------------------------------------------------


class Session:
    """Like onnxruntime's, of a network that makes `make` of its input."""

    shape: tuple = ("n", 3, 8, 8)
    names: tuple[str, ...] = ("x",)

    def __init__(self, path, providers):
        self.batches: list[int] = []

    def get_inputs(self):
        return [SimpleNamespace(name=name, shape=list(self.shape)) for name in self.names]

    def run(self, outputs, feeds, options):
        (x,) = feeds.values()
        if isinstance(self.shape[0], int):
            assert len(x) == self.shape[0]
        self.batches.append(len(x))
        return self.make(x)

    make = staticmethod(lambda x: [x.reshape(len(x), -1)])


@pytest.fixture
def network(tmp_path, monkeypatch):
    """Features of 25 images by a network of which the words say what is odd."""
    (tmp_path / "a.onnx").write_bytes(b"a network")
    pixels = np.random.default_rng(0).integers(0, 256, (25, 8, 8, 3), np.uint8)

    def made(**odd):
        session = type("Odd", (Session,), odd)
        monkeypatch.setitem(sys.modules, "onnxruntime", SimpleNamespace(InferenceSession=session))
        extractor = feature_extractor("photos", tmp_path / "a.onnx")
        return extractor.features(pixels), extractor.session

    return made


@pytest.mark.parametrize("count", [1, 8, 25, 1000])
def test_a_network_of_a_fixed_batch_gets_as_many(network, count):
    anyhow, _ = network()
    found, session = network(shape=(count, 3, 8, 8))
    assert (found == anyhow).all()
    assert set(session.batches) == {count}


def endless(x):
    threading.Event().wait()


def failing(x):
    raise RuntimeError("\x1b[2Jno such node")


ODD = {
    "no inputs": ({"names": ()}, "it has none"),
    "two inputs": ({"names": ("x", "\x1b[2J")}, r"x is ['n', 3, 8, 8]; \x1b[2J is ['n', 3, 8, 8]"),
    "an endless loop": ({"make": staticmethod(endless)}, "could not be run within 1 seconds; take a faster network"),
    "an error": ({"make": staticmethod(failing)}, r"could not be run: \x1b[2Jno such node"),
    "no memory": ({"make": staticmethod(lambda x: [np.zeros(2**50)])}, "could not be run: Unable to allocate"),
    "no outputs": ({"make": staticmethod(lambda x: [])}, "gave an output NoneType"),
    "a list": ({"make": staticmethod(lambda x: [[x]])}, "gave an output list"),
    "text": ({"make": staticmethod(lambda x: [np.array(["a"])])}, "gave an output <U1 (1,)"),
    "a number": ({"make": staticmethod(lambda x: [np.float32(1)[...]])}, "gave an output"),
    "others": ({"make": staticmethod(lambda x: [np.ones((7, 2))])}, "gave an output float64 (7, 2); expected (N, …)"),
    "nothing": ({"make": staticmethod(lambda x: [np.ones((len(x), 0))])}, "without features"),
    "NaN": ({"make": staticmethod(lambda x: [np.full((len(x), 2), np.nan)])}, "numbers that are not finite"),
    "a huge batch": ({"shape": (10**12, 3, 8, 8)}, "more memory than this machine has"),
    "huge sides": ({"shape": ("n", 3, 10**6, 10**6)}, "more memory than this machine has"),
    "features without end": (
        {"make": staticmethod(lambda x: [np.broadcast_to(np.ones(1, np.float32), (len(x), 2**22))])},
        "features take more memory than there is",
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_networks_that_are_odd(network, name, monkeypatch):
    monkeypatch.setattr(onnx_features, "FIRST_SECONDS", 0.6)
    if name == "features without end":
        monkeypatch.setattr(onnx_features, "machine_bytes", lambda: 2**28)
    odd, words = ODD[name]
    assert words in complaint((ConfigError, DataError), lambda: network(**odd))
