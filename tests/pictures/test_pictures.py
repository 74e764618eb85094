"""Grids, animations, loss curves, terminal pictures and slerp, each read back from what was written."""

import math
import os
import subprocess
import sys
import tracemalloc
import warnings
from itertools import cycle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageSequence
from rich.console import Console

from rawgan.errors import ArgumentError, ConfigError, DTypeError, ShapeError
from rawgan.inference import slerp
from rawgan.pictures import animate_folder, plot_losses, save_animation, save_grid, save_images, terminal_grid, tile
from rawgan.pictures.images import BACKGROUND

rng = np.random.default_rng(7)


def noise(*shape):
    """Bytes that no background equals."""
    return rng.integers(65, 256, shape, dtype=np.uint8)


def read(path):
    """The pixels of a picture file; grey as (H, W)."""
    with Image.open(path) as picture:
        return np.asarray(picture)


def frames_of(path):
    """The frames of an animation as RGB arrays, and how long each is shown in milliseconds."""
    with Image.open(path) as animation:
        frames = [(np.asarray(f.convert("RGB")), f.info["duration"]) for f in ImageSequence.Iterator(animation)]
        return [f[0] for f in frames], [f[1] for f in frames], animation.info["loop"]


# --- tile ------------------------------------------------------------------------------------------------


@given(
    count=st.integers(1, 9),
    height=st.integers(1, 5),
    width=st.integers(1, 5),
    channels=st.sampled_from([1, 3]),
    columns=st.integers(1, 10),
    padding=st.integers(0, 3),
)
def test_tile_puts_every_image_in_its_cell_and_nothing_else(count, height, width, channels, columns, padding):
    images = noise(count, height, width, channels)
    grid = tile(images, columns, padding, background=9)
    paper = [9] * channels
    columns = min(columns, count)
    rows = -(-count // columns)
    assert grid.shape == (
        rows * (height + padding) + padding,
        columns * (width + padding) + padding,
        channels,
    )
    for n, image in enumerate(images):
        y, x = padding + n // columns * (height + padding), padding + n % columns * (width + padding)
        cell = grid[y : y + height, x : x + width]
        assert np.array_equal(cell, image)
        cell[:] = paper
    assert (grid == paper).all()


@pytest.mark.parametrize(
    ("shape", "cells"),
    [
        ((64, 28, 28, 1), (8, 8)),
        ((10, 28, 28, 1), (3, 4)),
        ((1, 28, 28, 1), (1, 1)),
        ((16, 10, 40, 1), (8, 2)),
    ],
)
def test_the_default_grid_is_as_square_as_it_gets(shape, cells):
    assert tile(np.zeros(shape), padding=0).shape[:2] == (cells[0] * shape[1], cells[1] * shape[2])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_go_from_minus_one_to_one_clipped_and_nan_is_black(dtype):
    values = np.array([-1, 0, 1, -7, np.inf, np.nan, 2], dtype).reshape(-1, 1, 1, 1)
    grid = tile(values, columns=7, padding=0)
    assert grid.dtype == np.uint8
    assert grid.ravel().tolist() == [0, 128, 255, 0, 255, 0, 255]
    assert np.isnan(values[5]).all()  # the caller's array is left alone


@pytest.mark.parametrize("shape", [(28, 28), (2, 28, 28), (0, 4, 4, 1), (2, 4, 4, 5), (2, 4, 4, 0), (1, 2, 3, 4, 1)])
@pytest.mark.parametrize("function", [tile, terminal_grid])
def test_what_is_not_images_is_refused_with_its_shape(function, shape):
    with pytest.raises(ShapeError) as error:
        function(np.zeros(shape))
    assert str(shape) in str(error.value)
    assert function.__name__ in str(error.value)


def test_other_dtypes_and_other_arrays_are_refused():
    with pytest.raises(DTypeError, match="uint8, not int64"):
        tile(np.zeros((1, 2, 2, 1), np.int64))
    with pytest.raises(DTypeError, match=r"not builtins\.list"):
        tile([[[[0.0]]]])


@pytest.mark.parametrize(
    "options", [{"columns": 0}, {"columns": 1.5}, {"padding": -1}, {"background": 256}, {"background": -1}]
)
def test_tile_options_out_of_range_are_refused_by_name(options):
    (name,) = options
    with pytest.raises(ArgumentError, match=f"tile: {name}"):
        tile(np.zeros((2, 2, 2, 1)), **options)


# --- grids and single images -----------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [2, 4])
def test_what_is_transparent_shows_a_checkerboard(channels):
    images = np.full((3, 16, 16, channels), 90, np.uint8)
    images[..., -1] = np.array([0, 255, 51])[:, None, None]
    clear, opaque, fifth = np.split(tile(images, 3, padding=0), 3, axis=1)
    fields = clear[::2, ::2]  # eight in a row
    assert clear.shape == (16, 16, channels - 1)
    assert set(clear.ravel()) == {204, 255}
    assert (fields[1:] != fields[:-1]).all()
    assert (fields[:, 1:] != fields[:, :-1]).all()
    np.testing.assert_array_equal(clear, fields.repeat(2, axis=0).repeat(2, axis=1))
    assert (opaque == 90).all()
    np.testing.assert_array_equal(fifth, np.rint(0.2 * 90 + 0.8 * clear.astype(float)))


def test_rows_have_titles(tmp_path):
    images = noise(6, 28, 28, 1)
    plain, titled = (read(save_grid(tmp_path / "a.png", images, 3, titles=t)) for t in ((), ("cat", "a dog")))
    margin = titled.shape[1] - plain.shape[1]
    assert len(titled) == len(plain)
    assert 40 < margin < 200
    np.testing.assert_array_equal(titled[:, margin:], plain)
    words = [half.max(axis=0) > 200 for half in np.split(titled[:, :margin], 2)]
    assert 10 < words[0].sum() < words[1].sum()  # the longer one
    assert np.flatnonzero(words[0])[0] > np.flatnonzero(words[1])[0]
    colour = read(save_grid(tmp_path / "a.png", noise(2, 8, 8, 3), 1, titles=["x" * 400, "y"]))
    assert colour.shape[2] == 3
    assert colour.shape[1] < 512 + 24 * 18 + 18


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
def test_a_saved_grid_reads_back_as_its_tile(tmp_path, channels, mode):
    images = noise(6, 5, 7, channels)
    path = save_grid(tmp_path / "new" / "grid.png", images, columns=3, scale=1)
    with Image.open(path) as picture:
        assert (picture.format, picture.mode) == ("PNG", mode)
    assert np.array_equal(read(path).reshape(16, 29, channels), tile(images, 3))


def test_small_images_are_enlarged_by_whole_pixels(tmp_path):
    images = noise(64, 28, 28, 1)
    pixels = read(save_grid(tmp_path / "a.png", images))
    assert pixels.shape == (726, 726)  # 8 · 28 + 9 · 2 = 242, three times
    assert np.array_equal(pixels[1::3, 1::3], tile(images)[..., 0])
    assert np.array_equal(pixels[::3, ::3], pixels[2::3, 2::3])
    assert read(save_grid(tmp_path / "b.png", noise(1, 600, 600, 3))).shape == (604, 604, 3)
    assert read(save_grid(tmp_path / "c.png", images[:1], scale=np.int64(4))).shape == (128, 128)


@pytest.mark.parametrize("scale", [0, 1.5, -2])
def test_a_scale_that_is_no_whole_number_is_refused(tmp_path, scale):
    with pytest.raises(ArgumentError, match="save_grid: scale"):
        save_grid(tmp_path / "a.png", np.zeros((1, 2, 2, 1)), scale=scale)


def test_a_grid_is_a_png_and_says_so(tmp_path):
    with pytest.raises(ArgumentError, match=r"a\.jpg.*\.png"):
        save_grid(tmp_path / "a.jpg", np.zeros((1, 2, 2, 1)))


def test_single_images_are_numbered_so_that_names_sort(tmp_path):
    images = noise(12, 4, 4, 3)
    paths = save_images(tmp_path / "out", images, "fake")
    assert sorted(paths) == paths
    assert [p.name for p in paths[::11]] == ["fake-00000.png", "fake-00011.png"]
    assert all(np.array_equal(read(path), image) for path, image in zip(paths, images, strict=True))
    assert save_images(tmp_path, images[:2], "x", start=999_999)[0].name == "x-0999999.png"


def test_a_failed_write_leaves_the_old_picture_and_no_litter(tmp_path, monkeypatch):
    path = save_grid(tmp_path / "a.png", noise(1, 4, 4, 1))
    before = path.read_bytes()

    write = os.write

    def half(descriptor, data):
        if len(data) < 50:
            raise OSError(28, "No space left on device")
        return write(descriptor, data[: len(data) // 2])

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(ConfigError, match=r"a\.png could not be written: No space left on device"):
        save_grid(path, noise(1, 4, 4, 1))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


# --- animations ------------------------------------------------------------------------------------------


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


def test_many_colours_are_mixed_in_a_gif_without_a_cast(tmp_path):
    y, x = np.mgrid[-1:1:96j, -1:1:96j]
    frame = np.stack([np.sin(3 * x), np.cos(4 * y), x * y], axis=-1)
    (pixels,), _, _ = frames_of(save_animation(tmp_path / "a.gif", [frame]))

    def blocks(image):  # what an eye sees from afar
        return image.reshape(12, 8, 12, 8, 3).mean(axis=(1, 3))

    assert abs(blocks(pixels) - blocks((frame + 1) * 127.5)).mean() < 2.5  # 4.1 when not mixed


def test_what_is_transparent_becomes_white(tmp_path):
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
        """3000 frames, made when asked for: together they would take 750 MB."""

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
        ("a.mp4", 2, {}, r"\.gif, \.webp.*not '\.mp4'"),
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


# --- loss curves -----------------------------------------------------------------------------------------


def metrics(count):
    """A training run that goes as one hopes."""
    fade = np.exp(-np.arange(count) / 200)
    return [
        {"step": n + 1, "d_loss": 1.3 - f, "g_loss": 0.7 + f, "d_real": 0.5 + f / 2, "d_fake": 0.5 - f / 2}
        for n, f in enumerate(fade)
    ]


CURVES = {"d_loss": "#0072B2", "g_loss": "#D55E00", "d_real": "#009E73", "d_fake": "#CC79A7"}


def drawn(path):
    """How many pixels of a plot have the colour of each curve."""
    pixels = read(path)
    colors = {key: [int(color[n : n + 2], 16) for n in (1, 3, 5)] for key, color in CURVES.items()}
    return {key: int((pixels[..., :3] == color).all(axis=-1).sum()) for key, color in colors.items()}


@pytest.fixture(scope="module")
def legend(tmp_path_factory):
    """What is drawn of no steps at all: the legend."""
    return drawn(plot_losses(tmp_path_factory.mktemp("plots") / "empty.png", []))


@pytest.mark.parametrize("count", [1, 2, 49, 50, 9001])
def test_curves_are_drawn_for_any_number_of_steps(tmp_path, legend, count):
    path = plot_losses(tmp_path / "losses.png", metrics(count))
    assert read(path).shape == (975, 1350, 4)
    shown = drawn(path)
    assert all(shown[key] >= legend[key] + 10 for key in CURVES)


@pytest.mark.parametrize("key", CURVES)
def test_each_curve_shows_its_own_values(tmp_path, legend, key):
    only = plot_losses(tmp_path / "only.png", [{"step": r["step"], key: r[key]} for r in metrics(300)])
    more = {name: number - legend[name] for name, number in drawn(only).items()}
    assert more.pop(key) > 500
    assert max(more.values()) < 100  # their lines in the legend, which have no marker here


@pytest.mark.parametrize("count", [1, 40, 400])
@pytest.mark.parametrize("holes", [[float("nan")], [float("inf"), None, 1e300, -1e300]], ids=["nan", "huge"])
def test_values_that_are_not_finite_or_huge_are_no_trouble(tmp_path, legend, holes, count):
    records = metrics(count)
    for record, hole in zip(records[::7], cycle(holes), strict=False):
        record["g_loss"] = record["d_real"] = hole
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = plot_losses(tmp_path / "losses.png", records)
    assert drawn(path)["d_fake"] > legend["d_fake"]


def test_a_loss_measured_at_some_steps_only_is_still_a_curve(tmp_path):
    rare = [record if n % 5 == 0 else {**record, "g_loss": None} for n, record in enumerate(metrics(1000))]
    path, full = plot_losses(tmp_path / "a.png", rare), plot_losses(tmp_path / "b.png", metrics(1000))
    assert drawn(path)["g_loss"] > 0.8 * drawn(full)["g_loss"]


def test_class_losses_are_curves_of_the_upper_panel_where_there_are_any(tmp_path):
    records = [{**record, "class_real": 1.0, "class_fake": 2.0} for record in metrics(300)]
    without, some = (
        read(plot_losses(tmp_path / "losses.png", known))[: 975 // 2, :1080, :3] for known in (metrics(300), records)
    )
    for colour in ((0x00, 0x9E, 0x73), (0xCC, 0x79, 0xA7)):
        assert not (without == colour).all(axis=-1).any()
        assert (some == colour).all(axis=-1).sum() > 500


def generator_curve(path):
    """Where the thick curve of the generator's loss is: a mask of the upper panel, left of the legend."""
    return (read(path)[: 975 // 2, :1080, :3] == (0xD5, 0x5E, 0x00)).all(axis=-1)


def test_what_is_not_finite_is_a_gap(tmp_path):
    records = [{"step": n, "g_loss": math.nan if 300 < n < 700 else 1.0} for n in range(1000)]
    (columns,) = np.nonzero(generator_curve(plot_losses(tmp_path / "a.png", records)).any(axis=0))
    assert np.diff(columns).max() / np.ptp(columns) == pytest.approx(0.4, abs=0.02)
    assert len(columns) > 500


def test_the_thick_curve_is_the_mean_of_its_surroundings(tmp_path):
    records = [{"step": n, "g_loss": n % 2} for n in range(1000)]
    (rows,) = np.nonzero(generator_curve(plot_losses(tmp_path / "a.png", records)).any(axis=1))
    assert np.ptp(rows) < 20  # of about 400 pixels between 0 and 1


def test_records_without_a_step_are_left_out(tmp_path):
    a = plot_losses(tmp_path / "a.png", [*metrics(60), {"note": "saved"}, {"step": None, "d_loss": 99.0}])
    b = plot_losses(tmp_path / "b.png", metrics(60))
    assert a.read_bytes() == b.read_bytes()


def test_plotting_leaves_no_global_state(tmp_path):
    code = (
        "import sys, rawgan.pictures, rawgan.storage\n"
        "heavy = {'PIL', 'matplotlib', 'safetensors', 'tomli_w', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        f"rawgan.pictures.plot_losses({str(tmp_path / 'a.png')!r}, [])\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# --- the terminal ----------------------------------------------------------------------------------------


def pixels_of(text):
    """What the half blocks of a rich Text show: (2 · rows, columns, 3)."""
    rows = []
    for line in text.split("\n", allow_blank=False):
        assert set(line.plain) == {"▀"}
        upper, lower = np.zeros((2, len(line.plain), 3), np.uint8)
        for span in line.spans:
            upper[span.start : span.end] = span.style.color.triplet
            lower[span.start : span.end] = span.style.bgcolor.triplet
        rows += [upper, lower]
    return np.array(rows)


@pytest.mark.parametrize("channels", [1, 3])
def test_images_that_fit_the_terminal_are_shown_pixel_by_pixel(channels):
    images = noise(5, 7, 6, channels)
    shown = pixels_of(terminal_grid(images, columns=3, width=22))
    expected = np.broadcast_to(tile(images, 3, padding=1), (17, 22, 3))
    assert np.array_equal(shown[:17], expected)
    assert (shown[17:] == BACKGROUND).all()  # an odd row is filled up
    assert len(shown) == 18


def test_images_too_large_are_averaged_by_area():
    images = np.zeros((1, 8, 8, 1), np.uint8)
    images[0, ::2, ::2] = 200  # a quarter of every 2 × 2 block
    shown = pixels_of(terminal_grid(images, width=6))
    assert (shown[1:5, 1:5] == 50).all()


@pytest.mark.parametrize("width", [3, 20, 80, 81, 200])
@pytest.mark.parametrize("columns", [None, 1])
def test_the_grid_fits_the_width_and_prints_as_it_is(width, columns):
    text = terminal_grid(noise(10, 28, 28, 1), columns, width)
    lines = text.plain.splitlines()
    assert {len(line) for line in lines} == {len(lines[0])}
    assert len(lines[0]) <= width
    console = Console(width=width, force_terminal=True, color_system=None)
    with console.capture() as capture:
        console.print(text)
    assert capture.get() == text.plain + "\n"


def test_transparent_images_stand_before_white():
    assert (pixels_of(terminal_grid(np.zeros((1, 2, 2, 4), np.uint8), width=4))[1:3, 1:3] == 255).all()


def test_too_many_columns_for_the_terminal_are_refused_with_the_most_that_fit():
    images = np.zeros((64, 28, 28, 1))
    with pytest.raises(ArgumentError, match=r"(?s)50 images side by side do not fit 80.*at most 39 columns"):
        terminal_grid(images, columns=50, width=80)
    terminal_grid(images, columns=39, width=80)
    with pytest.raises(ArgumentError, match="columns"):
        terminal_grid(images, columns=0)


# --- slerp -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(t=st.floats(0, 1), seed=st.integers(0, 2**32 - 1))
def test_slerp_stays_on_the_sphere_at_the_right_angle(dtype, t, seed):
    z0, z1 = np.random.default_rng(seed).standard_normal((2, 16))
    z0, z1 = (z0 / np.linalg.norm(z0)).astype(dtype), (z1 / np.linalg.norm(z1)).astype(dtype)
    z = slerp(z0, z1, t)
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    assert z.dtype == dtype
    assert np.linalg.norm(z) == pytest.approx(1, abs=tolerance)
    whole = np.arctan2(np.linalg.norm(z1 - (z1 @ z0) * z0), z1 @ z0)
    assert z @ z0 == pytest.approx(np.cos(t * whole), abs=tolerance)
    assert z @ z1 == pytest.approx(np.cos((1 - t) * whole), abs=tolerance)


def test_slerp_ends_where_it_should_and_keeps_the_lengths():
    z0, z1 = rng.standard_normal((2, 3, 64))
    path = slerp(z0, 5 * z1, np.array([0.0, 1.0])[:, None])
    assert path.shape == (2, 3, 64)
    np.testing.assert_allclose(path, [z0, 5 * z1], rtol=1e-12)


@pytest.mark.parametrize(
    ("shape0", "shape1", "times", "expected"),
    [
        ((8,), (8,), (), (8,)),
        ((8,), (8,), (5,), (5, 8)),
        ((3, 8), (3, 8), (), (3, 8)),
        ((3, 8), (3, 8), (3,), (3, 8)),
        ((3, 8), (8,), (5, 1), (5, 3, 8)),
        ((4, 1, 8), (3, 8), (), (4, 3, 8)),
    ],
)
def test_slerp_broadcasts_and_leaves_its_arguments_alone(shape0, shape1, times, expected):
    z0, z1, t = rng.standard_normal(shape0), rng.standard_normal(shape1), rng.random(times)
    before = z0.copy(), z1.copy(), np.copy(t)
    assert slerp(z0, z1, t).shape == expected
    assert all(np.array_equal(a, b) for a, b in zip((z0, z1, t), before, strict=True))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("z0", "z1"),
    [
        ([1, 2, 2], [1, 2, 2]),
        ([1, 2, 2], [3, 6, 6]),
        ([1, 2, 2], [-1, -2, -2]),
        ([0, 0, 0], [1, 2, 2]),
        ([0] * 3,) * 2,
    ],
    ids=["equal", "parallel", "opposite", "zero", "both zero"],
)
def test_where_no_great_circle_joins_them_the_way_is_straight(dtype, z0, z1):
    z0, z1 = np.array(z0, dtype), np.array(z1, dtype)
    times = np.array([0, 0.25, 0.5, 1])
    expected = (1 - times)[:, None] * z0 + times[:, None] * z1
    np.testing.assert_allclose(slerp(z0, z1, times), expected, atol=1e-6)


def test_slerp_between_equal_vectors_stays_though_their_cosine_rounds_to_more_than_1():
    z = np.random.default_rng(0).standard_normal((300, 100))
    np.testing.assert_allclose(slerp(z, z, 0.5), z, rtol=1e-12)


def test_slerp_of_nearly_parallel_vectors_is_precise():
    z0 = np.array([1.0, 0.0])
    for angle in 10.0 ** -np.arange(1, 9):
        z1 = np.array([np.cos(angle), np.sin(angle)])
        middle = [np.cos(angle / 2), np.sin(angle / 2)]
        np.testing.assert_allclose(slerp(z0, z1, 0.5), middle, atol=1e-8)


@pytest.mark.parametrize(
    ("shape0", "shape1", "t"),
    [((8,), (9,), 0.5), ((2, 8), (3, 8), 0.5), ((3, 8), (3, 8), [0, 1]), ((), (), 0.5)],
)
def test_slerp_refuses_shapes_that_do_not_fit(shape0, shape1, t):
    with pytest.raises(ShapeError) as error:
        slerp(np.zeros(shape0), np.zeros(shape1), t)
    assert f"z0 {shape0}   z1 {shape1}" in str(error.value)


@pytest.mark.parametrize(("dtype0", "dtype1"), [("f4", "f8"), ("i8", "i8"), ("f2", "f2")])
def test_slerp_refuses_other_dtypes(dtype0, dtype1):
    with pytest.raises(DTypeError, match="slerp"):
        slerp(np.zeros(4, dtype0), np.zeros(4, dtype1), 0.5)
