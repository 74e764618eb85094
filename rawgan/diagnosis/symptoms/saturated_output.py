"""Saturated output: G's tanh is at its ends for nearly all pixels."""

import numpy as np

from rawgan.diagnosis.probe import Probe
from rawgan.diagnosis.symptom import Symptom, SymptomCheck

SATURATED = 0.999
"""A pixel beyond ± this has come through a tanh whose slope is below 0.002."""


def saturated_output(seen: Probe) -> list[Symptom]:
    """Share of pixels at the ends of a tanh, far beyond the share in the data: no gradient gets through."""
    if not seen.tanh:
        return []
    fake, real = (100 * float((np.abs(images) > SATURATED).mean()) for images in (seen.fake, seen.real))
    figure, most = f"pixels beyond ±{SATURATED}, of the data {real:.3g} %", max(real + 0.75 * (100 - real), 50.0)
    remedy = "a lower --learning-rate; smaller weights in G's last layer"
    return [Symptom("saturated output", figure, "generator", fake, " %", None, most, remedy)]


CHECK = SymptomCheck("saturated output", "a tanh at its ends", lambda it: saturated_output(it.seen))
