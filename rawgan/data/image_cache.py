"""Decoded images of folders, kept in the user's cache folder so that the next command on a folder starts at once.

Files are told by their paths and by what the system says of them: size, times of the last change of content and of
status, and inode. Any change gives another key, and an entry of another key is never read. An entry also depends on the
options of reading, on the code that reads, and on Pillow and its decoders. It is checked by a SHA-256 of all its bytes;
one that is damaged counts as missing. Nothing that fails here is an error: the images are decoded again.
"""

import hashlib
import json
import math
import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rawgan.data.user_cache import cache_folder, delete_abandoned, part_of, put_in_place
from rawgan.errors import DataError
from rawgan.files import open_file

VARIABLE = "RAWGAN_CACHE_GIB"
"""Environment variable: the most GiB of decoded images to keep; 0 keeps none."""
MOST_GIB = 2.0
"""GiB of decoded images that are kept, unless the variable says otherwise."""
WORTH = 1.0
"""Seconds that reading has to take for its result to be kept."""
SETTLED = 2.0
"""Age in seconds that a file needs to be told by its times: those of some file systems are even numbers of seconds, so
that a file could change twice within one time."""
DECODERS = ("jpg", "libjpeg_turbo", "jpg_2000", "zlib", "zlib_ng", "libtiff", "webp", "avif")
"""Libraries of Pillow, some of which belong to the system and change without it."""
SUFFIX = ".images"
MAGIC = b"rawgan images 1\n"
PIECE = 1 << 24
"""Bytes that are read or hashed at once."""

Arrays = Mapping[str, NDArray[np.uint8]]


class Decoded(NamedTuple):
    """Result of reading a folder: arrays of bytes, and facts about them that JSON can hold."""

    arrays: Arrays
    facts: Mapping[str, Any]


class Usage(NamedTuple):
    """Place and size of the decoded images that are kept."""

    folder: Path
    sets: int
    size: int
    """Bytes of all of them."""
    most: float
    """Bytes that they may have."""


def cached(
    files: Sequence[Path],
    how: Iterable[object],
    read: Callable[[], Decoded],
    holds: Callable[[Decoded], bool] = lambda found: True,
) -> tuple[Decoded, bool]:
    """Return what `read` makes of the files, from the cache if it made it before; and True if it came from there.

    `how` says by its text how the files are read. `holds` tells whether what was found would be read again today, where
    the files and their stamps do not.
    """
    if not (most := most_bytes()):
        return read(), False
    try:
        stamps = _stamps(files)
        place = _folder() / f"{_key(stamps, how)}{SUFFIX}"
    except (OSError, DataError):  # a file that is gone, which `read` will report, or no home folder
        return read(), False
    if (found := _load(place)) is not None and holds(found):
        return found, True
    started = time.time()
    made = read()
    size = sum(array.nbytes for array in made.arrays.values())
    if size <= most and time.time() - started >= WORTH:
        with suppress(OSError):
            newest = max((max(stamp.changed, stamp.status_changed) for stamp in stamps), default=0) / 1e9
            if _stamps(files) == stamps and newest < started - SETTLED:
                _store(place, made, most - size)
    return made, False


def most_bytes() -> float:
    """Bytes of decoded images to keep: those of the environment variable, or of 2 GiB.

    Raises: DataError for a variable that is no such number
    """
    text = os.environ.get(VARIABLE, "") or str(MOST_GIB)
    try:
        most = float(text)
    except ValueError:
        most = -1.0
    if not 0 <= most < math.inf:
        raise DataError(f"{VARIABLE} is {text!r}; give the most GiB of decoded images to keep, or 0 to keep none")
    return most * 2**30


def usage() -> Usage:
    """Place and size of the decoded images that are kept.

    Raises: DataError without a home folder, or for a wrong value of the variable
    """
    sizes = list[int]()
    for file in _entries():
        with suppress(OSError):
            sizes.append(file.stat().st_size)
    return Usage(_folder(), len(sizes), sum(sizes), most_bytes())


def _folder() -> Path:
    return cache_folder() / "images"


def _entries() -> list[Path]:
    """Files of the cache; none if it cannot be read."""
    try:
        return list(_folder().glob(f"*{SUFFIX}"))
    except OSError:
        return []


class _Stamp(NamedTuple):
    """A file, and all that tells it from a changed one without reading it."""

    path: str
    size: int
    changed: int
    """Nanoseconds since the epoch."""
    status_changed: int
    """The same for its status. Programs can set the other time, but not this one."""
    inode: tuple[int, int]


def _stamps(files: Iterable[Path]) -> list[_Stamp]:
    """Stamps of files. Links are followed.

    Raises: OSError for a file that is gone
    """
    found = list[_Stamp]()
    for file in files:
        status = file.stat()
        inode = status.st_dev, status.st_ino
        times = status.st_mtime_ns, status.st_ctime_ns
        found.append(_Stamp(os.path.abspath(file), status.st_size, *times, inode))
    return found


def _key(stamps: Sequence[_Stamp], how: Iterable[object]) -> str:
    """Name for the images of files that are read in one way, by one version of the code that reads."""
    text = "\n".join([*_readers(), *map(repr, how), *(repr(tuple(stamp)) for stamp in stamps)])
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]


@cache
def _readers() -> tuple[str, ...]:
    """Versions of all code that turns files into squares: this package, Pillow, and the decoders that it uses."""
    import PIL
    from PIL import features

    own = hashlib.sha256()
    for file in sorted(Path(__file__).parent.rglob("*.py")):
        own.update(file.read_bytes())
    return own.hexdigest(), PIL.__version__, *(f"{name} {features.version(name)}" for name in DECODERS)


def _load(place: Path) -> Decoded | None:
    """Read an entry; None if there is none. One that is damaged is deleted."""
    try:
        with open_file(place) as file:
            found = _read(file, os.fstat(file.fileno()).st_size)
    except FileNotFoundError:
        return None
    except Exception:  # nearly any error, for a damaged file
        found = None
    with suppress(OSError):
        if found is None:
            place.unlink()
        else:
            os.utime(place)  # the last to be deleted now
    return found


def _read(file: Any, size: int) -> Decoded | None:
    """Contents of an entry of `size` bytes; None if they are not those that were written."""
    begin = file.read(len(MAGIC) + 40)
    if begin[: len(MAGIC)] != MAGIC:
        return None
    checksum, length = begin[len(MAGIC) : -8], int.from_bytes(begin[-8:], "little")
    head = file.read(min(length, size))
    described = json.loads(head)
    shapes: dict[str, tuple[int, ...]] = {name: tuple(shape) for name, shape in described["shapes"].items()}
    if len(begin) + length + sum(map(math.prod, shapes.values())) != size:
        return None
    digest, arrays = hashlib.sha256(head), dict[str, NDArray[np.uint8]]()
    for name, shape in shapes.items():
        arrays[name] = np.empty(shape, np.uint8)
        body = arrays[name].reshape(-1).data
        for start in range(0, len(body), PIECE):
            piece = body[start : start + PIECE]
            if file.readinto(piece) != len(piece):
                return None
            digest.update(piece)
    return Decoded(arrays, described["facts"]) if digest.digest() == checksum else None


def _store(place: Path, made: Decoded, others: float) -> None:
    """Write an entry, after deleting the oldest ones until the others have no more than `others` bytes.

    Raises: OSError if the folder cannot be written, or has little room
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    delete_abandoned(place)
    _delete_oldest(others)
    size = sum(array.nbytes for array in made.arrays.values())
    if shutil.disk_usage(place.parent).free < 2 * size:
        return
    shapes = {name: array.shape for name, array in made.arrays.items()}
    head = json.dumps({"shapes": shapes, "facts": made.facts}).encode()
    digest = hashlib.sha256(head)
    bodies = [np.ascontiguousarray(array).reshape(-1).data for array in made.arrays.values()]
    for body in bodies:
        digest.update(body)
    with part_of(place) as (part, file):
        file.write(MAGIC + digest.digest() + len(head).to_bytes(8, "little") + head)
        for body in bodies:
            file.write(body)
        put_in_place(part, file, place)


def _delete_oldest(most: float) -> None:
    """Delete the entries that were not used for longest, until the rest have no more than `most` bytes."""
    found = list[tuple[float, int, Path]]()
    for file in _entries():
        with suppress(OSError):
            found.append(((status := file.stat()).st_mtime, status.st_size, file))
    total = sum(size for _, size, _ in found)
    for _, size, file in sorted(found):
        if total <= most:
            return
        with suppress(OSError):
            file.unlink()
            total -= size
