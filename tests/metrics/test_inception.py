"""Inception v3 without PyTorch: its file, its input, its pools, its batch norms. tests/with_torch compares features."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from safetensors.numpy import save_file

from rawgan import Tensor, nn, ops
from rawgan.errors import ConfigError
from rawgan.metrics import feature_extractor
from rawgan.metrics.extractors import Inception, inception
from rawgan.metrics.extractors.inception import as_input, inception_in
from rawgan.metrics.extractors.inception_blocks import BLOCKS, EPS, Unit, average, halved, largest, units_of

NAMES = {name for name, _, _ in units_of()}


def random_weights(rng, names=NAMES):
    """Arrays by PyTorch's names, small integers so that they are quickly drawn."""
    arrays = {}
    for name, inputs, unit in units_of():
        if name in names:
            shape = unit.channels, inputs, *unit.kernel
            w = rng.integers(-127, 128, shape, np.int8).astype(np.float32)
            arrays[f"{name}.conv.weight"] = w * np.float32(np.sqrt(2 / w[0].size) / 73)
            for each, low, high in (("weight", 0.8, 1.2), ("bias", -0.1, 0.1), ("running_mean", -0.1, 0.1)):
                arrays[f"{name}.bn.{each}"] = rng.uniform(low, high, unit.channels).astype(np.float32)
            arrays[f"{name}.bn.running_var"] = rng.uniform(0.8, 1.2, unit.channels).astype(np.float32)
    return arrays


@pytest.fixture(scope="module")
def weights():
    return random_weights(np.random.default_rng(0))


@pytest.fixture(scope="module")
def file(weights, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "inception.safetensors"
    save_file(weights | {"fc.bias": np.zeros(1008, np.float32)}, path)
    return path


@pytest.fixture
def one_block(monkeypatch):
    """The stem alone, so that a test takes no time."""
    monkeypatch.setattr(inception, "BLOCKS", BLOCKS[:1])


def test_a_file_of_the_weights_is_recognised_by_its_names(file, tmp_path):
    found = feature_extractor("photos", file)
    assert isinstance(found, Inception)
    assert found.title == f"Inception v3 in {file}"
    assert "as published" in found.scope
    images = np.random.default_rng(1).integers(0, 256, (2, 8, 8, 1), np.uint8)
    features = found.features(images)
    assert features.shape == (2, 2048)
    assert np.isfinite(features).all()
    assert np.abs(features[0] - features[1]).max() > 1e-3
    (tmp_path / "empty").write_bytes(b"")
    assert inception_in(tmp_path / "empty") is None
    assert inception_in(tmp_path / "none.onnx") is None


def test_weights_in_an_onnx_file(tmp_path, monkeypatch):
    monkeypatch.setattr(inception, "units_of", lambda: [("Mixed_7c.branch_pool", 3, Unit("branch_pool", 2))])
    rng = np.random.default_rng(0)
    arrays = {"conv.weight": (2, 3, 1, 1), "bn.weight": 2, "bn.bias": 2, "bn.running_mean": 2, "bn.running_var": 2}
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])],
        "inception",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1,))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1,))],
        [
            numpy_helper.from_array(rng.uniform(1, 2, shape).astype(np.float32), f"Mixed_7c.branch_pool.{name}")
            for name, shape in arrays.items()
        ],
    )
    onnx.save(helper.make_model(graph), tmp_path / "inception.onnx")
    assert isinstance(inception_in(tmp_path / "inception.onnx"), Inception)
    del graph.initializer[-1]
    onnx.save(helper.make_model(graph), tmp_path / "other.onnx")
    assert inception_in(tmp_path / "other.onnx") is None


def test_tensors_that_are_missing_or_of_other_shapes(weights, file, tmp_path):
    name = "Mixed_6c.branch7x7_2"
    for change, words in (
        ({f"{name}.bn.running_var": None}, rf"{name}.bn.running_var should be \(160,\), but is missing"),
        (
            {f"{name}.conv.weight": np.zeros((160, 160, 7, 1))},
            r"should be \(160, 160, 1, 7\), but is \(160, 160, 7, 1\)",
        ),
        ({f"{name}.bn.bias": np.full(160, np.nan)}, f"the numbers of {name} are not all finite"),
        ({f"{name}.bn.running_var": np.full(160, -1.0)}, f"the numbers of {name} are not all finite"),
    ):
        arrays = {key: value for key, value in (weights | change).items() if value is not None}
        with pytest.raises(ConfigError, match=rf"^here: .*{words}.*(\n.*)*torch\.load"):
            Inception(arrays, "here")
    (tmp_path / "cut.safetensors").write_bytes(file.read_bytes()[:-4])
    with pytest.raises(ConfigError, match=r"cut\.safetensors is damaged"):
        inception_in(tmp_path / "cut.safetensors")


def test_batch_norms_are_folded_into_convolutions(weights, one_block):
    network = Inception(weights)
    x = np.random.default_rng(2).normal(size=(1, 75, 75, 3)).astype(np.float32)
    y = Tensor(x)
    for step in BLOCKS[0][1][0]:
        if isinstance(step, Unit):
            w = weights[f"{step.name}.conv.weight"].transpose(2, 3, 1, 0)
            norm = nn.BatchNorm(step.channels, eps=EPS)
            names = {"gamma": "weight", "beta": "bias", "running_mean": "running_mean", "running_var": "running_var"}
            norm.load_state_dict({mine: weights[f"{step.name}.bn.{its}"] for mine, its in names.items()})
            y = ops.relu(norm.eval()(ops.conv2d(y, Tensor(w), stride=step.stride, padding=step.padding)))
        else:
            y = step(y)
    assert network.forward(Tensor(x)).numpy() == pytest.approx(y.numpy(), abs=1e-4)
    assert y.shape == (1, 7, 7, 192)


def test_pools_see_no_padding():
    x = -1 - np.random.default_rng(3).random((2, 7, 5, 3)).astype(
        np.float32
    )  # below 0: padding would win, or raise means
    for pool, reduce in ((average, np.mean), (largest, np.max)):
        made = pool(Tensor(x)).numpy()
        for i in range(7):
            for j in range(5):
                window = x[:, max(0, i - 1) : i + 2, max(0, j - 1) : j + 2]
                assert made[:, i, j] == pytest.approx(reduce(window, axis=(1, 2)), rel=1e-5)
    made = halved(Tensor(x)).numpy()
    assert made.shape == (2, 3, 2, 3)
    assert (made[:, 1, 1] == x[:, 2:5, 2:5].max(axis=(1, 2))).all()


def test_channels_add_up_and_the_last_block_takes_the_largest_value():
    inputs = {name: count for name, count, _ in units_of()}
    assert len(inputs) == 94
    counts = [inputs[f"Mixed_{block}.branch1x1"] for block in ("5b", "5d", "6b", "7b", "7c")]
    assert counts == [192, 288, 768, 1280, 2048]
    blocks = dict(BLOCKS)
    assert [blocks[prefix][-1][0] for prefix in ("Mixed_7b.", "Mixed_7c.")] == [average, largest]


def test_images_are_resized_in_numbers_not_in_bytes():
    rng = np.random.default_rng(4)
    images = rng.integers(0, 256, (2, 20, 20, 3), np.uint8)
    made = as_input(images)
    assert (made.shape, made.dtype) == ((2, 299, 299, 3), np.float32)
    assert made.min() == -1  # clipped: bicubic goes beyond
    assert made.max() == 1
    plane = Image.fromarray(images[1, :, :, 2].astype(np.float32)).resize((299, 299), Image.Resampling.BICUBIC)
    assert made[1, :, :, 2] == pytest.approx(np.asarray(plane).clip(0, 255) / 127.5 - 1, abs=1e-6)
    assert len(np.unique((made[0] * 127.5 + 127.5).round(3) % 1)) > 100  # between whole levels
    grey = as_input(images[..., :1])
    assert (grey == as_input(images[..., :1].repeat(3, axis=3))).all()
    large = (np.indices((598, 598)).sum(axis=0) % 2 * 255).astype(np.uint8)[None, :, :, None]
    assert np.abs(as_input(large)[:, 9:-9, 9:-9]).max() < 0.2  # antialiased: grey
    clear = np.zeros((1, 9, 9, 4), np.uint8)
    assert (as_input(clear) == 1).all()  # transparency lies on white
