"""Folders of image files, read as squares: any format that Pillow reads, any size and mode, with or without classes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rawgan.data.files.formats import without_suffix
from rawgan.data.files.survey import Survey
from rawgan.data.folders.decoding import LISTED, Decoding, ReadOptions
from rawgan.data.folders.parts import Part
from rawgan.data.image_cache import Decoded, cached
from rawgan.data.image_set import ImageSet
from rawgan.errors import DataError, one_line

FROM_CACHE = "decoded before, and taken from the cache (rawgan info)"
"""Note about images that were not decoded anew."""


def load_image_folder(folder: Path, name: str, split: str, options: ReadOptions, halves: bool = False) -> ImageSet:
    """Load the images of a split of a folder as a set called `name`, with labels if sub-folders are classes.

    Images are in the order of their paths. With `halves`, each file holds two images side by side: the channels of the
    left one come first, then those of the right one.

    Shapes: images (N, size, size, C) uint8; with halves (N, size, size, 2 · C)
    Raises: DataError for a folder that cannot be read or without images, for broken images unless they are to be
            skipped, or if all images are broken

    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("P", (40, 30)).save(folder + "/a.png")
    ...     images = load_image_folder(Path(folder), "mine", "train", ReadOptions(16))
    >>> images, images.names.tolist()
    (ImageSet('mine', 1 images of 16 × 16 × 1, no labels), ['a.png'])
    """
    part = Part.of(folder, split)
    survey = options.survey(part, beside=2 if halves else 1)
    files = [(file,) for file in part.listing.images]
    found, notes = _read(folder, files, options, (survey,))
    kept = [files[i][0] for i in found.facts["kept"]]
    labels = part.classes.labels_of(part.root, kept)
    why = part.classes.why_none or "no image of some classes can be read"
    return ImageSet(
        found.arrays["images"],
        labels,
        name,
        tuple(found.facts["skipped"]),
        names_of(folder, kept),
        class_names=part.classes.names if labels is not None else (),
        no_labels="" if labels is not None else why,
        notes=(*part.notes, *notes),
        white=found.facts["whites"][0],
    )


def read_twin_folders(
    folder: Path, twin: Path, name: str, split: str, options: ReadOptions, twin_white: float | None = None
) -> tuple[ImageSet, float | None]:
    """Read pairs of images from two folders, by equal names without suffixes; return also white in the twin folder.

    Shapes: images (N, size, size, 2 · channels) uint8, the channels of `folder` first, then those of `twin`
    Raises: as `load_image_folder`; DataError for a name that is in one folder only, or twice in one
    """
    parts = [Part.of(place, split) for place in (folder, twin)]
    if (parts[0].root == folder) != (parts[1].root == twin):
        raise DataError(
            f"{folder} and {twin}: only one of them has sub-folders to train and to test with\n"
            "  divide both alike, or give the sub-folders that belong together"
        )
    first, second = (
        {without_suffix(file.relative_to(part.root)): file for file in part.listing.images} for part in parts
    )
    for place, part, names in zip((folder, twin), parts, (first, second), strict=True):
        if twice := len(part.listing.images) - len(names):
            raise DataError(f"{place}: {twice} files differ from another only in their suffix; keep one of each")
    if alone := sorted(first.keys() ^ second.keys()):
        listed = ", ".join(str(each) for each in alone[:LISTED])
        raise DataError(
            f"{folder} and {twin}: images are paired by their names, but {len(alone)} are in one folder only\n"
            f"  {one_line(listed)}{', …' if len(alone) > LISTED else ''}"
        )
    surveys = options.survey(parts[0]), options.survey(parts[1], white=twin_white)
    files = [(file, second[each]) for each, file in first.items()]
    found, read_notes = _read(folder, files, options, surveys)
    notes = dict.fromkeys([*(note for part in parts for note in part.notes), *read_notes])
    pairs = ImageSet(
        found.arrays["images"], None, name, tuple(found.facts["skipped"]),
        names_of(folder, [files[i][0] for i in found.facts["kept"]]), notes=tuple(notes),
        white=found.facts["whites"][0], no_labels="images with targets have no classes",
    )  # fmt: skip
    return pairs, found.facts["whites"][1]


def _read(
    folder: Path, files: Sequence[tuple[Path, ...]], options: ReadOptions, surveys: tuple[Survey, ...]
) -> tuple[Decoded, list[str]]:
    """Decode tuples of files, or take what was decoded before from the cache; return also notes about them."""
    beyond = [file for survey in surveys for file in survey.beyond]
    how = [
        "squares", str(folder), len(beyond), options.size, options.channels, options.skip_broken, options.enlarge,
        options.fit, *((survey.white, survey.beside) for survey in surveys),
    ]  # fmt: skip
    everything = [*(file for together in files for file in together), *beyond]
    decoding = Decoding(folder, files, options, surveys)
    found, known = cached(everything, how, decoding.run, decoding.holds)
    return found, [note for notes in found.facts["notes"] for note in notes] + [FROM_CACHE] * known


def names_of(folder: Path, files: Sequence[Path]) -> NDArray[np.str_]:
    """Paths of files below a folder, with the same separator on every system. Shapes: → (N,)"""
    return np.array([file.relative_to(folder).as_posix() for file in files])
