"""Batch norm drift: running statistics differ from those of the batches."""

import numpy as np

from rawgan.diagnosis.probe import Probe
from rawgan.diagnosis.symptom import Symptom, SymptomCheck, layers_with, worst_layer

NAME = "batch norm drift"
MOST_SHIFT = 1.0
"""Standard deviations. Healthy: up to 0.2."""
MOST_STRETCH = 2.0
"""A factor. Healthy: up to 1.2."""
MOST_OFF = 50.0
"""Per cent. Healthy: up to 20."""


def batch_norm_drift(seen: Probe) -> list[Symptom]:
    """Running statistics that differ from the batch's: then samples are not the images that G is trained by.

    Of G alone: D is always used with the batch's statistics.
    """
    layers = layers_with(seen, "shift", "generator")
    if not layers:
        return []
    remedy = "BatchNorm(…, momentum=0.1), a lower --learning-rate, or a larger --batch-size"
    off = 100 * float(np.sqrt(np.square(seen.evaluated - seen.fake).mean(dtype=np.float64)) / (seen.real.std() or 1))
    figure = "samples to images in training, relative to the data's deviation"
    return [
        *worst_layer(NAME, "running mean to the batch's", layers, "shift", " deviations", MOST_SHIFT, remedy),
        *worst_layer(NAME, "running deviation to the batch's", layers, "stretch", " times", MOST_STRETCH, remedy),
        Symptom(NAME, figure, "generator", off, " %", None, MOST_OFF, remedy),
    ]


CHECK = SymptomCheck(NAME, "running statistics differ from the batches'", lambda it: batch_norm_drift(it.seen))
