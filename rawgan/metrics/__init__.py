"""Quality of generated images, measured offline: no weights to download, and a floor beside every figure.

:class:`Reference` draws real images and extracts their features, with the classifier of digits that comes with rawgan
or another network; :func:`evaluate` compares generated images with them. `rawgan.metrics.figures` has one file for each
metric; its function takes plain arrays, of any features.
"""

from rawgan.metrics.evaluation import Reference, draw, evaluate, labels_like
from rawgan.metrics.extractors import Classifier, FeatureExtractor, feature_extractor
from rawgan.metrics.extractors.stored_classifier import load as load_classifier
from rawgan.metrics.extractors.training import train as train_classifier
from rawgan.metrics.figures import FIGURES, METRICS, Figure, Metric, compute, in_words
from rawgan.metrics.figures.class_counts import class_histogram, confusion_matrix
from rawgan.metrics.figures.class_modes import collapsed_modes, least_count, modes_covered, perfect_modes
from rawgan.metrics.figures.classifier_score import classifier_score
from rawgan.metrics.figures.fid import Moments, fid, frechet_distance, moments
from rawgan.metrics.figures.kid import kid
from rawgan.metrics.figures.l1 import l1
from rawgan.metrics.figures.metric import ImagePairs
from rawgan.metrics.figures.mixture_quality import MixtureQuality, evaluate_points, floor_of, is_good, quality
from rawgan.metrics.figures.nearest import Nearest, nearest_images
from rawgan.metrics.figures.prdc import PRDC, prdc
from rawgan.metrics.figures.psnr import psnr
from rawgan.metrics.figures.reverse_kl import perfect_kl, reverse_kl
from rawgan.metrics.figures.ssim import ssim

__all__ = [
    "FIGURES",
    "METRICS",
    "PRDC",
    "Classifier",
    "FeatureExtractor",
    "Figure",
    "ImagePairs",
    "Metric",
    "MixtureQuality",
    "Moments",
    "Nearest",
    "Reference",
    "class_histogram",
    "classifier_score",
    "collapsed_modes",
    "compute",
    "confusion_matrix",
    "draw",
    "evaluate",
    "evaluate_points",
    "feature_extractor",
    "fid",
    "floor_of",
    "frechet_distance",
    "in_words",
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
    "ssim",
    "train_classifier",
]
