"""Image formats: those that Pillow decodes, told by the first bytes of a file or by its suffix."""

from functools import cache
from pathlib import Path

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
"""Formats of Pillow that the first bytes of a file tell, and their usual suffixes. The formats that Pillow knows from
the start come first: loading the others takes a fifth of a second."""

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
"""Formats whose first bytes say too little, as a text may begin like one. Only a file with such a suffix is taken for
one of these."""

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
"""Features of Pillow that some formats need, and that it may have been built without."""

NESTED = ("ICO", "CUR", "ICNS")
"""Formats that hold other images, whose size the header of the file does not tell."""


@cache
def decoded() -> frozenset[str]:
    """Formats that the installed Pillow decodes."""
    from PIL import Image, features

    Image.init()
    lacks = {form for form, feature in NEEDS.items() if not features.check(feature)}
    return frozenset(form for form in (*BY_CONTENT, *BY_NAME) if form in Image.OPEN) - lacks


def formats_of(path: Path) -> tuple[str, ...]:
    """Formats that a file of that name may have.

    >>> formats_of(Path("a.tga"))[-1], "TGA" in formats_of(Path("a.png"))
    ('TGA', False)
    """
    named = SUFFIXES.get(path.suffix.lower())
    readable = tuple(form for form in BY_CONTENT if form in decoded())
    return (*readable, named) if named in BY_NAME and named in decoded() else readable


def is_called_image(path: Path) -> bool:
    """True if a file has the suffix of a format that is read.

    >>> is_called_image(Path("a.PNG")), is_called_image(Path("a.heic")), is_called_image(Path("notes"))
    (True, False, False)
    """
    form = SUFFIXES.get(path.suffix.lower())
    return form is not None and (form not in NEEDS or form in decoded())


def is_called_unread(path: Path) -> bool:
    """True if a file has the suffix of an image format that is not read.

    >>> is_called_unread(Path("a.heic")), is_called_unread(Path("a.png"))
    (True, False)
    """
    suffix = path.suffix.lower()
    return suffix in UNREAD or (suffix in SUFFIXES and not is_called_image(path))


def without_suffix(path: Path) -> Path:
    """Path without the suffix of an image, if it has one.

    >>> without_suffix(Path("a/b.png")).as_posix(), without_suffix(Path("12.5 mm")).as_posix()
    ('a/b', '12.5 mm')
    """
    return path.with_suffix("") if path.suffix.lower() in SUFFIXES else path
