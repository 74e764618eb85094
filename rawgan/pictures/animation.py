"""Animations: the pictures of a run in the order of their steps, or any frames of one size."""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rawgan.errors import ArgumentError, ConfigError, ShapeError
from rawgan.pictures.pixels import checked_pixels, opaque, picture_of
from rawgan.pictures.png import read_png
from rawgan.pictures.video import MOST_VIDEO_FRAMES, VIDEO, check_encoder, video_bytes
from rawgan.storage.atomic import write_file
from rawgan.storage.numbered_files import numbered_files

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_FRAMES = 120
"""Most frames of an animation, whose frames are all in memory at once. A video may have more."""
FORMATS = {".gif": "GIF", ".webp": "WEBP", ".png": "PNG", ".apng": "PNG", ".mp4": VIDEO}
"""Formats by the suffix of a file: Pillow's, and videos."""


def save_animation(path: str | Path, frames: Sequence[np.ndarray], fps: float = 10.0, hold_last: float = 2.0) -> Path:
    """Save pictures, such as the grids of `tile`, as an animation that repeats, and return its path.

    The suffix of `path` chooses the format: .gif, .webp, .png or .apng for an animated PNG, or .mp4 for a video, which
    plays once. The last frame stays for `hold_last` seconds. Of more than 120 frames, 120 are taken at even distances,
    the first and the last among them; of a video, of more than 3600. A GIF has 256 colours in each frame, enough for
    every grey. Transparency becomes white.

    Shapes: every frame (H, W, C), all of one size
    Raises: ArgumentError without frames, or for a speed out of range, and as `check_format`; ShapeError for frames of
        several sizes; DTypeError for arrays that are not images; ConfigError when the file cannot be written

    >>> from tempfile import TemporaryDirectory
    >>> fade = [np.full((16, 16, 1), value) for value in (-1.0, 0.0, 1.0)]
    >>> with TemporaryDirectory() as folder:
    ...     save_animation(f"{folder}/fade.gif", fade, fps=5).name
    'fade.gif'
    """
    most = _most_frames(path)
    names = [f"frame {n}" for n in range(len(frames))]
    images = (picture_of(checked_pixels("save_animation", np.asarray(frame)[None])[0]) for frame in _thin(frames, most))
    return _save_frames(path, images, _thin(names, most), fps, hold_last)


def animate_folder(
    path: str | Path,
    folder: str | Path,
    fps: float = 10.0,
    hold_last: float = 2.0,
    on_damaged: Callable[[str], None] | None = None,
) -> Path:
    """Save the pictures step-<number>.png of a folder as an animation, in the order of their steps.

    Options are those of :func:`save_animation`. Only the frames that are shown are read. With `on_damaged`, pictures
    that cannot be read are left out, and it is called with a description of each.

    Raises: ConfigError when there are no such pictures, when one cannot be read, or when the file cannot be written;
        ShapeError for pictures of several sizes; ArgumentError as `save_animation`

    >>> from tempfile import TemporaryDirectory
    >>> from rawgan.pictures.grids import save_grid
    >>> with TemporaryDirectory() as folder:
    ...     for step in (100, 200):
    ...         _ = save_grid(f"{folder}/step-{step:06d}.png", np.full((4, 8, 8, 1), step / 200))
    ...     animate_folder(f"{folder}/samples.gif", folder).name
    'samples.gif'
    """
    files = _thin(numbered_files(folder, ".png"), _most_frames(path))
    if not files:
        raise ConfigError(f"{folder} has no pictures step-<number>.png\n  nothing there can be animated yet")
    names, frames = list[str](), list["Image"]()
    for file in files:
        try:
            frames.append(read_png(file))
            names.append(str(file))
        except ConfigError as error:
            if on_damaged is None:
                raise
            on_damaged(str(error).partition("\n")[0])
    return _save_frames(path, frames, names, fps, hold_last)


def check_format(path: str | Path) -> str:
    """Format of an animation, by the suffix of its path: "GIF", "WEBP", "PNG" or "MP4".

    Raises: ArgumentError for another suffix; ConfigError for a video where the package is missing that encodes it

    >>> check_format("walk.webp")
    'WEBP'
    """
    path = Path(path)
    form = FORMATS.get(path.suffix.lower())
    if form is None:
        raise ArgumentError(f"{path}: an animation is one of {', '.join(FORMATS)}, not {path.suffix!r}")
    if form == VIDEO:
        check_encoder(path)
    return form


def _most_frames(path: str | Path) -> int:
    return MOST_VIDEO_FRAMES if check_format(path) == VIDEO else MOST_FRAMES


def _save_frames(
    path: str | Path, pictures: Iterable["Image"], names: Sequence[str], fps: float, hold_last: float
) -> Path:
    """Save pictures as one animation; `names` are what errors call them."""
    path, form = Path(path), check_format(path)
    if not 0 < fps <= 50:
        raise ArgumentError(f"{path}: fps is above 0 and at most 50, which is what viewers show, got {fps}")
    if not 0 <= hold_last <= 60:
        raise ArgumentError(f"{path}: hold_last is from 0 to 60 seconds, got {hold_last}")
    if not names:
        raise ArgumentError(f"{path}: an animation needs at least one frame")
    frames = _of_one_size(path, map(opaque, pictures), names)
    if form == VIDEO:
        return write_file(path, video_bytes(path, frames, fps, hold_last))
    images = [_dithered(frame) if form == "GIF" else frame for frame in frames]
    milliseconds = [round(1000 / fps)] * len(images)
    milliseconds[-1] = max(milliseconds[-1], round(1000 * hold_last))
    data = io.BytesIO()
    images[0].save(data, form, save_all=True, append_images=images[1:], duration=milliseconds, loop=0)
    return write_file(path, data.getvalue())


def _of_one_size(path: Path, pictures: Iterable["Image"], names: Sequence[str]) -> Iterator["Image"]:
    """The pictures, one by one. Raises: ShapeError for one of another size than the first"""
    size = None
    for picture, name in zip(pictures, names, strict=True):
        size = size or picture.size
        if picture.size != size:
            raise ShapeError(
                f"{path}: the frames of an animation have one size, width × height\n"
                f"  {names[0]} {size}   {name} {picture.size}"
            )
        yield picture


def _dithered(picture: "Image") -> "Image":
    """Picture with at most 256 colours: grey as it is, colours as the best palette with dithering."""
    from PIL import Image

    if picture.mode == "L":
        return picture
    palette = picture.quantize(256, method=Image.Quantize.FASTOCTREE)
    return picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)


def _thin(items: Sequence[Any], most: int) -> list[Any]:
    """At most `most` of the items, at even distances, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    return [items[n] for n in np.linspace(0, len(items) - 1, most).round().astype(int)]
