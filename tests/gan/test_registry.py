"""Registration by definition: a file in a folder is all that a network, an objective or a penalty needs."""

import importlib
import sys

import numpy as np
import pytest

from rawgan import Tensor
from rawgan.errors import ArgumentError
from rawgan.gan import MODELS, OBJECTIVES, PENALTIES, TRANSLATORS, ImageSpec, LossConfig, build, train_step
from rawgan.gan.objectives import Objective, PairedLosses
from rawgan.gan.penalties import Penalty
from rawgan.registry import collect

R3 = """
from rawgan.gan.penalties.penalty import Penalty

def r3(discriminate, real, fake, rng):
    return discriminate(real).mean()

R3 = Penalty("r3", "nowhere", r3, weight=7.0)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Make a package of files with these contents, and import it."""
    names = iter("abc")

    def made(**files):
        package = tmp_path / f"package_{next(names)}_{tmp_path.name.replace('-', '_')}"
        package.mkdir()
        for name, content in {"__init__": "", **files}.items():
            (package / f"{name}.py").write_text(content)
        return importlib.import_module(package.name)

    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield made
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_file_in_the_folder_is_all_that_a_new_entry_needs(folder):
    package = folder(new=R3, helper="NUMBER = 3\n", copy_of_new="from .new import R3\n")
    found = collect(package.__name__, package.__path__, Penalty, "penalty")
    assert found.names == ("r3",)
    assert found.help == "r3: nowhere"
    assert found.find("r3").weight == 7.0


def test_two_entries_of_one_name_are_refused(folder):
    package = folder(one=R3, other=R3)
    with pytest.raises(ArgumentError, match="there is another penalty 'r3'; rename one"):
        collect(package.__name__, package.__path__, Penalty, "penalty")


@pytest.mark.parametrize("registry", [MODELS, OBJECTIVES, PENALTIES, TRANSLATORS], ids=lambda registry: registry.noun)
def test_an_unknown_name_is_told_the_known_ones(registry):
    with pytest.raises(ArgumentError, match=f"there is no {registry.noun} 'x'; choose one of: {registry.names[0]}"):
        registry.find("x")


@pytest.mark.parametrize("registry", [MODELS, OBJECTIVES, PENALTIES, TRANSLATORS], ids=lambda registry: registry.noun)
def test_summaries_fit_into_a_list(registry):
    for name, entry in registry.items():
        assert entry.name == name
        assert entry.summary
        assert not entry.summary.endswith(".")
        assert len(entry.summary) < 100


def test_a_registered_penalty_is_trained_with(monkeypatch):
    seen = []

    def value(discriminate, real, fake, rng):
        seen.append(real.shape)
        return (discriminate(real) * 0.0).sum()

    monkeypatch.setitem(PENALTIES, "mine", Penalty("mine", "for a test", value, weight=1.0))
    gan = build("residual", ImageSpec(8), width=2, noise_size=3)
    real = Tensor(np.zeros((4, 8, 8, 1), np.float32))
    train_step(gan, real, gan.noise(0, "z", 4), LossConfig(penalty="mine"))
    assert seen == [(4, 8, 8, 1)]


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=lambda objective: objective.name)
def test_objectives_say_how_they_are_made(objective: Objective):
    assert objective.paired == isinstance(objective.losses(), PairedLosses)
    if not objective.smoothable:
        with pytest.raises(TypeError):
            objective.losses(0.1, 0.1)
