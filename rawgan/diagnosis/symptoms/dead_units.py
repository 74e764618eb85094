"""Dead units: channels behind a ReLU that no image wakes."""

from rawgan.diagnosis.probe import Layer, Probe
from rawgan.diagnosis.symptom import Symptom, SymptomCheck, layers_with, worst_layer

MOST_DEAD = 50.0
"""Per cent of a layer's channels. Healthy: 0, but for wide layers on few dimensions; see LEAST_ALIVE."""
LEAST_ALIVE = 2
"""Units that have to be left in a layer without batch norm, for each dimension of what passes through it: 2 k units of
ReLU can pass on all of k dimensions, fewer cannot (Puthawala et al. 2022). A wide mlp on points, which have two, turns
off what it has no use for, and finds all modes: healthy runs of ring8 and grid25 keep 32 to 90 of 256 units."""


def dead_units(seen: Probe) -> list[Symptom]:
    """Channels that are the same number for all images: no gradient goes through them any more.

    Behind batch norm, which moves each channel about 0, at most half may be dead; elsewhere as many as leave enough for
    all dimensions to pass.
    """
    remedy = "a lower --learning-rate; LeakyReLU for ReLU, or batch norm in front of it"

    def most(layer: Layer) -> float:
        normed, enough = layer.shift is not None, LEAST_ALIVE * seen.dimensions
        return MOST_DEAD if normed else max(MOST_DEAD, 100 * (1 - enough / layer.channels))

    layers = layers_with(seen, "dead")
    return worst_layer("dead units", "channels that never change", layers, "dead", " %", most, remedy)


CHECK = SymptomCheck("dead units", "channels that never change", lambda it: dead_units(it.seen))
