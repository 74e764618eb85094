"""Faults of the doctor and its probes."""

from fault import Fault

FAULTS = [
    Fault(
        "doctor: samples that are as far from each other as real ones are unlike these",
        "unlike_data",
        "- among - distances_within(seen.samples)[0]) / among",
        "- 2 * among) / among",
        "test_doctor.py -k real_samples_are_like",
    ),
    Fault(
        "doctor: looks at G's own images, not at those of the average",
        "probe",
        "else gan.sampler(latent)",
        "else gan.generator(latent)",
        "test_doctor.py -k those_of_the_average",
    ),
    Fault(
        "doctor: a layer on points needs half of its units",
        "dead_units",
        "return MOST_DEAD if normed else max(",
        "return MOST_DEAD if True else max(",
        "test_doctor.py -k wide_network",
    ),
    Fault(
        "doctor: images of a few kinds are far from each other on average",
        "distances_within",
        "float(np.median(others.min(1)))",
        "float(np.median(others.max(1)))",
        "test_doctor.py -k mode_collapse",
    ),
    Fault(
        "doctor: D's loss counts from 0, whatever its targets",
        "d_is_winning",
        "(loss - best) / (guess - best)",
        "loss / guess",
        "test_doctor.py -k every_objective",
    ),
    Fault(
        "doctor: D's layers are looked at with G's images",
        "probe",
        "real_logits = gan.discriminate(real, given).logits",
        "real_logits = gan.discriminate(fake.detach(), given).logits",
        "test_doctor.py -k real_images",
    ),
    Fault(
        "doctor: what it draws is missing afterwards",
        "_unchanged",
        'stack.callback(setattr, bits, "state", bits.state)',
        "stack.callback(setattr, bits, 'state', None) if bits is None else None",
        "test_doctor.py -k stays_as_it_is",
    ),
    Fault(
        "the doctor says of a translator what helps others",
        "doctor:diagnose",
        "remedies.get(each.name, each.remedy)",
        "each.remedy",
        "test_translating.py -k one_image_of_all",
    ),
]
