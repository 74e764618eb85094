"""D overfits: it tells the training images from others like them, instead of real images from generated ones."""

import numpy as np

from rawgan.diagnosis.held_out import LogitsOfD
from rawgan.diagnosis.symptom import Symptom, SymptomCheck

NAME = "D overfits"
MOST_SHARE = 0.5
"""Share of D's distance between training and generated images that separates training from held-out images. 0: D judges
both alike; 1: held-out images look generated to it. Healthy: -0.1 to 0.2."""
DEVIATIONS = 3.0
"""Standard errors by which the share may exceed that by chance."""


def d_overfits(logits: LogitsOfD | None) -> list[Symptom]:
    """(E D(training) − E D(held out)) / (E D(training) − E D(generated)), the heuristic r_v of ADA.

    Its standard error is that of the numerator, relative to the denominator. Where D does not tell training images from
    generated ones either, by as many standard errors, there is nothing to divide by, and no figure.

    Source: Karras et al. 2020 (ADA), equation 1
    """
    if logits is None:
        return []
    training, held_out, generated = (float(each.mean(dtype=np.float64)) for each in logits)
    of_training, of_held_out, of_generated = (each.var(dtype=np.float64) / len(each) for each in logits)
    gap, distance = training - held_out, training - generated
    if not distance > DEVIATIONS * float(np.sqrt(of_training + of_generated)):
        return []
    chance = DEVIATIONS * float(np.sqrt(of_training + of_held_out)) / distance
    figure = "distance of its logits from training to held-out images, relative to that to generated ones"
    place = f"discriminator, {len(logits.held_out)} held-out images"
    remedy = "--augment diffaugment, or --augment ada; more images; a smaller --d-width"
    return [Symptom(NAME, figure, place, gap / distance, "", None, MOST_SHARE + chance, remedy)]


CHECK = SymptomCheck(NAME, "D knows its training images by heart", lambda it: d_overfits(it.logits))
