"""Pieces of large images: what an enhancer learns from, as it is asked for images at the size that they have."""

from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rawgan.data.bounded import refuse_too_large
from rawgan.data.folder import image_files, names_of, refuse_broken, refuse_channels, without_idle_colour
from rawgan.data.imageset import ImageSet, Progress
from rawgan.data.opening import upright_image
from rawgan.data.pixels import in_mode, square
from rawgan.errors import DataError, one_line

Images = NDArray[np.uint8]

MOST_TILES = 256
"""Of one image: of a larger one, those are taken that are spread over it."""


def load_tiles(
    folder: str | PathLike[str],
    *,
    image_size: int,
    channels: int | None = None,
    skip_broken: bool = False,
    on_progress: Progress | None = None,
) -> ImageSet:
    """Squares cut from the images of a folder, at the size that these have, those of an image one after the other; each
    has the name of its image.

    What is smaller than a square is enlarged to one. `channels`, `skip_broken` and `on_progress` are as of `load`.

    Raises: DataError as `load`

    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.radial_gradient("L").crop((0, 0, 70, 40)).save(folder + "/large.png")
    ...     Image.new("RGB", (20, 10)).save(folder + "/small.png")
    ...     load_tiles(folder, image_size=32, channels=3).names.tolist()
    ['large.png', 'large.png', 'small.png']
    """
    place = Path(folder).expanduser()
    refuse_channels(place, channels)
    files, problems, found, held = image_files(place), list[str](), dict[Path, Images](), 0
    for done, file in enumerate(files, 1):
        try:
            with upright_image(file) as image:
                found[file] = tiles(np.asarray(in_mode(image, channels or 3)), image_size)
        except DataError as error:
            problems.append(one_line(f"{file.relative_to(place)}: {error}"))
        else:
            held += found[file].nbytes
            refuse_too_large(str(folder), 2 * held)  # as pieces, and then all of them together
        if on_progress:
            on_progress(done, len(files))
    refuse_broken(place, problems, len(files), skip_broken)
    together = np.concatenate([*found.values()])
    if channels is None:
        together = without_idle_colour(together)
    names = names_of(place, [*found]).repeat([len(pieces) for pieces in found.values()])
    return ImageSet(together, None, place.resolve().name, tuple(problems), names)


def tiles(image: Images, size: int) -> Images:
    """An image cut into squares, as many as lie in it beside each other, around its middle; at most MOST_TILES. Those
    of a single colour, of which nothing can be learnt, are left out if there are others.

    Shapes: (H, W) or (H, W, C) → (N, size, size, C)

    >>> tiles(np.arange(100 * 64).reshape(100, 64).astype(np.uint8), 32).shape
    (6, 32, 32, 1)
    """
    from PIL import Image

    pixels = image if image.ndim == 3 else image[..., None]
    if min(pixels.shape[:2]) < size:
        return square(Image.fromarray(image), size, pixels.shape[2])[None]
    rows, columns = (side // size for side in pixels.shape[:2])
    top, left = ((side - count * size) // 2 for side, count in zip(pixels.shape[:2], (rows, columns), strict=True))
    within = pixels[top : top + rows * size, left : left + columns * size]
    cut = within.reshape(rows, size, columns, size, -1).swapaxes(1, 2).reshape(rows * columns, size, size, -1)
    plain = (cut == cut[:, :1, :1]).all(axis=(1, 2, 3))
    cut = cut[~plain] if not plain.all() else cut[:1]
    return cut[:: -(-len(cut) // MOST_TILES)]
