"""Small runs of translators and enhancers, which several tests train and look at."""

import numpy as np
from PIL import Image

from rawgan.config.translation import CycleConfig, EnhanceConfig, Pix2pixConfig
from rawgan.inference.trained_networks import translation_config_of
from rawgan.storage import RunFolder

STEPS = 5
TINY = {
    "steps": STEPS,
    "width": 2,
    "patch": 16,
    "batch_size": 4,
    "samples": 6,
    "sample_every": 2,
    "checkpoint_every": 2,
}
RUNS = {
    "cyclegan": (CycleConfig, {"style": "thick", "history": 5}),
    "pix2pix": (Pix2pixConfig, {"pairs": "edges"}),
    "pix2pix resnet": (Pix2pixConfig, {"pairs": "regions", "model": "resnet", "objective": "hinge", "ema": 0.0}),
    "super-resolution": (EnhanceConfig, {"penalty": "r1", "penalty_every": 2}),
    "denoise": (EnhanceConfig, {"task": "denoise", "objective": "relativistic", "spectral_norm": True}),
    "inpaint": (EnhanceConfig, {"task": "inpaint", "hole": 5, "instance_noise": 0.1, "half_life": 3}),
}


def config_of(name, data):
    kind, options = RUNS[name]
    return kind.of(data=data, image_size=16, **TINY | options)


def opened(path):
    folder = RunFolder.open(path)
    return folder, translation_config_of(folder)


def pixels_of(path):
    with Image.open(path) as image:
        return np.asarray(image)
