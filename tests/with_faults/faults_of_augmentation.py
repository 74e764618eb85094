"""Faults of augmentations, mirrored images and held-out images."""

from fault import Fault

FAULTS = [
    Fault(
        "DiffAugment: all images of a batch are moved alike",
        "_moved_and_cut",
        "rng.integers(-most, most + 1, (count, 1))",
        "rng.integers(-most, most + 1, (1, 1))",
        "test_augmentations.py -k published_formula",
    ),
    Fault(
        "augmentation: colours change alpha",
        "recoloured",
        "if channels % 2:",
        "if channels != 2:",
        "test_augmentations.py -k leaves_alpha_alone",
    ),
    Fault(
        "augmentation: G's step leaves it out",
        "generator_loss",
        'discriminate = _discriminate(gan, config, index, "G", gan.g_optimizer.steps, given)',
        "discriminate = lambda images: gan.discriminate(images, given)",
        "test_augmentations.py -k sees_augmented_images",
    ),
    Fault(
        "augmentation: penalties leave it out",
        "discriminator_step",
        "_penalty(gan, discriminate, real, fake, config)",
        "_penalty(gan, lambda images: gan.discriminate(images, given), real, fake, config)",
        "test_augmentations.py -k sees_augmented_images",
    ),
    Fault(
        "ADA: the map of places is taken forwards",
        "random_places",
        "@ scaling(1 / scale, 1 / scale)",
        "@ scaling(scale, scale)",
        "test_augmentations.py -k published_steps",
    ),
    Fault(
        "ADA: each of both rotations has the probability p",
        "random_places",
        "turned = 1 - np.sqrt(1 - p)",
        "turned = p",
        "test_augmentations.py -k probability_of_each",
    ),
    Fault(
        "ADA: places are rounded to bf16",
        "moved",
        'with rawgan_kernels.precision("float32"):',
        "if True:",
        "test_augmentations.py -k reduced_precision",
    ),
    Fault(
        "ADA: p falls where D overfits",
        "AdaptiveProbability.follow",
        "self.p.item() + above",
        "self.p.item() - above",
        "test_augmentations.py -k moves_every_four",
    ),
    Fault(
        "ADA: checkpoints leave out p",
        "GANState.kept",
        ', "augmentation": self.augmentation',
        "",
        "test_held_out.py -k same_bits",
    ),
    Fault(
        "mirror: the same images are mirrored in each step",
        "Batches.batch",
        'self.purpose}", step)',
        'self.purpose}", 0)',
        "test_data_batches.py -k mirrored",
    ),
    Fault(
        "held-out images are trained with",
        "hold_out_few",
        "return images.part(np.sort(order[count:])), images.part(order[:count])",
        "return images, images.part(order[:count])",
        "test_held_out.py -k a_tenth_is_held_out",
    ),
    Fault(
        "a look at D moves its running statistics",
        "logits_of_d",
        "with no_grad(), unchanged(gan):",
        "with no_grad():",
        "test_held_out.py -k changes_no_bit",
    ),
]
