"""Vanishing layers: next to nothing is left of activations or gradients behind them."""

from rawgan.diagnosis.gains import GAINS, MOST_GAIN
from rawgan.diagnosis.probe import Probe
from rawgan.diagnosis.symptom import Symptom, SymptomCheck, layers_with, worst_layer

NAME = "vanishing layers"
LEAST_UPDATE = 1.0
"""A gradient's rms divided by Adam's ε: below 1, Adam no longer makes up for a small gradient. Healthy: 1000 and
more."""


def vanishing_layers(seen: Probe) -> list[Symptom]:
    """The layer that shrinks activations most, the one that shrinks gradients most, and the smallest gradient of a
    weight."""
    remedy = "batch norm, larger weights to begin with (nn.init), or no layer that saturates, such as Sigmoid"
    found = []
    for key, figure in GAINS.items():
        found += worst_layer(NAME, figure, layers_with(seen, key), key, " times", 1 / MOST_GAIN, remedy, lowest=True)
    if seen.eps:
        place, smallest = min(seen.updates.items(), key=lambda each: each[1])
        figure = "gradient of a weight, divided by Adam's ε"
        found.append(Symptom(NAME, figure, place, smallest / seen.eps, "", LEAST_UPDATE, None, remedy))
    return found


CHECK = SymptomCheck(NAME, "a layer leaves next to nothing", lambda it: vanishing_layers(it.seen))
