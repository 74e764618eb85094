"""Samples unlike the data: of the first steps, or of a training that is too short."""

from rawgan.diagnosis.distances import distances, distances_within
from rawgan.diagnosis.probe import Probe
from rawgan.diagnosis.symptom import Symptom, SymptomCheck

NAME = "not trained yet, or unlike the data"
MOST_UNLIKE = 0.2
"""Energy distance from samples to the data, divided by the mean distance of two real images. Healthy: below 0.06 from
step 200 on, later below 0.01. First legible digits: 0.1. Noise, or the mean of all digits: 0.3 to 1.5."""
CHANCE = 4.0
"""This, divided by the number of images, is how much further two sets of real images may seem from each other."""


def unlike_data(seen: Probe) -> list[Symptom]:
    """The energy distance of Székely and Rizzo, 2 E‖x − y‖ − E‖x − x′‖ − E‖y − y′‖, from samples to real images.

    It is 0 for two sets of one distribution, whatever that is, and needs no network that knows such data.
    """
    if len(seen.real) < 2:
        return []
    among, _ = distances_within(seen.real)
    if not among:  # all images are the same, which is a symptom of its own
        return []
    value = (2 * float(distances(seen.real, seen.samples).mean()) - among - distances_within(seen.samples)[0]) / among
    figure, most = "energy distance to the data, relative to distances in it", MOST_UNLIKE + CHANCE / len(seen.real)
    remedy = (
        "train for longer, by --resume and more --steps; where the figure no longer falls, "
        "another --learning-rate, --objective or --model"
    )
    return [Symptom(NAME, figure, "samples", value, "", None, most, remedy, waits=True)]


CHECK = SymptomCheck(NAME, "samples far from real images", lambda it: unlike_data(it.seen), early=True)
