"""Figures of translated digits, by networks whose results are known."""

import dataclasses

import numpy as np
import pytest

from rawgan import nn
from rawgan.config.translation import CycleConfig, EnhanceConfig
from rawgan.data import load
from rawgan.data.pairs.styles import inverted, thick
from rawgan.gan import Cycle
from rawgan.inference.comparison import compare, compare_cycle, style_classifier
from rawgan.metrics import feature_extractor
from rawgan.tasks.cycle import cycle_of
from rawgan.tasks.translation import translator_of

COUNT = 150


class Inverse(nn.Module):
    """Network that exchanges black and white."""

    def forward(self, x):
        """(N, H, W, C) → the same."""
        return -x


@pytest.fixture(scope="module")
def digits():
    """Digits to train with, and others."""
    return tuple(load("mnist", image_size=28, split=split).part(slice(COUNT)) for split in ("train", "test"))


def making(gan, module):
    return dataclasses.replace(gan, generator=nn.Sequential(module), ema=None)


def test_a_classifier_recognises_enhanced_digits(digits):
    """With almost no noise, a network that changes nothing is perfect."""
    config = EnhanceConfig.of(task="denoise", noise=1e-4, channels=1, width=2)
    gan = translator_of(config, "cpu")
    found = compare(
        config,
        making(gan, nn.Identity()),
        *digits,
        feature_extractor("mnist"),
        others={"inverse": making(gan, Inverse())},
    ).figures
    assert found["translated"]["fid"] == pytest.approx(0, abs=1e-3)
    assert found["translated"]["recognised"] == found["targets"]["recognised"] > 0.95
    assert found["translated"]["psnr"] > 70
    assert found["inverse"]["fid"] > 50
    assert found["inverse"]["recognised"] < 0.6
    assert found["inverse"]["l1"] > 0.5


def test_labels_of_a_file_are_known_wherever_it_is(digits, tmp_path):
    """A classifier knows the classes of the data that it was trained with, by its name."""
    config = EnhanceConfig.of(data=str(tmp_path / "some.npz"), task="denoise", channels=1, image_size=28, width=2)
    extractor = feature_extractor("mnist")
    gan = making(translator_of(config, "cpu"), nn.Identity())
    assert "recognised" not in compare(config, gan, *digits, extractor).figures["translated"]
    extractor.spec = dataclasses.replace(extractor.spec, data="some.npz")
    assert "recognised" in compare(config, gan, *digits, extractor).figures["translated"]


@pytest.mark.parametrize(("module", "right"), [(Inverse(), True), (nn.Identity(), False)])
def test_classifiers_recognise_digits_in_another_style(module, right, digits, monkeypatch):
    """A network that inverts is right in domain, class and pixels; one that changes nothing, only in coming back."""
    monkeypatch.setattr("rawgan.inference.comparison.STYLE_IMAGES", COUNT)
    config = CycleConfig.of(style="inverted", channels=1, width=2)
    cycle = cycle_of(config, "cpu")
    cycle = Cycle(making(cycle.forth, module), making(cycle.back, module), cycle.histories)
    drawn = [dataclasses.replace(part, images=inverted(part.images)) for part in digits]
    (a, a_held_out), (b, b_held_out) = digits, drawn
    kind_of, told = style_classifier(config, (a, b), (a_held_out, b_held_out)), []
    found = compare_cycle(
        config, cycle, (a_held_out, b_held_out), kind_of, feature_extractor("mnist"), lambda *done: told.append(done)
    ).figures
    assert told[-1] == (2 * COUNT, 2 * COUNT)
    assert told == sorted(told)
    for way in ("A to B", "B to A"):
        assert found[way]["back"] == 0
        if right:
            assert found[way]["style"] > 0.95
            assert found[way]["recognised"] > 0.95
            assert found[way]["fid"] == pytest.approx(0, abs=1e-3)
            assert found[way]["l1"] == 0
        else:
            assert found[way]["style"] < 0.05
            assert found[way]["recognised"] < 0.6
            assert found[way]["fid"] > 50
            assert found[way]["l1"] > 0.5
    for kind in "AB":
        assert min(found[f"real {kind}"]["style"], found[f"real {kind}"]["recognised"]) > 0.95


@pytest.mark.parametrize("name", ["translated", "targets", "median filter, 3 × 3", "a run"])
def test_another_run_replaces_no_row_of_the_table(name, digits):
    config = EnhanceConfig.of(task="denoise", channels=1, width=2)
    gan, few = translator_of(config, "cpu"), [part.part(slice(20)) for part in digits]
    found = compare(config, making(gan, nn.Identity()), *few, others={name: making(gan, Inverse())}).figures
    assert len(found) == 4
    assert found["a run" if name == "a run" else f"the run {name}"]["psnr"] < found["translated"]["psnr"]


def test_few_images_of_two_domains_are_told_apart(digits):
    """With two epochs, as for many images, one domain would be taken for the other."""
    a, b = digits[0].part(slice(20)), digits[0].part(slice(20, 40))
    b = dataclasses.replace(b, images=thick(b.images))
    kind_of = style_classifier(CycleConfig.of(), (a, b), (a, b))
    assert [(kind_of.labels(part.images) == kind).mean() > 0.9 for kind, part in enumerate((a, b))] == [True, True]


def test_images_of_each_are_those_of_the_means(digits):
    config = EnhanceConfig.of(task="denoise", channels=1, width=2)
    found = compare(config, making(translator_of(config, "cpu"), nn.Identity()), *digits)
    assert found.each["translated"]["psnr"].shape == (COUNT,)
    np.testing.assert_array_equal(found.names["translated"], np.arange(COUNT))
    assert found.figures["translated"]["psnr"] == pytest.approx(np.mean(found.each["translated"]["psnr"]))
