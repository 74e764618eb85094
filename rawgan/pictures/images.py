"""Pictures for people: grids of images, animations and loss curves.

Images come as NumPy arrays (N, H, W, C): uint8, or floats in [-1, 1], the range of tanh. One channel is grey,
two are grey and alpha, three RGB, four RGBA. Floats outside the range are clipped, and NaN, which is what a
network that has diverged paints, is black. Every file is replaced as a whole.
"""

import io
import math
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rawgan.data import to_uint8
from rawgan.data.files.image_files import opened_image
from rawgan.errors import ArgumentError, ConfigError, DTypeError, ShapeError
from rawgan.files import open_file
from rawgan.storage.atomic import write_file
from rawgan.storage.lookup import errors_naming
from rawgan.storage.numbered_files import numbered_files

if TYPE_CHECKING:
    from PIL.Image import Image

BACKGROUND = 64  # dark grey: sets off black images and white ones
FIELDS = np.array([204, 255])  # greys of a checkerboard
LETTERS = 18  # pixels that titles are tall, at most
LONGEST_TITLE = 24  # letters
READABLE = 512  # pixels that the longer side of a grid has at least
CELL = 192  # pixels that a thumbnail has at most, in each direction
LARGE = 1 << 22  # bytes of a picture that is packed quickly
MOST_FRAMES = 120  # of an animation
PNG = b"\x89PNG\r\n\x1a\n", b"\0\0\0\0IEND\xaeB`\x82"
"""What every PNG file begins and ends with."""
FORMATS = {".gif": "GIF", ".webp": "WEBP", ".png": "PNG", ".apng": "PNG"}


def tile(images: np.ndarray, columns: int | None = None, padding: int = 2, background: int = BACKGROUND) -> np.ndarray:
    """Lay images out in a grid, row by row, with ``padding`` pixels between and around them.

    Without ``columns`` the grid is as nearly square as it gets. ``background`` is a grey from 0 to 255; cells
    without an image have it too. What is transparent shows a checkerboard.

    Shapes: images (N, H, W, C) → uint8 (H', W', 1 or 3)
    Raises: ShapeError, DTypeError for what is not images; ArgumentError for an option out of range.

    >>> tile(np.zeros((10, 28, 28, 1)), padding=2).shape
    (92, 122, 1)
    """
    images = _on_checkerboard(checked_pixels("tile", images))
    count, height, width, channels = images.shape
    if columns is None:
        columns = math.ceil(math.sqrt(count * height / width))
    columns = min(at_least("tile", "columns", columns, 1), count)
    padding = at_least("tile", "padding", padding, 0)
    if not 0 <= background <= 255:
        raise ArgumentError(f"tile: background is a grey from 0 to 255, got {background}")
    rows = math.ceil(count / columns)

    down, across = height + padding, width + padding
    grid = np.full((rows * down + padding, columns * across + padding, channels), background, np.uint8)
    for n, image in enumerate(images):
        y, x = padding + n // columns * down, padding + n % columns * across
        grid[y : y + height, x : x + width] = image
    return grid


def save_grid(
    path: str | Path,
    images: np.ndarray,
    columns: int | None = None,
    scale: int | None = None,
    titles: Sequence[str] = (),
) -> Path:
    """Save a grid of images (see :func:`tile`) as a PNG file, and return its path.

    Every pixel becomes scale × scale pixels. Without ``scale``, small images are enlarged until the longer
    side of the grid has 512 pixels or more. ``titles`` stand to the left of the rows, one for each.

    Shapes: images (N, H, W, C)
    Raises: what :func:`tile` raises; ArgumentError for a path that does not end in .png;
        ConfigError when the file cannot be written.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     save_grid(f"{folder}/black.png", -np.ones((64, 28, 28, 1))).name
    'black.png'
    """
    grid = tile(images, columns)
    if scale is None:
        scale = math.ceil(READABLE / max(grid.shape[:2]))
    scale = at_least("save_grid", "scale", scale, 1)
    grid = grid.repeat(scale, axis=0).repeat(scale, axis=1)
    return _save_png(path, _titled(grid, titles) if titles else grid)


def save_images(folder: str | Path, images: np.ndarray, prefix: str, start: int = 0) -> list[Path]:
    """Save each image, unenlarged, as folder/prefix-00000.png, prefix-00001.png, …, and return the paths.

    ``start`` is the first number: with it, a batch goes on where the last one stopped.

    Shapes: images (N, H, W, C)
    Raises: ShapeError, DTypeError for what is not images; ConfigError when a file cannot be written.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     [path.name for path in save_images(folder, np.zeros((2, 8, 8, 3)), "fake", start=64)]
    ['fake-00064.png', 'fake-00065.png']
    """
    images = checked_pixels("save_images", images)
    digits = max(5, len(str(start + len(images) - 1)))
    return [
        _save_png(Path(folder) / f"{prefix}-{number:0{digits}d}.png", image)
        for number, image in enumerate(images, start)
    ]


def save_image(path: str | Path, image: np.ndarray) -> Path:
    """Save one image, unenlarged, as a PNG file, and return its path.

    Shapes: image (H, W, C)
    Raises: ShapeError, DTypeError for what is no image; ConfigError when the file cannot be written.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     save_image(f"{folder}/grey.png", np.zeros((6, 8, 1))).name
    'grey.png'
    """
    return _save_png(path, checked_pixels("save_image", image[None])[0])


def thumbnail(image: np.ndarray) -> "Image":
    """An image of any size as a picture that fills a square of CELL pixels as far as it can: a small one enlarged to a
    whole multiple, a large one shrunk.

    Shapes: image (H, W, C)
    Raises: DTypeError, ShapeError for what is no image

    >>> thumbnail(np.zeros((7, 14, 1))).size
    (182, 91)
    """
    from PIL import Image

    picture = _opaque(_picture(checked_pixels("thumbnail", image[None])[0])).convert("RGB")
    scale = CELL / max(picture.size)
    scale = math.floor(scale) if scale >= 1 else scale
    width, height = (max(1, round(side * scale)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.LANCZOS)


def save_sheet(path: str | Path, rows: "Sequence[Sequence[Image]]") -> Path:
    """Save rows of thumbnails, such as those of before, after and target, as a PNG file, and return its path.

    Raises: as `save_image`

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     save_sheet(f"{folder}/sheet.png", [[thumbnail(np.zeros((n, n, 1))) for n in (7, 28)]]).name
    'sheet.png'
    """
    from PIL import Image

    gap = 4
    width, height = (gap + n * (CELL + gap) for n in (max(map(len, rows)), len(rows)))
    sheet = Image.new("RGB", (width, height), (BACKGROUND,) * 3)
    for down, row in enumerate(rows):
        for across, picture in enumerate(row):
            left, top = (
                gap + n * (CELL + gap) + (CELL - side) // 2
                for n, side in zip((across, down), picture.size, strict=True)
            )
            sheet.paste(picture, (left, top))
    return _save_png(path, np.asarray(sheet))


def save_animation(path: str | Path, frames: Sequence[np.ndarray], fps: float = 10.0, hold_last: float = 2.0) -> Path:
    """Save pictures, such as the grids of :func:`tile`, as an animation that repeats, and return its path.

    The suffix of ``path`` chooses the format: .gif, .webp, or .png and .apng for an animated PNG. The last
    frame stays for ``hold_last`` seconds. Of more than 120 frames, 120 are taken at even distances, the first
    and the last among them. GIF has 256 colours per frame: enough for every grey. Transparency becomes white.

    Shapes: every frame (H, W, C), all of one size
    Raises: ArgumentError without frames, for another suffix, or a speed out of range; ShapeError for frames
        of several sizes; DTypeError for what is not images; ConfigError when the file cannot be written.

    >>> from tempfile import TemporaryDirectory
    >>> fade = [np.full((16, 16, 1), value) for value in (-1.0, 0.0, 1.0)]
    >>> with TemporaryDirectory() as folder:
    ...     save_animation(f"{folder}/fade.gif", fade, fps=5).name
    'fade.gif'
    """
    names = [f"frame {n}" for n in range(len(frames))]
    images = (
        _picture(checked_pixels("save_animation", np.asarray(frame)[None])[0]) for frame in _thin(frames, MOST_FRAMES)
    )
    return _save_frames(path, images, _thin(names, MOST_FRAMES), fps, hold_last)


def animate_folder(
    path: str | Path,
    folder: str | Path,
    fps: float = 10.0,
    hold_last: float = 2.0,
    on_damaged: Callable[[str], None] | None = None,
) -> Path:
    """Save the pictures step-<number>.png of a folder as an animation, in the order of their steps.

    The rest is as in :func:`save_animation`. Only the frames that are shown are read. With ``on_damaged``, those that
    cannot be read are left out, and it is called with what is wrong with each.

    Raises: ConfigError when there are no such pictures, when one cannot be read, or when the file cannot be
        written; ShapeError for pictures of several sizes.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     for step in (100, 200):
    ...         _ = save_grid(f"{folder}/step-{step:06d}.png", np.full((4, 8, 8, 1), step / 200))
    ...     animate_folder(f"{folder}/samples.gif", folder).name
    'samples.gif'
    """
    files = _thin(numbered_files(folder, ".png"), MOST_FRAMES)
    if not files:
        raise ConfigError(f"{folder} has no pictures step-<number>.png\n  nothing there can be animated yet")
    names, frames = list[str](), list["Image"]()
    for file in files:
        try:
            frames.append(_read_png(file))
            names.append(str(file))
        except ConfigError as error:
            if on_damaged is None:
                raise
            on_damaged(str(error).partition("\n")[0])
    return _save_frames(path, frames, names, fps, hold_last)


def resized(image: np.ndarray, size: tuple[int, int]) -> "Image":
    """An image in colour, on white where it is transparent, averaged down or enlarged to (width, height) in pixels.

    Shapes: image uint8 (H, W, C)
    """
    from PIL.Image import Resampling

    return _opaque(_picture(image)).convert("RGB").resize(size, Resampling.BOX)


# --- from arrays to pictures -----------------------------------------------------------------------------


def checked_pixels(op: str, images: np.ndarray) -> np.ndarray:
    """Check images (N, H, W, C) of 1 to 4 channels, and make them uint8."""
    if not isinstance(images, np.ndarray):
        raise DTypeError(
            f"{op}: images are a NumPy array, not {type(images).__module__}.{type(images).__qualname__}\n"
            "  an array on a GPU has to be copied first: images.get()"
        )
    if images.dtype != np.uint8 and images.dtype.kind != "f":
        raise DTypeError(f"{op}: images are floats in [-1, 1] or uint8, not {images.dtype} {images.shape}")
    if images.ndim != 4 or 0 in images.shape or images.shape[-1] > 4:
        raise ShapeError(f"{op}: images are (N, H, W, C), one or more, with 1 to 4 channels\n  images {images.shape}")
    return images if images.dtype == np.uint8 else to_uint8(np.nan_to_num(images, nan=-1.0))


def at_least(op: str, name: str, value: int, least: int) -> int:
    if not isinstance(value, int | np.integer) or value < least:
        raise ArgumentError(f"{op}: {name} is a whole number, {least} or more, got {value!r}")
    return int(value)


def _picture(pixels: np.ndarray) -> "Image":
    """uint8 (H, W, C) → a Pillow image of mode L, LA, RGB or RGBA."""
    from PIL import Image

    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def _on_checkerboard(images: np.ndarray) -> np.ndarray:
    """uint8 (N, H, W, C) → (N, H, W, 1 or 3): images with alpha in front of light and dark fields, eight in a row."""
    height, width, channels = images.shape[1:]
    if channels in (1, 3):
        return images
    field = max(1, max(height, width) // 8)
    rows, columns = np.arange(height) // field, np.arange(width) // field
    board = FIELDS[(rows[:, None] + columns) % 2][..., None].astype(np.float32)  # (H, W, 1)
    found = np.empty((*images.shape[:3], channels - 1), np.uint8)
    for image, pixels in zip(found, images, strict=True):
        alpha = pixels[..., -1:] / np.float32(255)
        image[...] = np.rint(alpha * pixels[..., :-1] + (1 - alpha) * board)
    return found


def _titled(grid: np.ndarray, titles: Sequence[str]) -> np.ndarray:
    """A grid, uint8 (H, W, C), with words to the left of its rows, as tall as fit, or cut off where they are long."""
    from PIL import Image, ImageDraw, ImageFont

    tall = len(grid) / len(titles)
    font = ImageFont.load_default(max(8, min(LETTERS, int(tall / 1.5))))
    shown = [title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 1]}…" for title in titles]
    margin = math.ceil(max(font.getlength(title) for title in shown)) + LETTERS
    picture = Image.new("RGB", (margin + grid.shape[1], len(grid)), (BACKGROUND,) * 3)
    picture.paste(_picture(grid).convert("RGB"), (margin, 0))
    draw = ImageDraw.Draw(picture)
    for row, title in enumerate(shown):
        draw.text((margin - LETTERS / 2, (row + 0.5) * tall), title, "white", font, anchor="rm")
    made = np.asarray(picture)
    return made if grid.shape[2] == 3 else made[..., :1]


def _opaque(picture: "Image") -> "Image":
    """Grey stays grey; everything else becomes RGB, in front of white where it is transparent."""
    from PIL import Image

    if picture.mode in ("L", "RGB"):
        return picture
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB")


def _dithered(picture: "Image") -> "Image":
    """Grey stays as it is; colours become the 256 that suit the picture best, mixed where it has others."""
    from PIL import Image

    if picture.mode == "L":
        return picture
    palette = picture.quantize(256, method=Image.Quantize.FASTOCTREE)
    return picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)


def is_whole_png(path: Path) -> bool:
    """Whether a PNG file begins and ends as one does. What is between is not looked at.

    Raises: FileError when it cannot be read

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = save_image(f"{folder}/grey.png", np.zeros((6, 8, 1)))
    ...     before = is_whole_png(path)
    ...     _ = path.write_bytes(path.read_bytes()[:-1])
    ...     before, is_whole_png(path)
    (True, False)
    """
    with errors_naming(path, "read"), open_file(path) as file:
        begin = file.read(len(PNG[0]))
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - len(PNG[1])))
        return (begin, file.read()) == PNG


def _read_png(path: Path) -> "Image":
    with errors_naming(path, "read"):
        open_file(path).close()
    try:
        with opened_image(path, ("PNG",)) as picture:
            picture.load()
            return picture
    except Exception as error:  # a damaged file makes Pillow's decoders raise nearly anything
        raise ConfigError(f"{path} cannot be read as a picture: {error}\n  delete it, and try again") from error


# --- from pictures to files ------------------------------------------------------------------------------


def _save_png(path: str | Path, pixels: np.ndarray) -> Path:
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise ArgumentError(f"{path}: the picture is a PNG file, so its name has to end in .png")
    level = 1 if pixels.size > LARGE else 6  # the usual one takes three times as long, for a quarter fewer bytes
    data = io.BytesIO()
    _picture(pixels).save(data, format="PNG", compress_level=level)
    return write_file(path, data.getvalue())


def _save_frames(
    path: str | Path, pictures: Iterable["Image"], names: Sequence[str], fps: float, hold_last: float
) -> Path:
    """Save the pictures, each with the name that an error calls it by, as one animation."""
    path = Path(path)
    form = FORMATS.get(path.suffix.lower())
    if form is None:
        raise ArgumentError(f"{path}: an animation is one of {', '.join(FORMATS)}, not {path.suffix!r}")
    if not 0 < fps <= 50:
        raise ArgumentError(f"{path}: fps is above 0 and at most 50, which is what viewers show, got {fps}")
    if not 0 <= hold_last <= 60:
        raise ArgumentError(f"{path}: hold_last is from 0 to 60 seconds, got {hold_last}")
    frames = [_opaque(picture) for picture in pictures]
    if not frames:
        raise ArgumentError(f"{path}: an animation needs at least one frame")
    for frame, name in zip(frames, names, strict=True):
        if frame.size != frames[0].size:
            raise ShapeError(
                f"{path}: the frames of an animation have one size, width × height\n"
                f"  {names[0]} {frames[0].size}   {name} {frame.size}"
            )
    if form == "GIF":
        frames = [_dithered(frame) for frame in frames]
    milliseconds = [round(1000 / fps)] * len(frames)
    milliseconds[-1] = max(milliseconds[-1], round(1000 * hold_last))
    data = io.BytesIO()
    frames[0].save(data, form, save_all=True, append_images=frames[1:], duration=milliseconds, loop=0)
    return write_file(path, data.getvalue())


# --- curves ----------------------------------------------------------------------------------------------


def _thin(items: Sequence[Any], most: int) -> list[Any]:
    """At most ``most`` of the items, at even distances, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    return [items[n] for n in np.linspace(0, len(items) - 1, most).round().astype(int)]
