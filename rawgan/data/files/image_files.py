"""Image files, opened with Pillow under limits on memory, as nobody knows who made them."""

import os
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from rawgan.data.files.deep_images import WHITE_16, is_deep, raw_mode_of, values_of
from rawgan.data.files.formats import NESTED, formats_of
from rawgan.data.files.survey import Survey, Undecoded
from rawgan.data.memory_limits import limited_extra_memory
from rawgan.errors import DataError
from rawgan.files import open_file

if TYPE_CHECKING:
    from PIL import Image

DENSEST = 2048
"""Bytes of pixels that one byte of a file may expand to. A blank page is that dense: Deflate packs 1,032 bytes into
one, the LZW of a GIF 1,400, lossy WebP and zstd 1,900."""
DENSEST_BITS = 8 * 1032
"""The same limit for pixels of less than a byte, in pixels: eight of them in each byte that Deflate packs."""
LARGEST_BITS = 1 << 26
"""Most pixels of less than a byte that a file of that density may have: a page of A3 at 600 dpi. In memory, each takes
a byte or more."""
SMALL = 1 << 22
"""Pixels that any file may promise, as a blank WebP, AVIF or JPEG 2000 takes a few bytes, whatever its size."""
ROOM, COPIES = 1 << 28, 10
"""Memory allowed for reading an image: ROOM bytes, plus COPIES times the bytes of its pixels."""
LARGEST = 1 << 28
"""Most pixels of an image: a gigabyte once they are decoded."""
LONGEST_SIDE = (1 << 16) - 1
"""Longest side in pixels, as of a JPEG and a GIF. Pillow keeps a pointer to every row."""

GREY = ("1", "L", "LA", "I", "F")
"""Modes of Pillow without colours, besides those of 16 bits, which begin with "I;"."""

KINDS_UNKNOWN = ("unknown", "unsupported", "unimplemented", "not supported")
"""Words of Pillow about a file that is whole, but of a kind that it does not decode."""

PACKED = re.compile(r";([124])I?R?$")
"""End of the raw modes whose pixels share a byte."""

SCALES = {"L;2": 85, "L;4": 17}
"""Factors by which greys of 2 and 4 bits are spread over a byte in decoding. Pillow does not apply them to the grey
that is transparent."""


@contextmanager
def opened_image(path: Path, formats: tuple[str, ...]) -> Iterator["Image.Image"]:
    """Open a Pillow image of one of the formats, not yet decoded, after checking that its file can hold its pixels.

    Inside, Pillow's warnings about odd but readable files are silenced.

    Raises: DataError for more pixels than the file can hold, or very long sides; nearly any error, as Pillow raises for
            damage

    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("L", (40, 30)).save(folder + "/a.png")
    ...     with opened_image(Path(folder, "a.png"), ("PNG",)) as image:
    ...         image.size
    (40, 30)
    """
    with open_file(path) as file, _opened(file, formats) as image:
        yield image


@contextmanager
def _opened(file: BinaryIO, formats: tuple[str, ...]) -> Iterator["Image.Image"]:
    """Open a Pillow image from a file that is open already, from its beginning; see `opened_image`."""
    from PIL import Image

    held = os.fstat(file.fileno()).st_size
    _refuse_wide_webp(file, held)
    file.seek(0)
    _silence_libtiff()
    with warnings.catch_warnings(), _own_pixel_limits(formats), limited_extra_memory(_room(held)):
        warnings.simplefilter("ignore")
        try:
            with Image.open(file, formats=formats) as image:
                _refuse_promises(image.width, image.height, held, _bits_of(image))
                yield image
        except MemoryError:
            raise DataError(f"takes more memory than there is, or than a file of {held:,} bytes should") from None


def _room(held: int) -> int:
    """Bytes of memory allowed for reading a file of `held` bytes."""
    return ROOM + COPIES * max(4 * SMALL, DENSEST * held)


@contextmanager
def reading_together(held: Iterable[int]) -> Iterator[None]:
    """Inside, threads may read images from files of these sizes in bytes at the same time, but no `NESTED` ones.

    The limits of Pillow and of memory, and the filters of warnings, are those of the whole process: they are set here,
    once for all threads.
    """
    room = sum(map(_room, held))
    with warnings.catch_warnings(), _own_pixel_limits(()), limited_extra_memory(room):
        warnings.simplefilter("ignore")
        yield


def _refuse_promises(width: int, height: int, held: int, bits: int) -> None:
    """Raise a DataError if a file of `held` bytes cannot hold so many pixels of `bits` bits, or for very long sides."""
    promised = width * height
    if max(width, height) > LONGEST_SIDE:
        raise DataError(f"is {width} × {height} pixels; expected sides of {LONGEST_SIDE} at most")
    if promised > LARGEST:
        raise DataError(f"is {width} × {height} pixels; expected {LARGEST:,} pixels at most")
    most = DENSEST * held * 8 // max(bits, 8)
    if bits < 8:
        most = max(most, min(LARGEST_BITS, DENSEST_BITS * held // bits))
    if promised > max(SMALL, most):
        raise DataError(f"promises {width} × {height} pixels, but is {held} bytes long")


def _bits_of(image: "Image.Image") -> int:
    """Bits of a pixel of an image that is not yet decoded: in the file or once decoded, whichever is less."""
    packed = PACKED.search(raw_mode_of(image))
    return int(packed[1]) if packed else 1 if image.mode == "1" else 8 * len(image.getbands())


def _refuse_wide_webp(file: BinaryIO, held: int) -> None:
    """Raise a DataError for the promises of a WebP before Pillow opens it, which makes two pictures of that size."""
    file.seek(0)
    start = file.read(30)
    if start[:4] != b"RIFF" or start[8:12] != b"WEBP" or len(start) < 30:
        return
    if start[12:16] == b"VP8X":
        width, height = (1 + int.from_bytes(start[at : at + 3], "little") for at in (24, 27))
    elif start[12:16] == b"VP8L":
        bits = int.from_bytes(start[21:25], "little")
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    else:
        width, height = (int.from_bytes(start[at : at + 2], "little") & 0x3FFF for at in (26, 28))
    _refuse_promises(width, height, held, 24)


@cache
def _silence_libtiff() -> None:
    """Keep Pillow's libtiff from printing, text from the file included. Pillow raises an error for what is wrong."""
    import ctypes

    from PIL import Image

    with suppress(OSError, AttributeError):  # a Pillow without libtiff, or with it built in
        libtiff = ctypes.CDLL(Image.core.__file__)
        libtiff.TIFFSetErrorHandler(None)
        libtiff.TIFFSetWarningHandler(None)


@contextmanager
def _own_pixel_limits(formats: tuple[str, ...]) -> Iterator[None]:
    """Inside, lift Pillow's limit on pixels, which is too low for photographs; limit nested images to SMALL pixels, as
    Pillow opens those by itself."""
    from PIL import Image

    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = SMALL // 2 if set(formats) & set(NESTED) else None  # Pillow refuses twice as many
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def looks_like_image(path: Path) -> bool:
    """True if the first bytes of a file are those of an image that is read, whatever its name.

    >>> looks_like_image(Path(__file__))
    False
    """
    try:
        with opened_image(path, formats_of(path)):
            return True
    except DataError:
        return True  # an image of too many pixels: reading it will report that
    except Exception:  # Pillow may raise anything for a file that is not an image
        return False


class Header(NamedTuple):
    """Header of an image file, read before its pixels."""

    held: int
    """Bytes of the file."""
    pixels: int
    """Number of pixels that will be decoded."""
    is_grey: bool
    """True if the image has no colours, with or without alpha. A palette may have any."""
    is_nested: bool
    """True for a format of `NESTED`."""


def header_of(path: Path, most: tuple[int, int] | None = None, survey: Survey | None = None) -> Header:
    """Read the header of an image file that `upright_image` will read; the `survey` notes small images.

    Raises: DataError as `upright_image`, for what the header tells

    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("L", (800, 600)).save(folder + "/a.jpg")
    ...     header_of(Path(folder, "a.jpg"), most=(128, 128))[1:]
    (30000, True, False)
    """
    with _image_in(path, survey or Survey()) as (file, formats, image):
        held = os.fstat(file.fileno()).st_size
        if most is not None:
            image.draft(None, most)
        grey = image.mode in GREY or image.mode.startswith("I;")
        return Header(held, image.width * image.height, grey, any(form in formats for form in NESTED))


@contextmanager
def _image_in(path: Path, survey: Survey) -> Iterator[tuple[BinaryIO, tuple[str, ...], "Image.Image"]]:
    """Open an image file, noted by the survey and not yet decoded, with the formats that it may have.

    Raises: DataError that says what is wrong with the file, for any error of Pillow here or inside the context
    """
    formats = formats_of(path)
    try:
        with open_file(path) as file, _explained(file, path, formats, survey), _opened(file, formats) as image:
            survey.note_size(path, image)
            yield file, formats, image
    except DataError:
        raise
    except Exception as error:  # Pillow's decoders raise nearly any error for a damaged file
        words = error.strerror if isinstance(error, OSError) else None
        raise DataError(words or str(error) or type(error).__name__) from None


@contextmanager
def upright_image(
    path: Path, most: tuple[int, int] | None = None, survey: Survey | None = None
) -> Iterator["Image.Image"]:
    """Open any image file as a Pillow image of bytes, turned upright by its EXIF tag; of several frames, the first.

    With `most`, (width, height), a larger JPEG is decoded at a smaller scale, no smaller than that, which is quick. The
    `survey` takes notes of the image, and says what is white in a deep one.

    Raises: DataError that says what is wrong with the file, for any error of Pillow here or inside the context

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file, upright_image(Path(file.name)):
    ...     pass
    Traceback (most recent call last):
    rawgan.errors.DataError: not an image that Pillow can read
    """
    from PIL import ImageOps

    survey = survey or Survey()
    with _image_in(path, survey) as (file, formats, image):
        survey.note_frames(path, image)
        if most is not None:
            image.draft(None, most)
        _scale_transparent_grey(image)
        if is_deep(image):
            yield survey.as_bytes(path, values_of(image, partial(_opened, file, formats), survey.white_or_default))
        else:
            yield ImageOps.exif_transpose(image)


def note_deep(paths: Iterable[Path], survey: Survey) -> None:
    """Note the brightness of the deep images among some files. No other image is decoded."""
    for path in paths:
        try:
            formats = formats_of(path)
            with open_file(path) as file, _opened(file, formats) as image:
                if is_deep(image):
                    survey.as_bytes(path, values_of(image, partial(_opened, file, formats), WHITE_16))
        except Exception:  # nearly any error; reading the file will report it
            continue


@contextmanager
def _explained(file: BinaryIO, path: Path, formats: tuple[str, ...], survey: Survey) -> Iterator[None]:
    """Inside, replace Pillow's errors for an unknown file by one that says why.

    Raises: Undecoded for an image of a kind that Pillow does not decode, DataError for any other file
    """
    from PIL import Image, UnidentifiedImageError

    try:
        yield
    except NotImplementedError as error:
        survey.undecoded.add(path)
        raise Undecoded(f"a kind of image that Pillow does not decode ({error})") from None
    except UnidentifiedImageError:
        file.seek(0)
        start = file.read(16)
        for factory, accept in (Image.OPEN[form] for form in formats):
            if accept is None or accept(start) is not True:
                continue
            try:
                file.seek(0)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    factory(file, path.name)
            except Exception as error:  # nearly any error, for a damaged file
                if any(word in str(error).lower() for word in KINDS_UNKNOWN):
                    survey.undecoded.add(path)
                    raise Undecoded(f"a kind of image that Pillow does not decode ({error})") from None
        raise DataError("not an image that Pillow can read") from None


def _scale_transparent_grey(image: "Image.Image") -> None:
    """Scale the transparent grey of a PNG as its pixels will be."""
    grey = image.info.get("transparency")
    if image.format == "PNG" and image.mode == "L" and isinstance(grey, int):
        image.info["transparency"] = grey * SCALES.get(raw_mode_of(image), 1)
