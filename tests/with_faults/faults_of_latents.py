"""Faults of fine-tuning, latent vectors and videos."""

from fault import Fault

FAULTS = [
    Fault(
        "init: a layer takes the arrays that fit, whatever the others are",
        "_weights_for",
        "except (KeyError, RawganError):\n    continue",
        "except (KeyError, RawganError):\n"
        '    return {own: arrays.get(f"{name}.{own}", tensor._array) for own, tensor in tensors.items()}',
        "test_fine_tuning.py -k all_of_its_arrays",
    ),
    Fault(
        "init: the average stays random",
        "training.start:PARTS",
        'PARTS = ("generator", "discriminator", "average", "g_penalty")',
        'PARTS = ("generator", "discriminator", "g_penalty")',
        "test_fine_tuning.py -k all_weights",
    ),
    Fault(
        "init: a run keeps no copy of the weights that it began with",
        "Run.go",
        "self.folder.save_start(self.trainer.start)",
        "pass",
        "test_fine_tuning.py -k ends_with_the_same_bits",
    ),
    Fault(
        "init: other weights than those of the configuration are taken",
        "with_start",
        "if config.start.digest not in (None, digest):",
        "if False:",
        "test_fine_tuning.py -k is_repeated",
    ),
    Fault(
        "init: networks of any model are tried",
        "check_start",
        "if model != config.model:",
        "if False:",
        "test_fine_tuning.py -k of_other_networks",
    ),
    Fault(
        "truncation changes the GAN that it was given",
        "GAN.latent",
        "z = z if self.truncation == 1 else z * self.truncation",
        "pass",
        "test_style.py -k scales_the_noise",
    ),
    Fault(
        "projection: noise may have any length",
        "LatentSpace.kept",
        "if self.name == MAPPED:",
        "if True:",
        "test_latents.py -k near_its_sphere",
    ),
    Fault(
        "projection: D's features have no part in the distance",
        "_Distance.__call__",
        "total = total + sum(apart[1:], apart[0]) * (self._weight / len(apart))",
        "pass",
        "test_projection.py -k scaled_features",
    ),
    Fault(
        "projection: the worst start wins",
        "_descended",
        "final.argmin()",
        "final.argmax()",
        "test_projection.py -k class_of_a_picture",
    ),
    Fault(
        "directions: those that change images least come first",
        "_components",
        "axes = axes.T[::-1]",
        "axes = axes.T",
        "test_projection.py -k components_of_its_images",
    ),
    Fault(
        "arithmetic: the centre is added with each term",
        "LatentSpace.combined",
        "sum((x - centre for x in added)",
        "sum((x for x in added)",
        "test_latents.py -k relative_to_the_centre",
    ),
    Fault(
        "latents: a file's numbers may be anything",
        "_latent",
        "or not np.isfinite(vector).all()",
        "",
        "test_latents.py -k makes_no_sense",
    ),
]
