"""Animations, read back from the files."""

import tracemalloc

import numpy as np
import pytest
from picture_files import noise
from PIL import Image, ImageSequence

from rawgan.errors import ArgumentError, ConfigError, ShapeError
from rawgan.pictures import animate_folder, save_animation, save_grid


def frames_of(path):
    """Frames of an animation as RGB arrays, their durations in milliseconds, and the number of loops."""
    with Image.open(path) as animation:
        frames = [(np.asarray(f.convert("RGB")), f.info["duration"]) for f in ImageSequence.Iterator(animation)]
        return [f[0] for f in frames], [f[1] for f in frames], animation.info["loop"]


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png", ".apng"])
def test_an_animation_keeps_frames_order_and_times(tmp_path, suffix):
    levels = (-1.0, -0.5, 0.25, 1.0)
    frames = [np.full((12, 9, 1), level) for level in levels]
    path = save_animation(tmp_path / f"a{suffix}", frames, fps=5, hold_last=1.5)
    pixels, times, loop = frames_of(path)
    assert times == [200, 200, 200, 1500]
    assert loop == 0  # for ever
    assert [round(frame.mean()) for frame in pixels] == pytest.approx([0, 64, 159, 255], abs=1)
    assert pixels[0].shape == (12, 9, 3)


def test_every_grey_survives_a_gif(tmp_path):
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    pixels, _, _ = frames_of(save_animation(tmp_path / "a.gif", [ramp, ramp[::-1]]))
    assert np.array_equal(pixels[0], ramp.repeat(3, axis=2))
    assert np.array_equal(pixels[1], ramp[::-1].repeat(3, axis=2))


def test_colours_survive_a_gif_nearly(tmp_path):
    red, blue = np.array([[[255, 0, 0]]], np.uint8), np.array([[[0, 0, 255]]], np.uint8)
    frames = [np.tile(np.concatenate(pair, axis=1), (8, 4, 1)) for pair in ((red, blue), (blue, red))]
    pixels, _, _ = frames_of(save_animation(tmp_path / "a.gif", frames))
    assert all(abs(a.astype(int) - b).max() < 8 for a, b in zip(pixels, frames, strict=True))


def test_many_colours_are_dithered_in_a_gif_without_a_cast(tmp_path):
    y, x = np.mgrid[-1:1:96j, -1:1:96j]
    frame = np.stack([np.sin(3 * x), np.cos(4 * y), x * y], axis=-1)
    (pixels,), _, _ = frames_of(save_animation(tmp_path / "a.gif", [frame]))

    def blocks(image):  # what an eye sees from afar
        return image.reshape(12, 8, 12, 8, 3).mean(axis=(1, 3))

    assert abs(blocks(pixels) - blocks((frame + 1) * 127.5)).mean() < 2.5  # 4.1 when not mixed


def test_transparent_pixels_become_white(tmp_path):
    clear, solid = np.zeros((4, 4, 4), np.uint8), np.full((4, 4, 2), (0, 255), np.uint8)
    pixels, _, _ = frames_of(save_animation(tmp_path / "a.gif", [clear, solid]))
    assert (pixels[0] == 255).all()
    assert (pixels[1] == 0).all()


def test_the_last_frame_is_never_shorter_than_the_others(tmp_path):
    frames = [np.full((2, 2, 1), value, np.uint8) for value in (0, 255)]
    assert frames_of(save_animation(tmp_path / "a.gif", frames, fps=2, hold_last=0))[1] == [500, 500]


def test_thousands_of_frames_are_thinned_without_being_held(tmp_path):
    seen = []

    class Film:
        """3000 frames, made on demand: together they would take 750 MB."""

        def __len__(self):
            return 3000

        def __getitem__(self, n):
            if n >= 3000:
                raise IndexError
            seen.append(int(n))
            return np.full((500, 500, 1), n * 255 // 2999, np.uint8)

    tracemalloc.start()
    pixels, _, _ = frames_of(save_animation(tmp_path / "a.gif", Film()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(pixels) == len(seen) == 120
    assert (seen[0], seen[-1]) == (0, 2999)
    assert set(np.diff(seen)) <= {25, 26}
    assert (pixels[0].max(), pixels[-1].min()) == (0, 255)
    assert peak < 300e6


def test_a_folder_is_animated_in_the_order_of_its_steps(tmp_path):
    for step, level in ((999_999, 40), (1_000_000, 200), (5, 0)):
        save_grid(tmp_path / f"step-{step:06d}.png", np.full((1, 4, 4, 1), level, np.uint8))
    save_grid(tmp_path / "other.png", np.zeros((1, 9, 9, 3)))
    path = animate_folder(tmp_path / "a.gif", tmp_path, fps=4, hold_last=1)
    pixels, times, _ = frames_of(path)
    middle = pixels[0].shape[0] // 2
    assert [int(frame[middle, middle, 0]) for frame in pixels] == [0, 40, 200]
    assert times == [250, 250, 1000]


def test_a_folder_without_pictures_says_so(tmp_path):
    with pytest.raises(ConfigError, match=r"no pictures step-<number>\.png"):
        animate_folder(tmp_path / "a.gif", tmp_path)


@pytest.mark.parametrize("damage", [lambda data: b"not a picture", lambda data: data[:60] + b"?" * 40])
def test_a_broken_picture_is_named(tmp_path, damage):
    save_grid(tmp_path / "step-000001.png", noise(1, 8, 8, 1))
    broken = save_grid(tmp_path / "step-000002.png", noise(1, 8, 8, 1))
    broken.write_bytes(damage(broken.read_bytes()))
    with pytest.raises(ConfigError, match=r"step-000002\.png cannot be read"):
        animate_folder(tmp_path / "a.gif", tmp_path)
    assert not (tmp_path / "a.gif").exists()


def test_frames_of_several_sizes_are_refused_by_name(tmp_path):
    with pytest.raises(ShapeError, match=r"frame 0 \(4, 4\) {3}frame 1 \(6, 4\)"):
        save_animation(tmp_path / "a.gif", [np.zeros((4, 4, 1)), np.zeros((4, 6, 1))])


@pytest.mark.parametrize(
    ("name", "count", "options", "message"),
    [
        ("a.avi", 2, {}, r"\.gif, \.webp.*\.mp4, not '\.avi'"),
        ("a.gif", 0, {}, "at least one frame"),
        ("a.gif", 2, {"fps": 0}, "fps"),
        ("a.gif", 2, {"fps": 51}, "fps"),
        ("a.gif", 2, {"hold_last": -1}, "hold_last"),
        ("a.gif", 2, {"hold_last": float("nan")}, "hold_last"),
    ],
)
def test_animation_options_out_of_range_are_refused(tmp_path, name, count, options, message):
    with pytest.raises(ArgumentError, match=message):
        save_animation(tmp_path / name, [np.zeros((4, 4, 1))] * count, **options)
