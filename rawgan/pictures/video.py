"""Videos: MP4 files of H.264, encoded by the ffmpeg of imageio-ffmpeg, which the extra `video` installs."""

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from rawgan.errors import ConfigError, one_line
from rawgan.storage.lookup import errors_naming

if TYPE_CHECKING:
    from PIL.Image import Image

VIDEO = "MP4"
MOST_VIDEO_FRAMES = 3600
"""Most frames of a video: two minutes at 30 frames per second."""
INDEX = b"moov"
"""Name of the part of a file that ffmpeg writes at the end."""
QUALITY = 8
"""Quality from 0 to 10, as imageio-ffmpeg counts it; 5 blurs the edges of small images."""


def check_encoder(path: Path) -> None:
    """Raise a ConfigError if the package that encodes videos is missing."""
    if find_spec("imageio_ffmpeg") is None:
        raise ConfigError(
            f"{path}: a video is made by imageio-ffmpeg: pip install '.[video]' in rawgan's folder\n"
            "  without it, there are .gif and .webp"
        )


def video_bytes(path: Path, frames: Iterable["Image"], fps: float, hold_last: float) -> bytes:
    """Content of an MP4 file: H.264 with 4:2:0 chroma (yuv420p), which every player shows.

    That needs even sides: the last row and column of odd ones are repeated. The last frame is repeated for `hold_last`
    seconds. `path` is for errors; the frames, of one size and of mode L or RGB, are taken one by one.

    Raises: ConfigError when ffmpeg fails; FileError when there is no room for its file
    """
    # ffmpeg goes back to the beginning of its file at the end, so it needs a file, which nobody else sees
    with errors_naming(path, "made"), TemporaryDirectory(prefix="rawgan-video-") as folder:
        file = Path(folder) / "video.mp4"
        try:
            _encode(file, frames, fps, hold_last)
            data = file.read_bytes()
            if INDEX not in data:  # ffmpeg's exit code is not known
                raise OSError("its file is incomplete; is the disk full?")
        except (OSError, RuntimeError) as error:
            raise ConfigError(f"{path} could not be made: ffmpeg fails: {one_line(str(error))[:300]}") from error
        return data


def _encode(file: Path, frames: Iterable["Image"], fps: float, hold_last: float) -> None:
    """Write frames, one or more, to an MP4 file."""
    import imageio_ffmpeg

    encoder: Any = None
    pixels = b""
    try:
        for frame in frames:
            image = _even(np.asarray(frame.convert("RGB")))
            pixels = np.ascontiguousarray(image).tobytes()
            if encoder is None:
                encoder = imageio_ffmpeg.write_frames(
                    file, image.shape[1::-1], fps=fps, codec="libx264", quality=QUALITY, macro_block_size=2,
                    pix_fmt_out="yuv420p", ffmpeg_log_level="error", output_params=["-movflags", "+faststart"],
                )  # fmt: skip
                encoder.send(None)
            encoder.send(pixels)
        for _ in range(round(hold_last * fps) - 1):
            encoder.send(pixels)
    finally:
        if encoder is not None:
            encoder.close()


def _even(image: np.ndarray) -> np.ndarray:
    """Image with even sides, whose last row and column are repeated if need be. Shapes: (H, W, C) → (H', W', C)"""
    height, width = image.shape[:2]
    return np.pad(image, [(0, height % 2), (0, width % 2), (0, 0)], mode="edge")
