"""Opening image files, whoever made them."""

import os
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from rawgan.data.bounded import at_most_more
from rawgan.data.deep import WHOLE, is_deep, unpacked, values_of
from rawgan.data.survey import Survey, Undecoded
from rawgan.errors import DataError
from rawgan.files import open_file

if TYPE_CHECKING:
    from PIL import Image

BY_CONTENT = {
    "PNG": ".png .apng",
    "JPEG": ".jpg .jpeg .jpe .jfif .mpo",
    "GIF": ".gif",
    "BMP": ".bmp",
    "PPM": ".ppm .pgm .pbm .pnm .pfm .pam",
    "WEBP": ".webp",
    "TIFF": ".tif .tiff",
    "AVIF": ".avif .avifs",
    "JPEG2000": ".jp2 .j2k .jpc .jpf .jpx .j2c",
    "QOI": ".qoi",
    "PSD": ".psd",
    "DDS": ".dds",
}
"""Formats of Pillow that the first bytes of a file tell, whatever it is called, and the suffixes that they usually
have. Those that Pillow knows from the start come first: it takes a fifth of a second to load the others."""

BY_NAME = {
    "TGA": ".tga .icb .vda .vst",
    "PCX": ".pcx",
    "DCX": ".dcx",
    "DIB": ".dib",
    "ICO": ".ico",
    "CUR": ".cur",
    "ICNS": ".icns",
    "SGI": ".sgi .rgb .rgba .bw",
    "SUN": ".ras",
    "XBM": ".xbm",
    "XPM": ".xpm",
    "MSP": ".msp",
    "IM": ".im",
    "PIXAR": ".pxr",
    "FLI": ".fli .flc",
    "PCD": ".pcd",
    "BLP": ".blp",
    "FTEX": ".ftc .ftu",
    "GBR": ".gbr",
    "SPIDER": ".spi .spider",
}
"""Formats whose first bytes say too little: a text may begin like one. A file is one of these if it is called so."""

SUFFIXES = {
    suffix: form for table in (BY_CONTENT, BY_NAME) for form, suffixes in table.items() for suffix in suffixes.split()
}
"""Formats by suffix."""

UNREAD = frozenset({
    ".heic", ".heif", ".hif", ".jxl", ".exr", ".hdr", ".svg", ".svgz", ".eps", ".wmf", ".emf", ".fits", ".fit", ".fts",
    ".dcm", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2", ".pef", ".srw",
})  # fmt: skip
"""Suffixes of images that are not read: Pillow cannot decode them, needs other programs for them, or would find nothing
but the preview that a camera adds."""

NEEDS = {"WEBP": "webp", "AVIF": "avif", "JPEG2000": "jpg_2000"}
"""What some formats need that a Pillow may have been built without."""

NESTED = ("ICO", "CUR", "ICNS")
"""Formats that hold other images, of which the file's own header says nothing."""

DENSEST = 2048
"""Bytes of pixels that a byte of a file may stand for. A blank page takes as few bytes as that: Deflate packs 1032
bytes into one, the LZW of a GIF 1,400, lossy WebP and zstd 1,900."""
DENSEST_BITS = 8 * 1032
"""The same of pixels of less than a byte, in pixels: eight a byte, by Deflate."""
LARGEST_BITS = 1 << 26
"""Pixels of less than a byte that so dense a file may have: a page of A3 in 600 dpi. Each takes a byte or more."""
SMALL = 1 << 22
"""Pixels that any file may promise: blank images of WebP, AVIF and JPEG 2000 take a few bytes, whatever their size."""
ROOM, COPIES = 1 << 28, 10
"""Memory to read an image in: so many bytes, and so many copies of its pixels."""
LARGEST = 1 << 28
"""Pixels: a gigabyte, once they are decoded."""
LONGEST_SIDE = (1 << 16) - 1
"""Pixels: of a JPEG and a GIF. Pillow keeps a pointer to every row."""

KINDS_UNKNOWN = ("unknown", "unsupported", "unimplemented", "not supported")
"""What Pillow says of a file that is whole, but of a kind that it does not decode."""

PACKED = re.compile(r";([124])I?R?$")
"""What raw modes of pixels that share a byte end with."""

SCALES = {"L;2": 85, "L;4": 17}
"""Greys of 2 and 4 bits are spread over a byte as they are decoded, but Pillow leaves the transparent one as it was."""


@contextmanager
def opened_image(path: Path, formats: tuple[str, ...]) -> Iterator["Image.Image"]:
    """A Pillow image of one of the formats, not yet decoded, which promises no more pixels than its file can hold.

    Inside, Pillow's remarks on odd but readable files are kept quiet.

    Raises: DataError for more pixels, or very long sides; nearly anything, which is what Pillow raises for damage

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
    """The same of a file that is open, from its beginning."""
    from PIL import Image

    held = os.fstat(file.fileno()).st_size
    _refuse_wide_webp(file, held)
    file.seek(0)
    _have_libtiff_keep_quiet()
    room = ROOM + COPIES * max(4 * SMALL, DENSEST * held)
    with warnings.catch_warnings(), _by_limits_of_our_own(formats), at_most_more(room):
        warnings.simplefilter("ignore")
        try:
            with Image.open(file, formats=formats) as image:
                _refuse_promises(image.width, image.height, held, _bits_of(image))
                yield image
        except MemoryError:
            raise DataError(f"takes more memory than there is, or than one of {held:,} bytes should") from None


def _refuse_promises(width: int, height: int, held: int, bits: int) -> None:
    """Raise a DataError for more pixels, of so many bits, than a file of so many bytes can hold; or for very long
    sides."""
    promised = width * height
    if max(width, height) > LONGEST_SIDE:
        raise DataError(f"is {width} × {height} pixels; expected sides of {LONGEST_SIDE} at most")
    if promised > LARGEST:
        raise DataError(f"is {width} × {height} pixels; expected {LARGEST:,} at most")
    most = DENSEST * held * 8 // max(bits, 8)
    if bits < 8:
        most = max(most, min(LARGEST_BITS, DENSEST_BITS * held // bits))
    if promised > max(SMALL, most):
        raise DataError(f"promises {width} × {height} pixels, but is {held} bytes long")


def _bits_of(image: "Image.Image") -> int:
    """Bits of a pixel in the file of an image that is not yet decoded, or once it is: whichever is less."""
    packed = PACKED.search(unpacked(image))
    return int(packed[1]) if packed else 1 if image.mode == "1" else 8 * len(image.getbands())


def _refuse_wide_webp(file: BinaryIO, held: int) -> None:
    """The same of a WebP, before it is opened, for which Pillow has two pictures of that size made."""
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
def _have_libtiff_keep_quiet() -> None:
    """Have Pillow's libtiff print nothing, words out of a file among it: what is wrong with that, Pillow raises."""
    import ctypes

    from PIL import Image

    with suppress(OSError, AttributeError):  # a Pillow that has none, or has it built in
        libtiff = ctypes.CDLL(Image.core.__file__)
        libtiff.TIFFSetErrorHandler(None)
        libtiff.TIFFSetWarningHandler(None)


@contextmanager
def _by_limits_of_our_own(formats: tuple[str, ...]) -> Iterator[None]:
    """Inside, Pillow takes images of any size, as its limit is lower than what photographs can have; but none that are
    more than SMALL where it opens some on its own."""
    from PIL import Image

    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = SMALL // 2 if set(formats) & set(NESTED) else None  # twice as many are refused
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


@cache
def _decoded() -> frozenset[str]:
    """The formats that the installed Pillow decodes."""
    from PIL import Image, features

    Image.init()
    lacks = {form for form, feature in NEEDS.items() if not features.check(feature)}
    return frozenset(form for form in (*BY_CONTENT, *BY_NAME) if form in Image.OPEN) - lacks


def formats_of(path: Path) -> tuple[str, ...]:
    """The formats that a file of that name may have.

    >>> formats_of(Path("a.tga"))[-1], "TGA" in formats_of(Path("a.png"))
    ('TGA', False)
    """
    named = SUFFIXES.get(path.suffix.lower())
    readable = tuple(form for form in BY_CONTENT if form in _decoded())
    return (*readable, named) if named in BY_NAME and named in _decoded() else readable


def is_called_image(path: Path) -> bool:
    """Whether a file has the suffix of a format that is read.

    >>> is_called_image(Path("a.PNG")), is_called_image(Path("a.heic")), is_called_image(Path("notes"))
    (True, False, False)
    """
    form = SUFFIXES.get(path.suffix.lower())
    return form is not None and (form not in NEEDS or form in _decoded())


def is_called_unread(path: Path) -> bool:
    """Whether a file has the suffix of an image that is not read.

    >>> is_called_unread(Path("a.heic")), is_called_unread(Path("a.png"))
    (True, False)
    """
    suffix = path.suffix.lower()
    return suffix in UNREAD or (suffix in SUFFIXES and not is_called_image(path))


def without_suffix(path: Path) -> Path:
    """A path without the suffix of an image, if it has one.

    >>> without_suffix(Path("a/b.png")).as_posix(), without_suffix(Path("12.5 mm")).as_posix()
    ('a/b', '12.5 mm')
    """
    return path.with_suffix("") if path.suffix.lower() in SUFFIXES else path


def looks_like_image(path: Path) -> bool:
    """Whether a file is an image that is read, by its first bytes, whatever it is called.

    >>> looks_like_image(Path(__file__))
    False
    """
    try:
        with opened_image(path, formats_of(path)):
            return True
    except DataError:
        return True  # of more pixels than are taken, which is said when it is read
    except Exception:  # whatever Pillow raises for what is no image
        return False


@contextmanager
def upright_image(
    path: Path, most: tuple[int, int] | None = None, survey: Survey | None = None
) -> Iterator["Image.Image"]:
    """A Pillow image of any kind of file, of bytes, turned as its camera was held; of several frames, the first.

    With `most`, (width, height), a JPEG that is larger is decoded no larger than that, which is quick. What a survey
    is about is noted there, and white in a deep image is what it says.

    Raises: DataError that says what is wrong with the file, whatever Pillow raised, in here or inside

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file, upright_image(Path(file.name)):
    ...     pass
    Traceback (most recent call last):
    rawgan.errors.DataError: not an image that Pillow can read
    """
    from PIL import ImageOps

    survey, formats = survey or Survey(), formats_of(path)
    try:
        with open_file(path) as file, _named(file, path, formats, survey), _opened(file, formats) as image:
            survey.see(path, image)
            if most is not None:
                image.draft(None, most)
            _scale_transparent_grey(image)
            if is_deep(image):
                yield survey.in_bytes(path, values_of(image, partial(_opened, file, formats), survey.taken))
            else:
                yield ImageOps.exif_transpose(image)
    except DataError:
        raise
    except Exception as error:  # damaged files make Pillow's decoders raise nearly anything
        words = error.strerror if isinstance(error, OSError) else None
        raise DataError(words or str(error) or type(error).__name__) from None


def note_deep(paths: Iterable[Path], survey: Survey) -> None:
    """Note how bright the deep ones of some images are, which alone are decoded for it."""
    for path in paths:
        try:
            formats = formats_of(path)
            with open_file(path) as file, _opened(file, formats) as image:
                if is_deep(image):
                    survey.in_bytes(path, values_of(image, partial(_opened, file, formats), WHOLE))
        except Exception:  # nearly anything, which is said when the file is read
            continue


@contextmanager
def _named(file: BinaryIO, path: Path, formats: tuple[str, ...], survey: Survey) -> Iterator[None]:
    """Inside, a file that is no image for Pillow gets an error that says why.

    Raises: Undecoded if it is one of a kind that is not decoded, DataError if it is none
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
            except Exception as error:  # nearly anything, for damaged files
                if any(word in str(error).lower() for word in KINDS_UNKNOWN):
                    survey.undecoded.add(path)
                    raise Undecoded(f"a kind of image that Pillow does not decode ({error})") from None
        raise DataError("not an image that Pillow can read") from None


def _scale_transparent_grey(image: "Image.Image") -> None:
    """Have the transparent grey of a PNG be the one that its pixels will have."""
    grey = image.info.get("transparency")
    if image.format == "PNG" and image.mode == "L" and isinstance(grey, int):
        image.info["transparency"] = grey * SCALES.get(unpacked(image), 1)
