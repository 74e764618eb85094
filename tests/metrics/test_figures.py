"""Metrics as they are declared: what tables and logs show is what they compute."""

import numpy as np
import pytest

from rawgan.data import ring8
from rawgan.metrics import FIGURES, METRICS, compute, evaluate_points
from rawgan.metrics.figures import metrics_of
from rawgan.metrics.figures.metric import (
    INPUTS,
    Classes,
    ClassReference,
    Features,
    ImagePairs,
    Labelled,
    Points,
    TrainingImages,
)
from rawgan.random import make_rng


def inputs(kind):
    rng = make_rng(0, "inputs")
    probabilities = rng.dirichlet(np.ones(4), 40)
    images = rng.integers(0, 256, (2, 6, 16, 16, 1)).astype(np.uint8)
    return {
        Features: lambda: Features(*rng.normal(size=(2, 40, 3))),
        Classes: lambda: Classes(probabilities, ClassReference(40, np.full(4, 0.25), np.eye(4))),
        Labelled: lambda: Labelled(probabilities, rng.integers(0, 4, 40)),
        Points: lambda: Points(ring8().sample(50, rng), ring8()),
        ImagePairs: lambda: ImagePairs(*images),
        TrainingImages: lambda: TrainingImages(*images),
    }[kind]()


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_a_metric_computes_the_figures_that_it_declares(metric):
    values = metric.compute(inputs(metric.takes))
    known = {"classes": 4, **expected_of(metric)}
    for figure in metric.figures:
        assert f"{np.mean(values[figure.name]):{figure.format}}"
        assert figure.label.format(**known)
        assert figure.remark.format(**known)
    assert metric.takes in INPUTS


def expected_of(metric):
    reference = ClassReference(40, np.full(4, 0.25), np.eye(4))
    return metric.expected(reference) if metric.expected else {}


def test_figures_are_in_the_order_of_tables():
    known = [
        "fid", "kid", "precision", "density", "recall", "coverage", "classifier_score", "modes",
        "modes_of_least_count", "reverse_kl", "label_kept", "high_quality", "unmatched", "psnr", "l1", "ssim",
        "nearest",
    ]  # fmt: skip
    assert [name for name in FIGURES if name in known] == known


def test_all_metrics_of_an_input_are_computed_at_once():
    sample = inputs(ImagePairs)
    assert [*compute(sample)] == ["psnr", "l1", "ssim"]
    small = ImagePairs(sample.images[:, :8, :8], sample.targets[:, :8, :8])
    assert [*compute(small)] == ["psnr", "l1"]  # SSIM's window does not fit


def test_points_are_measured_as_a_metric_is():
    sample = inputs(Points)
    (metric,) = metrics_of(Points)
    assert metric.compute(sample) == evaluate_points(sample.points, sample.mixture)


def test_a_tuple_of_digits_has_an_error_for_each():
    reference = ClassReference(40, np.full(1000, 1e-3), np.eye(10))
    assert (reference.classes, reference.digits) == (1000, 3)
    assert ClassReference(40, np.full(4, 0.25), None).digits == 1
