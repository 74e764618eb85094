"""Options declared as fields: groups, flat names, ranges, defaults that follow from other options."""

import dataclasses
import json
import re
from types import SimpleNamespace
from typing import Annotated, Literal

import pytest

from rawgan.cli import main
from rawgan.cli.docstrings import help_of
from rawgan.cli.training import asked_for
from rawgan.config.commands import CONFIGS
from rawgan.config.noise import FOR_POINTS, TrainConfig
from rawgan.config.options import (
    Above,
    Below,
    Changeable,
    Group,
    Named,
    OneOf,
    Place,
    Range,
    composed,
    flat,
    names_with,
    options_of,
    replaced,
)
from rawgan.config.translation import CycleConfig, EnhanceConfig, Pix2pixConfig
from rawgan.errors import ArgumentError, ConfigError
from rawgan.gan import MODELS

GASES = {"nitrox": SimpleNamespace(summary="for short dives"), "trimix": SimpleNamespace(summary="for deep ones")}


@dataclasses.dataclass(frozen=True)
class Air(Group):
    """Something to breathe."""

    name: Annotated[str, Named("air"), OneOf(GASES)] = "nitrox"
    """Gas."""
    pressure: Annotated[int, Named("air_pressure"), Range(1, 300)] = 200
    """Pressure, in bar."""


@dataclasses.dataclass(frozen=True)
class Expedition:
    """Go far down."""

    air: Air = Air(pressure=100)
    days: int = 1
    """Length."""


def test_options_of_groups_are_flat_and_may_have_other_defaults():
    assert list(options_of(Expedition)) == ["air", "air_pressure", "days"]
    assert flat(composed(Expedition, {"days": 2})) == {"air": "nitrox", "air_pressure": 100, "days": 2}
    changed = replaced(Expedition(), {"air_pressure": 7})
    assert (changed.air.pressure, changed.air.name) == (7, "nitrox")
    assert Expedition().air.pressure == 100


@pytest.mark.parametrize(
    ("marker", "wrong", "message"),
    [
        (Range(1, 9), 0, "pace must lie in 1 ... 9, but is 0"),
        (Range(0, 9), float("nan"), "pace must lie in 0 ... 9, but is nan"),
        (Above(0, 10), 0, "pace must be more than 0 and at most 10, but is 0"),
        (Above(0, 10), 11, "pace must be more than 0 and at most 10, but is 11"),
        (Above(0, float("inf")), float("inf"), "pace must be more than 0 and finite, but is inf"),
        (Below(0, 1), 1, "pace must be at least 0 and less than 1, but is 1"),
        (OneOf(("slow", "fast")), "fats", "there is no pace 'fats'; did you mean fast?"),
        (OneOf(("slow", "fast")), "x", "there is no pace 'x'; choose one of: slow, fast"),
        (Place(), "", "pace must be the name of a set or the path of a folder or file, but is ''"),
    ],
)
def test_a_marker_refuses_in_one_sentence(marker, wrong, message):
    with pytest.raises(ArgumentError) as error:
        marker.check("pace", wrong)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("kind", "right", "wrong", "words"),
    [
        (int, [1], [1.0, True, "1"], "int"),
        (float, [1, 1.5], [True, "1"], "float"),
        (bool, [True], [1], "bool"),
        (str | None, ["a"], [1], "str"),
        (Literal["a", "b"], ["a"], ["c", 1], "'a' or 'b'"),
        (tuple[str, ...], [["a"], ("a",)], [["a", 1], "a"], "a list of names"),
        (Annotated[str, OneOf(("a", "b"))], ["a"], ["c", 1, []], "'a' or 'b'"),
    ],
)
def test_values_of_toml_have_the_type_of_the_option(kind, right, wrong, words):
    cls = dataclasses.make_dataclass("Some", [("x", kind, None)], frozen=True)
    option = options_of(cls)["x"]
    assert all(option.accepts(value) for value in right)
    assert not any(option.accepts(value) for value in wrong)
    assert option.in_words == words


def test_ranges_and_names_are_those_of_the_fields():
    with pytest.raises(ArgumentError, match=r"^air_pressure must lie in 1 \.\.\. 300, but is 301$"):
        composed(Expedition, {"air_pressure": 301}).air.check()
    with pytest.raises(ArgumentError, match=r"^there is no air 'trimx'; did you mean trimix\?$"):
        Air(name="trimx").check()
    with pytest.raises(TypeError, match=r"^Expedition has no option 'pressure'$"):
        composed(Expedition, {"pressure": 3})


def test_no_two_groups_have_an_option_of_the_same_name():
    for kind in CONFIGS:
        groups = [option.group for option in options_of(kind).values()]
        fields = sum(len(dataclasses.fields(f.default)) for f in dataclasses.fields(kind) if f.name != "seed")
        assert len(groups) == fields + 1


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_command_has_the_options_that_it_needs(kind):
    """No option is there only to be refused."""
    options = options_of(kind).keys()
    of_noise = {
        "noise_size", "conditional", "classes", "pack", "d_steps", "g_steps", "evaluate_features", "cuda_graph",
        "augment", "mirror",
    }  # fmt: skip
    assert options & of_noise == (of_noise if kind is TrainConfig else set())
    assert ("patch" in options) == (kind is not TrainConfig)
    assert ("task" in options) == (kind is EnhanceConfig)
    assert ("cycle_weight" in options) == (kind is CycleConfig)
    assert ("pairs" in options) == (kind is Pix2pixConfig)


def test_what_may_change_when_a_run_is_resumed():
    assert names_with(TrainConfig, Changeable) == {
        "steps", "epochs", "learning_rate", "d_learning_rate", "device", "backend", "cuda_graph", "precision",
        "checkpoint_every", "keep", "on_nonfinite",
    }  # fmt: skip
    assert names_with(Pix2pixConfig, Place) == {"data", "targets", "features"}


# --- defaults --------------------------------------------------------------------------------------------------------


def test_defaults_suit_the_data_unless_they_are_given():
    config = TrainConfig.of(data="ring8", width=5)
    assert config.options.items() >= (FOR_POINTS | {"width": 5, "d_width": 5, "steps": 8000}).items()
    assert config.penalty.weight == 0.003
    assert TrainConfig.of(data="ring8", penalty="none").penalty.weight is None


def test_the_help_names_the_rate_of_every_model():
    text = help_of(options_of(TrainConfig)["learning_rate"])
    for model in MODELS.values():
        assert re.search(rf"[( ]{model.name} {model.learning_rate:g}[,)]", text)


def test_what_follows_from_an_option_follows_when_that_changes():
    config = TrainConfig.of(width=16, penalty="r1")
    assert (config.networks.d_width, config.penalty.weight) == (16, 1.0)
    changed = config.replace(width=8, penalty="dragan", model="residual")
    assert (changed.networks.d_width, changed.penalty.weight, changed.optimiser.learning_rate) == (8, 10.0, 0.0002)
    kept = TrainConfig.of(width=16, d_width=4, learning_rate=0.5).replace(width=8, model="residual")
    assert (kept.networks.d_width, kept.optimiser.learning_rate, kept.optimiser.d_learning_rate) == (4, 0.5, 0.5)
    assert config.replace(epochs=2.0).optimiser.steps is None
    assert CycleConfig.of().replace(learning_rate=0.001).optimiser.d_learning_rate == 0.001


@pytest.fixture
def sagan(monkeypatch):
    """A model with defaults of its own."""
    defaults = {"objective": "hinge", "spectral_norm": True, "width": 24}
    monkeypatch.setitem(MODELS, "sagan", dataclasses.replace(MODELS["residual"], name="sagan", defaults=defaults))


def chosen(config):
    """Options of a model that has its own defaults."""
    options = config.options
    return options["objective"], options["spectral_norm"], options["width"], options["d_width"]


def test_a_models_own_defaults_unless_options_are_given(sagan):
    assert chosen(TrainConfig.of(model="sagan")) == ("hinge", True, 24, 24)
    given = TrainConfig.of(model="sagan", objective="non-saturating", spectral_norm=False)
    assert chosen(given) == chosen(given.replace(seed=1)) == ("non-saturating", False, 24, 24)
    assert chosen(TrainConfig.of().replace(model="sagan", width=3)) == ("hinge", True, 3, 3)
    assert TrainConfig.of(model="sagan").replace(model="dcgan") == TrainConfig.of(model="dcgan")
    written = {name: value for name, value in given.to_dict().items() if value is not None}
    assert TrainConfig.from_dict(written, "config.toml") == given


def test_own_defaults_of_a_model_that_a_flag_or_a_file_names(sagan, tmp_path, capsys):
    ours, theirs, of_a_run = (tmp_path / f"{name}.toml" for name in ("ours", "theirs", "run"))
    ours.write_text('objective = "non-saturating"\n')
    theirs.write_text('model = "sagan"\nwidth = 4\n')
    dumped = {name: value for name, value in TrainConfig.of().to_dict().items() if value is not None}
    of_a_run.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in dumped.items()))
    for flags, expected in (
        (["--model", "sagan"], ("hinge", True, 24, 24)),
        (["--model", "sagan", "--objective", "non-saturating"], ("non-saturating", True, 24, 24)),
        (["--model", "sagan", "--no-spectral-norm"], ("hinge", False, 24, 24)),
        (["--model", "sagan", "--config", str(ours)], ("non-saturating", True, 24, 24)),
        (["--model", "sagan", "--config", str(of_a_run)], ("hinge", True, 24, 24)),
        (["--config", str(theirs)], ("hinge", True, 4, 4)),
        (["--config", str(theirs), "--model", "dcgan"], ("non-saturating", False, 4, 4)),
    ):
        *_, config = asked_for(flags, TrainConfig)
        assert chosen(config) == expected, flags
    with pytest.raises(SystemExit):
        main(["train", "--model", "sagan", "--help"])
    assert "default: hinge" in " ".join(capsys.readouterr().out.split())


def test_a_model_that_was_chosen_stays():
    assert EnhanceConfig.of(task="denoise", model="resnet").replace(seed=1).model == "resnet"
    assert EnhanceConfig.of(task="denoise").replace(task="super-resolution").model == "subpixel"


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_configuration_survives_its_file(kind):
    config = kind.of(seed=3, width=8)
    written = {name: value for name, value in config.to_dict().items() if value is not None}
    assert kind.from_dict(written, "config.toml") == config
    assert kind.of() == kind.from_dict({}, "config.toml")


def test_a_name_that_is_no_option_is_refused():
    with pytest.raises(TypeError, match=r"^TrainConfig has no option 'widht'$"):
        TrainConfig.of(widht=3)
    with pytest.raises(ConfigError, match=r"^a\.toml: there is no option 'widht'; did you mean width\?\n"):
        TrainConfig.from_dict({"widht": 3}, "a.toml")
    with pytest.raises(ConfigError, match=r"^a\.toml is of rawgan 'enhance', not of rawgan train"):
        TrainConfig.from_dict({"command": "enhance"}, "a.toml")
