"""Mode collapse: few different images for much noise."""

from rawgan.diagnosis.distances import distances_within
from rawgan.diagnosis.probe import Probe
from rawgan.diagnosis.symptom import Symptom, SymptomCheck

LEAST_VARIETY = 0.1
"""Distance between generated images relative to real ones. Healthy: 0.28 and more, later 0.8; stuck on a few: 0."""


def mode_collapse(seen: Probe) -> list[Symptom]:
    """Distances between generated images, relative to real ones. If G makes one kind of image, all are close
    together; if it makes a few kinds, each image has a near twin."""
    remedy = "--penalty r1+r2 --objective relativistic --model residual, or --pack 2; a lower --learning-rate"
    if len(seen.real) < 2:
        return []
    figures = "distance between images, relative to real ones", "distance to the nearest, relative to real ones"
    return [
        Symptom("mode collapse", figure, "generator", fake / real, "", LEAST_VARIETY, None, remedy)
        for figure, fake, real in zip(figures, distances_within(seen.fake), distances_within(seen.real), strict=True)
        if real > 0  # data with twins of its own says nothing about G's
    ]


CHECK = SymptomCheck("mode collapse", "generated images are too much alike", lambda it: mode_collapse(it.seen))
