"""Training data: images and points, and how they become batches.

:func:`load` reads all images before training starts, so that whatever is wrong with them is reported at once and not an
hour into the training. It returns an :class:`ImageSet`, which :class:`Batches` deals out. :class:`PointBatches` draws
fresh points of a :class:`Mixture` for every batch.
"""

from rawgan.data.batches import Batches
from rawgan.data.folders.tiles import load_tiles
from rawgan.data.image_set import ImageSet
from rawgan.data.known_sets import KNOWN_SETS
from rawgan.data.mixtures import MIXTURES, Mixture, PointBatches, grid25, ring8
from rawgan.data.pairs.made_sources import made_pairs
from rawgan.data.pairs.pair_set import PairSet, load_pairs
from rawgan.data.pixels import to_uint8, to_unit
from rawgan.data.sources import has_test_split, is_image_folder, load, may_be_image_folder, name_of

__all__ = [
    "KNOWN_SETS",
    "MIXTURES",
    "Batches",
    "ImageSet",
    "Mixture",
    "PairSet",
    "PointBatches",
    "grid25",
    "has_test_split",
    "is_image_folder",
    "load",
    "load_pairs",
    "load_tiles",
    "made_pairs",
    "may_be_image_folder",
    "name_of",
    "ring8",
    "to_uint8",
    "to_unit",
]
