"""How good generated images are, offline: no weights to download, and a floor beside every figure.

:class:`Reference` draws real images and takes their features, by the digit classifier that comes with rawgan or
another network; :func:`evaluate` compares generated images with them. The functions by themselves take any features.
"""

from rawgan.metrics.classifier import Classifier
from rawgan.metrics.classifier import load as load_classifier
from rawgan.metrics.classifier import train as train_classifier
from rawgan.metrics.distances import Moments, fid, frechet_distance, kid, moments
from rawgan.metrics.evaluation import Reference, draw, evaluate, held_out_of, labels_like, split
from rawgan.metrics.feature_extractors import FeatureExtractor, feature_extractor
from rawgan.metrics.fidelity import l1, psnr, ssim
from rawgan.metrics.manifold import PRDC, prdc
from rawgan.metrics.mixtures import MixtureQuality, evaluate_points, floor_of, is_good, quality
from rawgan.metrics.modes import (
    class_histogram,
    classifier_score,
    collapsed_modes,
    confusion_matrix,
    least_count,
    modes_covered,
    perfect_kl,
    perfect_modes,
    reverse_kl,
)
from rawgan.metrics.nearest import Nearest, nearest_images

__all__ = [
    "PRDC",
    "Classifier",
    "FeatureExtractor",
    "MixtureQuality",
    "Moments",
    "Nearest",
    "Reference",
    "class_histogram",
    "classifier_score",
    "collapsed_modes",
    "confusion_matrix",
    "draw",
    "evaluate",
    "evaluate_points",
    "feature_extractor",
    "fid",
    "floor_of",
    "frechet_distance",
    "held_out_of",
    "is_good",
    "kid",
    "l1",
    "labels_like",
    "least_count",
    "load_classifier",
    "modes_covered",
    "moments",
    "nearest_images",
    "perfect_kl",
    "perfect_modes",
    "prdc",
    "psnr",
    "quality",
    "reverse_kl",
    "split",
    "ssim",
    "train_classifier",
]
