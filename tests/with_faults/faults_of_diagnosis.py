"""Faults of the doctor and its probes."""

from fault import Fault

FAULTS = [
    Fault(
        "doctor: the distance to the data ignores that between samples",
        "unlike_data",
        "- among - distances_within(seen.samples)[0]) / among",
        "- 2 * among) / among",
        "test_doctor.py -k real_samples_are_like",
    ),
    Fault(
        "doctor: examines images of G, not of its average",
        "probe",
        "else gan.sampler(latent)",
        "else gan.generator(latent)",
        "test_doctor.py -k those_of_the_average",
    ),
    Fault(
        "doctor: half of the units must be alive in a layer on points",
        "dead_units",
        "return MOST_DEAD if normed else max(",
        "return MOST_DEAD if True else max(",
        "test_doctor.py -k wide_network",
    ),
    Fault(
        "doctor: the median is of the largest distances",
        "distances_within",
        "float(np.median(others.min(1)))",
        "float(np.median(others.max(1)))",
        "test_doctor.py -k mode_collapse",
    ),
    Fault(
        "doctor: D's loss is relative to 0, whatever its targets",
        "d_is_winning",
        "(loss - best) / (guess - best)",
        "loss / guess",
        "test_doctor.py -k every_objective",
    ),
    Fault(
        "doctor: D's layers are examined with generated images",
        "probe",
        "real_logits = gan.discriminate(real, given).logits",
        "real_logits = gan.discriminate(fake.detach(), given).logits",
        "test_doctor.py -k real_images",
    ),
    Fault(
        "doctor: its random draws change the run",
        "unchanged",
        'stack.callback(setattr, bits, "state", bits.state)',
        "stack.callback(setattr, bits, 'state', None) if bits is None else None",
        "test_doctor.py -k stays_as_it_is",
    ),
    Fault(
        "doctor: chance is taken for overfitting",
        "d_overfits",
        "MOST_SHARE + chance",
        "MOST_SHARE - 1.5 * chance",
        "test_doctor.py -k chance_is_no_overfitting",
    ),
    Fault(
        "doctor: D is looked at with the batch that it has just seen",
        "LookAtD._of_training",
        "np.linspace(max(0, end - self._training.per_epoch), end, count, endpoint=False)",
        "np.arange(end - count, end)",
        "test_doctor.py -k those_of_the_last_epoch",
    ),
    Fault(
        "doctor: remedies ignore the task",
        "doctor:diagnose",
        "remedies.get(each.name, each.remedy)",
        "each.remedy",
        "test_translation_doctor.py -k one_image_of_all",
    ),
]
