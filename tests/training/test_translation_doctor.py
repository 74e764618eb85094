"""The doctor on translators and enhancers."""

import json

import pytest
from translation_runs import TINY

from rawgan.cli import main
from rawgan.config.translation import CycleConfig, EnhanceConfig, Pix2pixConfig
from rawgan.training import Trainer


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
