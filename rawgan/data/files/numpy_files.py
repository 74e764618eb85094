"""NumPy files of images: `.npy`, or `.npz` with `images` and perhaps `labels`. Pickles are never opened."""

import io
import math
import os
import zipfile
from pathlib import Path
from typing import IO, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from rawgan.data.image_set import Arrays
from rawgan.data.memory_limits import read_at_most
from rawgan.errors import DataError, one_line, shown
from rawgan.files import open_file

HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
LONGEST_HEADER = 1 << 14
"""Longest header in bytes. NumPy itself takes no header of more than 10,000 characters."""
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Compression methods that NumPy writes. Others unpack without a bound on memory."""
LISTED = 20
"""Number of array names that are listed in an error."""


def read_arrays(path: Path) -> Arrays:
    """Images of an `.npy` or `.npz` file, and the labels if an `.npz` file has them.

    Shapes: → (N, H, W) or (N, H, W, C) uint8, and (N,) int64 or None
    Raises: DataError for a damaged file, another dtype (saying how to convert it) or another shape

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(folder + "/set.npz", images=np.zeros((2, 8, 8), np.uint8), labels=[3, 1])
    ...     images, labels = read_arrays(Path(folder, "set.npz"))
    >>> images.shape, labels
    ((2, 8, 8), array([3, 1]))
    """
    try:
        with open_file(path) as file:
            if path.suffix.lower() == ".npz":
                return _read_npz(file, path)
            images = _read_npy(file, os.fstat(file.fileno()).st_size, str(path))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    _check_images(images, str(path))
    return images, None


def _read_npz(stream: BinaryIO, path: Path) -> Arrays:
    """Array `images`, or the only array besides `labels`; and `labels`, if there are any."""
    try:
        with zipfile.ZipFile(stream) as archive:
            members = {m.filename[:-4]: m for m in archive.infolist() if m.filename.endswith(".npy")}
            others = [name for name in members if name != "labels"]
            name = "images" if "images" in members else others[0] if len(others) == 1 else None
            if name is None:
                has = ", ".join(one_line(name) for name in sorted(members)[:LISTED]) or "none"
                has += ", …" if len(members) > LISTED else ""
                raise DataError(f"{path}: expected an array called images (and perhaps labels); it has: {has}")
            found = {}
            for key in {name, "labels"} & members.keys():
                if members[key].compress_type not in PACKED:
                    raise DataError(f"{path}, {one_line(key)}: packed as NumPy never does; write it with np.savez")
                with archive.open(members[key]) as file:
                    found[key] = _read_npy(file, members[key].file_size, f"{path}, {one_line(key)}")
    except (DataError, OSError, MemoryError):
        raise
    except Exception as error:  # zipfile raises many kinds of errors for a damaged archive
        raise DataError(f"{path}: damaged .npz file ({error}); write it again with np.savez") from None

    images, labels = found[name], found.get("labels")
    _check_images(images, f"{path}, {one_line(name)}")
    if labels is None:
        return images, None
    if labels.dtype.kind not in "iu" or labels.shape != images.shape[:1]:
        raise DataError(
            f"{path}: expected one whole number in labels for each image\n"
            f"  images {images.shape}   labels {labels.dtype} {labels.shape}"
        )
    return images, labels.astype(np.int64)


def _read_npy(file: IO[bytes], size: int, name: str) -> NDArray:
    """Array of a file that is `size` bytes long. No memory is allocated for bytes that are not there."""
    start = io.BytesIO(file.read(LONGEST_HEADER))
    try:
        shape, fortran, dtype = HEADERS[npy.read_magic(start)](start)
        promised, held = math.prod(shape) * dtype.itemsize, size - start.tell()
        if min(shape, default=0) < 0:
            raise ValueError(f"a shape of {shown(shape)}")
    except Exception as error:  # NumPy parses the header as Python, and passes on whatever that raises
        raise DataError(f"{name}: not a .npy array, or a damaged one ({error})") from None
    if dtype.hasobject:
        raise DataError(f"{name}: holds Python objects, which are never unpickled; expected uint8 images")
    if promised == held:
        file.seek(start.tell())
        body = read_at_most(file, held)
        held = len(body)
    if promised != held:
        raise DataError(
            f"{name}: the header promises {dtype} {shape}, {promised} bytes, but the file holds {held}; "
            "copy it again or write it again"
        )
    try:
        return np.frombuffer(body, dtype).reshape(shape, order="F" if fortran else "C")
    except (ValueError, OverflowError) as error:  # not an array at all, or one of more axes than NumPy allows
        raise DataError(f"{name}: not a .npy array, or a damaged one ({error})") from None


def _check_images(images: NDArray, name: str) -> None:
    """Raise a DataError unless these are uint8 images, at least one, that Pillow can resize."""
    came = f"came {images.dtype} {images.shape}"
    if images.dtype != np.uint8:
        raise DataError(
            f"{name}: expected images as uint8, 0…255; {came}. To convert them:\n"
            "  from [0, 1]:  np.rint(images * 255).astype(np.uint8)\n"
            "  from [-1, 1]: np.rint((images + 1) * 127.5).astype(np.uint8)"
        )
    if images.ndim not in (3, 4) or not images.size:
        raise DataError(f"{name}: expected images as (N, H, W) or (N, H, W, C), at least one; {came}")
    if images.ndim == 4 and images.shape[3] not in (1, 2, 3, 4):
        hint = "; images.transpose(0, 2, 3, 1) puts the channels last" if images.shape[1] in (1, 2, 3, 4) else ""
        raise DataError(f"{name}: expected images as (N, H, W, C) with 1 to 4 channels; {came}{hint}")
