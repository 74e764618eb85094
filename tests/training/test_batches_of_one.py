"""Batches of one image, and penalties on single images: allowed where no batch norm minds, refused where one does."""

import re

import numpy as np
import pytest

from rawgan import Tensor, nn
from rawgan.cli import main
from rawgan.config.noise import TrainConfig
from rawgan.config.translation import CycleConfig, EnhanceConfig, Pix2pixConfig
from rawgan.data import ImageSet
from rawgan.errors import ArgumentError, DataError
from rawgan.gan import MODELS, ImageSpec, LossConfig, PointSpec, build, check_batch, train_step
from rawgan.gan.batch_norms import batch_norms
from rawgan.gan.penalties import PENALTIES
from rawgan.metrics import train_classifier
from rawgan.storage import RunFolder
from rawgan.training import Trainer, train


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "images.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (30, 16, 16), np.uint8))
    return str(path)


ONE = {
    "residual": (TrainConfig, {"model": "residual", "objective": "hinge"}),
    "attention": (TrainConfig, {"model": "attention"}),
    "residual with r1": (TrainConfig, {"model": "residual", "penalty": "r1"}),
    "points": (TrainConfig, {"data": "ring8", "image_size": None}),
    "pix2pix": (Pix2pixConfig, {"pairs": "edges", "patch": 16}),
    "pix2pix, resnet": (Pix2pixConfig, {"pairs": "edges", "patch": 34, "model": "resnet"}),
    "pix2pix, smallest": (Pix2pixConfig, {"pairs": "edges", "patch": 16, "image_size": 8}),
    "enhance": (EnhanceConfig, {"patch": 16, "penalty": "r1"}),
    "cyclegan": (CycleConfig, {"style": "thick"}),
}


@pytest.mark.parametrize("name", ONE)
def test_batches_of_one_train(name, data, tmp_path, monkeypatch):
    monkeypatch.setattr("rawgan.diagnosis.symptom.WARM_UP", 2)  # so that the doctor looks at all that it can
    kind, options = ONE[name]
    options = {"data": data, "image_size": 16, "steps": 4, "width": 2, "samples": 4, "sample_every": 2} | options
    if kind is TrainConfig:
        options["noise_size"] = 4
    config = kind.of(**options | {"batch_size": 1})
    config.check()
    folder, said = RunFolder.create(tmp_path / "run", "x"), []
    assert train(Trainer(config), folder, tell=said.append) == 4
    assert all(np.isfinite(list(record.values())).all() for record in folder.read_metrics())
    assert not any("variety" in line or "the same" in line for line in said)


@pytest.mark.parametrize("model", ["dcgan", "tutorial"])
@pytest.mark.parametrize(("batch_size", "pack"), [(1, 1), (2, 2)])
def test_batches_of_one_are_refused_before_anything_is_read(model, batch_size, pack):
    with pytest.raises(ArgumentError) as error:
        TrainConfig.of(data="no/such/folder", model=model, batch_size=batch_size, pack=pack).check()
    first, way_out = str(error.value).split("\n")
    assert first.startswith(f"batch_size {batch_size}: {model}'s ")
    assert "BatchNorm, which needs more than one value per channel" in first
    assert re.fullmatch(rf"  take --batch-size {2 * pack} or more; or --model (\w+ or )*residual( or \w+)*", way_out)
    TrainConfig.of(model=model, batch_size=2 * pack, pack=pack).check()
    TrainConfig.of(model="residual", batch_size=batch_size, pack=pack).check()


@pytest.mark.parametrize("size", [8, 28, 64])
@pytest.mark.parametrize("model", [name for name, model in MODELS.items() if model.spec is ImageSpec])
def test_the_layer_that_is_named_is_the_one_that_fails(model, size):
    """Refused networks could not be trained; the others can."""
    gan = build(model, ImageSpec(size), width=1, noise_size=2)
    vectors = [
        name.removeprefix("layer ").split()[0]
        for name, of_vectors in batch_norms(gan.discriminator).items()
        if of_vectors
    ]
    ranks = {}
    for place, layer in gan.discriminator.modules():
        if isinstance(layer, nn.BatchNorm):
            layer.forward = lambda x, slope=1.0, place=place: ranks.update({place: x.ndim}) or x
    gan.discriminator(Tensor(np.zeros((1, size, size, 1), np.float32)))
    assert vectors == [place for place, rank in ranks.items() if rank == 2]
    if not vectors and not any(batch_norms(gan.generator).values()):
        train_step(gan, Tensor(np.zeros((1, size, size, 1), np.float32)), gan.noise(0, "z", 1))


@pytest.mark.parametrize("name", PENALTIES)
@pytest.mark.parametrize("model", ["dcgan", "tutorial"])
def test_penalties_on_single_images_refuse_a_d_with_batch_norm(model, name):
    with pytest.raises(ArgumentError) as error:
        TrainConfig.of(data="no/such/folder", model=model, penalty=name).check()
    first, way_out = str(error.value).split("\n")
    assert first.startswith(f"penalty {name}: {model}'s discriminator has batch norm in layer ")
    assert first.endswith("so its slope at an image depends on the other images of the batch")
    assert re.fullmatch(r"  take --model (\w+ or )*residual( or \w+)*, or leave the penalty out", way_out)
    TrainConfig.of(model="residual", penalty=name).check()
    TrainConfig.of(data="ring8", penalty=name).check()
    for kind in (Pix2pixConfig, EnhanceConfig, CycleConfig):
        kind.of(penalty=name).check()


@pytest.mark.parametrize("model", [name for name in MODELS if name not in ("dcgan", "tutorial")])
def test_networks_that_penalties_are_for_judge_each_image_by_itself(model):
    kind = PointSpec() if model == "mlp" else ImageSpec(8)
    gan = build(model, kind, width=2, noise_size=2)
    assert not batch_norms(gan.discriminator)
    rng = np.random.default_rng(0)
    one, other = (rng.normal(size=(2, *kind.shape)).astype("float32") for _ in range(2))
    other[0] = one[0]
    if model == "mlp":  # the residual D compares images of a batch, as StyleGAN's does, which R1 was made popular by
        np.testing.assert_array_equal(
            gan.discriminate(Tensor(one)).logits.data[0], gan.discriminate(Tensor(other)).logits.data[0]
        )
    train_step(gan, Tensor(one), gan.noise(0, "z", 2), LossConfig(penalty="r1"))


def test_describe_takes_a_batch_of_one_where_it_can(capsys):
    assert main(["describe", "residual", "--batch-size", "1", "--width", "2"]) == 0
    assert main(["describe", "unet", "--batch-size", "1", "--width", "2"]) == 0
    assert main(["describe", "tutorial", "--batch-size", "1", "--width", "2"]) == 1
    assert "layer 1 BatchNorm, which needs more than one value per channel" in capsys.readouterr().err


def test_check_batch_is_for_huge_images_too():
    check_batch("residual", ImageSpec(2048), 1)
    with pytest.raises(ArgumentError, match="needs more than one value per channel"):
        check_batch("tutorial", ImageSpec(2048), 1)


def test_a_classifier_of_a_single_image_is_refused():
    images = ImageSet(np.zeros((1, 8, 8, 1), np.uint8), np.array([1]), "one")
    with pytest.raises(DataError, match="one: a classifier learns from two images or more, but there is 1"):
        train_classifier(images, images)
