"""Every two options that a command takes together train to finite numbers; every two that it refuses are listed.

Combinations of options are covering arrays, in which each pair of their values occurs: the fewer, the better, as every
one is trained for 10 steps. All start from 8 × 8 or 16 × 16 pixels and a width of 2.
"""

from functools import cache

import numpy as np
import pytest
from covering import covering_array
from PIL import Image

from rawgan.config.noise import TrainConfig
from rawgan.config.options import options_of
from rawgan.config.translation import CycleConfig, EnhanceConfig, Pix2pixConfig
from rawgan.errors import ArgumentError, DataError
from rawgan.metrics.extractors.classifier import Classifier, ClassifierSpec
from rawgan.training import Trainer
from rawgan.training.state import arrays_of

STEPS = 10
PARTS = 4
"""Tests of each command, which can run at the same time."""

OF_EVERY_RUN = {
    "objective": ["non-saturating", "minimax", "least-squares", "hinge", "wasserstein", "relativistic"],
    "penalty": ["none", "r1", "r2", "r1+r2", "wgan-gp", "dragan"],
    "spectral_norm": [False, True],
    "precision": ["float32", "bf16"],
    "penalty_weight": [None, 0.1],
    "penalty_every": [1, 2],
    "smooth_real": [0.0, 0.1],
    "smooth_fake": [0.0, 0.1],
    "instance_noise": [0.0, 0.5],
    "noise_steps": [3000, 1],
    "ema": [0.998, 0.0],
    "learning_rate": [None, 5e-4],
    "d_learning_rate": [None, 1e-4],
    "half_life": [0, 1],
    "width": [2, 1],
    "d_width": [None, 3],
    "samples": [4, 1],
    "seed": [0, 2**64 - 1],
    "backend": ["cpu", "reference"],
    "on_nonfinite": ["stop", "rollback"],
}
OF_TRANSLATORS = {"batch_size": [4, 1], "patch": [16, 34], "channels": [None, 3]}

VALUES = {
    "train": {
        "model": ["dcgan", "tutorial", "residual", "attention", "style", "mlp"],
        "data": ["labelled", "ring8"],
        **OF_EVERY_RUN,
        "g_penalty": ["none", "path-length"],
        "g_penalty_weight": [None, 0.1],
        "g_penalty_every": [1, 2],
        "augment": ["none", "diffaugment", "ada"],
        "augment_target": [None, 0.3],
        "augment_images": [None, 100],
        "mirror": [False, True],
        "conditional": ["none", "projection", "auxiliary"],
        "classes": [None, 3],
        "pack": [1, 2],
        "batch_size": [8, 2, 1],
        "d_steps": [1, 2],
        "g_steps": [1, 2],
        "noise_size": [4, 1],
        "channels": [None, 3],
        "image_size": [8, 10],
    },
    "pix2pix": {
        "model": ["unet", "resnet"],
        "source": ["edges", "grey", "regions", "side-by-side", "two folders"],
        "reverse": [False, True],
        **OF_EVERY_RUN,
        **OF_TRANSLATORS,
        "pixel_weight": [100.0, 0.0],
        "adversarial_weight": [1.0, 0.0],
        "feature_weight": [0.0, 0.1],
    },
    "enhance": {
        "lost": ["half of the pixels", "most pixels", "clarity", "a part"],
        "model": [None, "unet", "resnet", "subpixel"],
        "source": ["file", "folder"],
        "whole": [False, True],
        **OF_EVERY_RUN,
        **OF_TRANSLATORS,
        "pixel_weight": [100.0, 0.0],
        "adversarial_weight": [1.0, 0.0],
        "feature_weight": [0.0, 0.1],
    },
    "cyclegan": {
        "model": ["resnet", "unet"],
        "other": ["thick", "slanted", "inverted", "all styles", "other images"],
        **OF_EVERY_RUN,
        **OF_TRANSLATORS,
        "cycle_weight": [10.0, 0.0],
        "identity_weight": [5.0, 0.0],
        "history": [50, 1, 0],
    },
}
"""Values of the options of each command. `source`, `lost` and `other` stand for several options: see `config_of`."""

STAND_FOR = {
    "source": {"data", "pairs", "targets"},
    "lost": {"task", "factor", "noise", "hole"},
    "other": {"targets", "style"},
    "feature_weight": {"features"},
}
OF_FILES_AND_MACHINES = {
    "checkpoint_every", "config", "cuda_graph", "data", "device", "dry_run", "epochs", "evaluate_every",
    "evaluate_features", "evaluate_samples", "fit", "image_size", "init", "init_digest", "keep", "out", "resume",
    "sample_every", "skip_broken", "source_channels", "steps", "class_names", "white", "targets_white",
}  # fmt: skip
"""Options without influence on the computation, and the size of the images, of which only `train` tries two."""

KINDS = {
    "train": TrainConfig,
    "pix2pix": Pix2pixConfig,
    "enhance": EnhanceConfig,
    "cyclegan": CycleConfig,
}
LOST = {
    "half of the pixels": {"task": "super-resolution", "factor": 2},
    "most pixels": {"task": "super-resolution", "factor": 8},
    "clarity": {"task": "denoise", "noise": 0.3},
    "a part": {"task": "inpaint", "hole": 5},
}

NO_TARGETS = [
    ("objective hinge", "smooth_fake 0.1"), ("objective hinge", "smooth_real 0.1"),
    ("objective relativistic", "smooth_fake 0.1"), ("objective relativistic", "smooth_real 0.1"),
    ("objective wasserstein", "smooth_fake 0.1"), ("objective wasserstein", "smooth_real 0.1"),
]  # fmt: skip
NO_PENALTY = [("penalty none", "penalty_every 2"), ("penalty none", "penalty_weight 0.1")]
REFUSED = {
    "train": [
        *NO_TARGETS,
        *NO_PENALTY,
        *((f"model {model}", f"penalty {name}") for model in ("dcgan", "tutorial")
          for name in ("r1", "r2", "r1+r2", "wgan-gp", "dragan")),  # D has batch norm
        *((f"model {model}", name) for model in ("dcgan", "tutorial")
          for name in ("penalty_every 2", "penalty_weight 0.1")),
        *((f"model {model}", "batch_size 1") for model in ("dcgan", "tutorial")),  # batch norm of vectors
        *((f"model {model}", "data ring8") for model in ("dcgan", "tutorial", "residual", "attention", "style")),
        *((f"model {model}", name) for model in ("dcgan", "tutorial", "residual", "attention")  # G has batch norm
          for name in ("g_penalty path-length", "g_penalty_every 2", "g_penalty_weight 0.1")),
        ("g_penalty none", "g_penalty_every 2"), ("g_penalty none", "g_penalty_weight 0.1"),
        *((f"augment {name}", other) for name in ("none", "diffaugment")
          for other in ("augment_target 0.3", "augment_images 100")),
        ("model mlp", "data labelled"),
        *((one, other) for one in ("model mlp", "data ring8")
          for other in ("conditional projection", "conditional auxiliary", "classes 3", "channels 3", "image_size 8",
                        "image_size 10", "augment diffaugment", "augment ada", "augment_target 0.3",
                        "augment_images 100", "mirror True")),
        ("conditional none", "classes 3"),
        ("conditional projection", "pack 2"), ("conditional auxiliary", "pack 2"), ("classes 3", "pack 2"),
        ("pack 2", "batch_size 1"),
    ],
    "pix2pix": [
        *NO_TARGETS,
        *NO_PENALTY,
        *((f"source {made}", "reverse True") for made in ("edges", "grey", "regions")),
        ("source grey", "channels None"),
        *((one, "feature_weight 0.1") for one in ("channels 3", "source grey")),  # the classifier is of grey images
    ],
    "enhance": [
        *NO_TARGETS,
        *NO_PENALTY,
        *((f"lost {lost}", f"model {model}") for lost in ("half of the pixels", "most pixels")
          for model in ("unet", "resnet")),
        *((f"lost {lost}", "model subpixel") for lost in ("clarity", "a part")),
        ("source file", "whole True"),
        ("channels 3", "feature_weight 0.1"),
    ],
    "cyclegan": [*NO_TARGETS, *NO_PENALTY],
}  # fmt: skip
"""Pairs of options that make no sense together, by command."""


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """A folder with data: random images that differ, with labels, as files and folders."""
    place = tmp_path_factory.mktemp("data")
    rng, labels = np.random.default_rng(0), np.arange(48) % 3

    def images(height, width):
        noise = rng.normal(60, 40, (48, height, width))
        return np.clip(noise + 50 * labels[:, None, None], 0, 255).astype(np.uint8)

    np.savez(place / "labelled.npz", images=images(8, 8), labels=labels)
    np.save(place / "file.npy", images(16, 16))
    for name, width in (("folder", 40), ("twins", 40), ("side-by-side", 80)):
        (place / name).mkdir()
        for number, image in enumerate(images(40, width)):
            Image.fromarray(image).save(place / name / f"{number}.png")
    (place / "classifier").write_bytes(Classifier(ClassifierSpec(16, 1, 2, "file")).to_bytes())
    return place


def config_of(command, row, places):
    """The configuration that a combination stands for."""
    options = {"width": 2, "samples": 4, "steps": STEPS, **row}
    if command == "train":
        options = {"data": "labelled", "batch_size": 8, "noise_size": 4, **options}
        if options.get("augment_target") or options.get("augment_images"):
            options = {"augment": "ada", **options}
        if options.get("g_penalty_weight") or options.get("g_penalty_every", 1) > 1:
            options = {"model": "style", "g_penalty": "path-length", **options}
        if options["data"] == "labelled":
            options |= {"data": str(places / "labelled.npz"), "image_size": options.get("image_size", 8)}
        return TrainConfig.of(**options)
    options = {"data": str(places / "file.npy"), "image_size": 16, "batch_size": 4, "patch": 16, **options}
    if options.get("feature_weight"):
        options["features"] = str(places / "classifier")
    if command == "enhance":
        options |= LOST[options.pop("lost", "a part" if options.get("model") in ("unet", "resnet") else "most pixels")]
        if options.pop("source", "folder" if options.get("whole") else "file") == "folder":
            options["data"] = str(places / "folder")
    if command == "pix2pix":
        source = options.pop("source", "side-by-side" if options.get("reverse") else "edges")
        if source == "two folders":
            options |= {"data": str(places / "folder"), "targets": str(places / "twins")}
        elif source == "side-by-side":
            options |= {"data": str(places / "side-by-side"), "pairs": source}
        else:
            options["pairs"] = source
    if command == "cyclegan":
        other = options.pop("other", "thick")
        options |= {"targets": str(places / "folder")} if other == "other images" else {}
        options |= {"style": other} if other in ("thick", "slanted", "inverted") else {}
    return KINDS[command].of(**options)


def is_accepted(command, row, places):
    try:
        config_of(command, row, places).check()
    except ArgumentError:
        return False
    # What the files hold is read after the options: a classifier of grey images, and images that are grey.
    coloured = row.get("channels") == 3
    return not (row.get("feature_weight") and coloured) and (row.get("source") != "grey" or coloured)


@cache
def combinations_of(command, places):
    return covering_array(VALUES[command], lambda row: is_accepted(command, row, places))


@pytest.mark.parametrize("command", VALUES)
def test_every_option_is_tried(command):
    stand_for = set().union(*(STAND_FOR.get(name, set()) for name in VALUES[command]))
    options = {*options_of(KINDS[command])}
    assert options - VALUES[command].keys() - stand_for <= OF_FILES_AND_MACHINES
    assert VALUES[command].keys() - options <= STAND_FOR.keys()


@pytest.mark.parametrize("command", VALUES)
def test_the_table_lists_the_refused_pairs(command, places):
    _, refused = combinations_of(command, places)
    assert sorted(tuple(f"{name} {value}" for name, value in pair) for pair in refused) == sorted(REFUSED[command])


@pytest.mark.parametrize("command", VALUES)
def test_every_other_pair_is_in_a_combination(command, places):
    rows, refused = combinations_of(command, places)
    there = {frozenset((one, other)) for row in rows for one in row.items() for other in row.items()}
    values = [(name, value) for name in VALUES[command] for value in VALUES[command][name]]
    wanted = {frozenset((one, other)) for one in values for other in values if one[0] != other[0]}
    assert wanted - {frozenset(pair) for pair in refused} == {pair for pair in there if len(pair) == 2}


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("command", VALUES)
def test_every_combination_trains_to_finite_numbers(command, part, places):
    rows, _ = combinations_of(command, places)
    for row in rows[part::PARTS]:
        training = Trainer(config_of(command, row, places))
        before = arrays_of(training.gan)
        for number in range(1, STEPS + 1):
            assert np.isfinite(list(training.step(number).values())).all(), row
        after = arrays_of(training.gan)
        assert [name for name, array in after.items() if not np.isfinite(array).all()] == [], row
        assert np.isfinite(training.task.sample()).all(), row
        assert any(not np.array_equal(before[name], after[name]) for name in before if name.startswith("disc")), row


def test_greys_of_grey_images_are_refused(places):
    with pytest.raises(DataError, match="its images are grey already"):
        Trainer(config_of("pix2pix", {"source": "grey"}, places))


@pytest.mark.parametrize("command", ["pix2pix", "enhance"])
def test_a_classifier_of_other_images_is_refused(command, places):
    with pytest.raises(ArgumentError, match="the classifier is of file, images of 16 pixels and 1 channel, not of"):
        Trainer(config_of(command, {"feature_weight": 0.1, "channels": 3}, places))
