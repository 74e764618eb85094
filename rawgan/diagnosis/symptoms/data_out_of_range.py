"""Data out of range: real images that G cannot make, or that are all one image."""

from typing import Any

import numpy as np

from rawgan.diagnosis.symptom import Symptom, SymptomCheck

NAME = "data out of range"
DARK = -0.1
"""Data whose smallest number is above this lies in [0, 1], where a tanh spends half its range on nothing."""


def data_out_of_range(real: np.ndarray[Any, Any], tanh: bool) -> list[Symptom]:
    """Real images that a tanh cannot make, that leave out half of its range, or that are all the same.

    Shapes: real (N, …)
    """
    found, scale = [], "scale it to [−1, 1]: x / 127.5 − 1 for bytes, 2 · x − 1 for what is in [0, 1]"
    if tanh:
        found = [
            Symptom(NAME, "largest size of a number", "data", float(np.abs(real).max()), "", None, 1.001, scale),
            Symptom(NAME, "smallest number", "data", float(real.min()), "", None, DARK, scale),
        ]
    if len(real) < 2:  # nobody can say whether others are like a single image
        return found
    deviation, remedy = float(real.std(0, dtype=np.float64).max()), "look at --data: the images are all the same"
    return [*found, Symptom(NAME, "deviation among images", "data", deviation, "", 0.01, None, remedy)]


CHECK = SymptomCheck(
    NAME, "real images that G cannot make", lambda it: data_out_of_range(it.seen.real, it.seen.tanh), early=True
)
