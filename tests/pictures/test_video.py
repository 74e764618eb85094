"""Videos, read back by ffmpeg."""

import importlib.util
import sys

import numpy as np
import pytest

from rawgan.errors import ConfigError, ShapeError
from rawgan.pictures import animate_folder, save_animation, save_grid
from rawgan.pictures import animation as module

pytestmark = [  # imageio-ffmpeg leaves the closing of its pipes to Python
    pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
needs_ffmpeg = pytest.mark.skipif(
    importlib.util.find_spec("imageio_ffmpeg") is None,
    reason="videos are not tested: pip install -e '.[video]' installs ffmpeg",
)


def frames_of(path):
    """Facts about a video, and its frames as RGB arrays."""
    import imageio_ffmpeg

    reader = imageio_ffmpeg.read_frames(path)
    about = next(reader)
    width, height = about["size"]
    return about, [np.frombuffer(frame, np.uint8).reshape(height, width, 3) for frame in reader]


@needs_ffmpeg
def test_a_video_has_even_sides_and_all_frames_in_order(tmp_path):
    levels = (20, 100, 240)
    frames = [np.full((31, 17, 1), level, np.uint8) for level in levels]
    frames[0][:, -1] = 200
    path = save_animation(tmp_path / "a.mp4", frames, fps=5, hold_last=1.0)
    about, pixels = frames_of(path)
    assert (about["size"], about["pix_fmt"].partition("(")[0], about["codec"]) == ((18, 32), "yuv420p", "h264")
    assert about["fps"] == 5
    assert [round(float(frame[:24, :12].mean())) for frame in pixels] == pytest.approx([20, 100] + [240] * 5, abs=3)
    assert abs(pixels[0][:, -1].mean() - 200) < 30  # the last column, twice
    assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"]


@needs_ffmpeg
def test_colours_survive_a_video_nearly(tmp_path):
    colours = np.array([[230, 40, 40], [40, 200, 60], [50, 60, 220]], np.uint8)
    frame = colours.repeat(16, axis=0)[None].repeat(32, axis=0)
    _, (pixels,) = frames_of(save_animation(tmp_path / "a.mp4", [frame], hold_last=0))
    inner = pixels.reshape(32, 3, 16, 3)[:, :, 4:12].mean(axis=(0, 2))
    assert np.abs(inner - colours).max() < 8


@needs_ffmpeg
def test_the_pictures_of_a_run_become_a_video(tmp_path):
    for step in range(130):  # more than other animations have
        save_grid(tmp_path / f"step-{step:06d}.png", np.full((1, 4, 4, 1), step, np.uint8), scale=4)
    _, pixels = frames_of(animate_folder(tmp_path / "a.mp4", tmp_path, hold_last=0))
    assert len(pixels) == 130


@needs_ffmpeg
def test_a_failure_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"old")
    with pytest.raises(ShapeError, match="one size"):
        save_animation(path, [np.zeros((4, 4, 1)), np.zeros((4, 6, 1))])
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", sys.executable)  # which is no ffmpeg
    with pytest.raises(ConfigError, match=r"a\.mp4 could not be made: ffmpeg fails"):
        save_animation(path, [np.zeros((4, 4, 1))])
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"]


def test_without_the_package_an_error_names_the_extra_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setattr("rawgan.pictures.video.find_spec", lambda name: None)
    monkeypatch.setattr(module, "picture_of", lambda pixels: pytest.fail("a frame was taken"))
    with pytest.raises(ConfigError, match=r"pip install '\.\[video\]' in rawgan's folder\n.*\.gif and \.webp"):
        save_animation(tmp_path / "a.mp4", [np.zeros((4, 4, 1))])
    assert not [*tmp_path.iterdir()]
