"""Exploding layers: they enlarge activations or gradients far more than others."""

from rawgan.diagnosis.gains import GAINS, MOST_GAIN
from rawgan.diagnosis.probe import Probe
from rawgan.diagnosis.symptom import Symptom, SymptomCheck, layers_with, worst_layer

NAME = "exploding layers"


def exploding_layers(seen: Probe) -> list[Symptom]:
    """The layer that enlarges activations most, and the one that enlarges gradients most."""
    remedy = "a lower --learning-rate, --spectral-norm, batch norm, or smaller weights to begin with (nn.init)"
    found = []
    for key, figure in GAINS.items():
        found += worst_layer(NAME, figure, layers_with(seen, key), key, " times", MOST_GAIN, remedy)
    return found


CHECK = SymptomCheck(NAME, "a layer enlarges activations or gradients by far", lambda it: exploding_layers(it.seen))
