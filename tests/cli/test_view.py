"""Views of a run: as large as the terminal allows, often enough, every figure with its name and unit."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time

import numpy as np
import pytest
from rich.console import Console
from run_files import TINY

from rawgan.cli.terminal import view as view_module
from rawgan.cli.terminal.progress import moves_cursor
from rawgan.cli.terminal.view import REDRAW_SECONDS, REFRESH_SECONDS, SHARE, Log, View
from rawgan.config.noise import TrainConfig
from rawgan.config.translation import Pix2pixConfig
from rawgan.gan.objectives import guess_losses, losses_of
from rawgan.pictures.terminal import Layout, layout_of, terminal_grid, terminal_lines
from rawgan.storage import RunFolder
from rawgan.training import Trainer, train

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


def training_of(images, **options):
    return Trainer(
        TrainConfig.of(**{"data": images, "model": "dcgan", "image_size": 8, "batch_size": 4, "width": 2, **options})
    )


def record(step, epoch, d_loss, g_loss, d_real, d_fake, **others):
    figures = {"d_loss": d_loss, "g_loss": g_loss, "d_real": d_real, "d_fake": d_fake}
    return {"step": step, "epoch": epoch, **figures, **others}


def console_of(width=80, height=24, **options):
    return Console(force_terminal=True, width=width, height=height, **{"color_system": "truecolor", **options})


def shown(capsys):
    """The last that a terminal would show, line by line."""
    frames = ESCAPES.sub("", capsys.readouterr().out).split("\r")
    return [line for line in frames[-1].splitlines() if line.strip()]


# --- how images are laid out -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "small", "large"),
    [(28, Layout(4, 2, 16), Layout(6, 3, 28)), (64, Layout(4, 2, 16), Layout(4, 2, 48))],
)
def test_images_are_larger_in_a_larger_terminal(size, small, large):
    assert layout_of(64, 1, (size, size), 80, 18) == small
    assert layout_of(64, 1, (size, size), 200, 54) == large


def test_small_images_are_enlarged_when_all_have_a_place():
    assert layout_of(64, 1, (8, 8), 80, 18) == Layout(8, 3, 8)  # not yet: more of them are shown instead
    assert layout_of(4, 1, (8, 8), 80, 18) == Layout(2, 2, 16)
    assert layout_of(4, 1, (8, 8), 100, 36) == Layout(2, 2, 32)


@pytest.mark.parametrize("group", [1, 2, 3, 4, 10])
@pytest.mark.parametrize(("width", "height"), [(20, 6), (80, 18), (79, 19), (200, 54), (400, 20)])
@pytest.mark.parametrize("shape", [(8, 8), (28, 28), (64, 64), (256, 256), (20, 40)])
def test_what_is_laid_out_fits_and_keeps_together_what_belongs_together(shape, width, height, group):
    count = 60
    found = layout_of(count, group, shape, width, height)
    if found is None:
        assert min(width, 2 * height) < 40
        return
    assert found.columns * (found.across + 1) + 1 <= width
    lines = terminal_lines(np.zeros((count, *shape, 1), np.uint8), found, None)
    assert len(lines) <= height
    assert {len(line) for line in lines} == {found.columns * (found.across + 1) + 1}
    assert found.places % group == 0
    assert found.columns % group == 0 or group % found.columns == 0
    assert found.rows > 1 or width > 4 * height


def test_nothing_is_laid_out_where_there_is_no_room():
    assert layout_of(64, 1, (28, 28), 2, 18) is None
    assert layout_of(64, 1, (28, 28), 80, 0) is None


# --- how they are drawn ----------------------------------------------------------------------------------------------


def test_lines_show_the_pixels_that_the_grid_has():
    """To within the step by which colours are told apart."""
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), np.uint8)
    grid = terminal_grid(images, columns=2, width=19)
    for line, text in zip(terminal_lines(images, Layout(2, 2, 8), "truecolor"), grid.split("\n"), strict=True):
        assert ESCAPES.sub("", line) == text.plain
        colors = {"38": None, "48": None}
        cells = []
        for codes, blocks in re.findall(r"\x1b\[([\d;]*)m(▀*)", line):
            for which, red, green, blue in re.findall(r"([34]8);2;(\d+);(\d+);(\d+)", codes):
                colors[which] = int(red), int(green), int(blue)
            cells += [(colors["38"], colors["48"])] * len(blocks)
        expected = [
            (span.style.color.triplet, span.style.bgcolor.triplet)
            for span in text.spans
            for _ in range(span.end - span.start)
        ]
        assert np.abs(np.array(cells) - np.array(expected)).max() <= 8


def test_black_and_white_stay_what_they_are():
    images = np.array([0, 255], np.uint8).reshape(2, 1, 1, 1)
    lines = "".join(terminal_lines(images, Layout(2, 1, 1), "truecolor"))
    assert "48;2;0;0;0" in lines
    assert "48;2;255;255;255" in lines


def test_a_terminal_of_256_colours_gets_the_nearest():
    images = np.array([[255, 0, 0], [128, 128, 128], [0, 0, 0]], np.uint8).reshape(3, 1, 1, 3)
    lines = "".join(terminal_lines(images, Layout(3, 1, 1), "256"))
    assert {"5;196", "5;244", "5;16"} <= set(re.findall(r"48;(5;\d+)", lines))


@pytest.mark.parametrize("colors", [None, "standard"])
def test_without_colours_brightness_is_a_character(colors):
    images = np.array([0, 128, 255], np.uint8).reshape(3, 1, 1, 1).repeat(2, 1).repeat(2, 2)
    lines = terminal_lines(images, Layout(3, 1, 2), colors)
    assert "\x1b" not in "".join(lines)
    assert len({lines[1][1], lines[1][4], lines[1][7]}) == 3


@pytest.mark.parametrize(
    ("options", "colors"),
    [
        ({}, "truecolor"),
        ({"color_system": "256"}, "256"),
        ({"color_system": None}, None),
        ({"no_color": True}, None),
    ],
)
def test_colours_are_those_of_the_terminal(options, colors, images, capsys):
    with View(console_of(**options), training_of(images)) as view:
        view.show(0, np.zeros((4, 8, 8, 1)))
        assert view._colors() == colors
        assert ("▀" in "".join(view.picture)) == (colors is not None)


def test_no_block_goes_to_a_terminal_that_has_none(images, tmp_path):
    with (
        (tmp_path / "ascii").open("w", encoding="ascii") as file,
        View(console_of(file=file), training_of(images)) as view,
    ):
        view.show(0, np.zeros((4, 8, 8, 1)))
        view.step(None, record(1, 0.1, 1.0, 1.0, 0.5, 0.5))
    assert (tmp_path / "ascii").read_text(encoding="ascii")


@pytest.mark.parametrize(
    ("options", "moves"),
    [({"force_terminal": True}, True), ({"force_terminal": False}, False), ({"TERM": "dumb"}, False)],
)
def test_only_where_the_cursor_moves_does_a_view(options, moves):
    environment = {"TERM": options.pop("TERM", "xterm")}
    console = Console(_environ=environment, **{"force_terminal": True, **options})
    assert moves_cursor(console) == moves


# --- what is said ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [80, 200])
def test_every_figure_has_its_name_and_its_unit(width, images, capsys, monkeypatch):
    clock = iter(np.arange(1000, 2000, 0.25))
    monkeypatch.setattr(view_module.time, "monotonic", lambda: float(next(clock)))
    with View(console_of(width=width), training_of(images, steps=2500)) as view:
        view.times.append((1233, 0.0))
        view.times.append((1234, 0.5))
        view.record = record(1234, 1.0, 0.5, 2.0, 0.625, 0.375)
        monkeypatch.setattr(view_module.time, "monotonic", lambda: 0.5)
    lines = shown(capsys)
    assert lines == [
        "step 1234/2500  epoch 1.00  2 steps/s  8 images/s  ETA 10 min 33 s",
        lines[1],
        "D loss 0.500  G loss 2.000  (nats; 1.386 and 0.693 if D guesses)",
        "D(real) 0.62  D(fake) 0.38  (probability of being real, by D; 0.5 if D guesses)",
    ]
    assert set(lines[1]) <= set("━╸╺")
    assert len(lines[1]) == width


def test_a_step_that_takes_long_is_timed(images, monkeypatch):
    view = View(console_of(), training_of(images, steps=10))
    view.record = record(2, 0.1, 1.0, 1.0, 0.5, 0.5)
    view.times.extend([(1, 100.0), (2, 140.0)])
    monkeypatch.setattr(view_module.time, "monotonic", lambda: 170.0)
    assert str(view._status()[0]) == "step 2/10  epoch 0.10  40 s/step  0.1 images/s  ETA 4 min 50 s  this step: 30 s"


def test_what_is_translated_differs_from_what_it_should_be(capsys):
    training = Trainer(Pix2pixConfig.of(steps=10, batch_size=2, width=2))
    view = View(console_of(), training)
    view.record = record(1, 0.1, 1.0, 1.0, 0.5, 0.5, pixel=0.25)
    assert str(view._status()[-1]) == "pixel difference 0.250  (mean absolute; pixels are from -1 to 1)"


@pytest.mark.parametrize(
    ("name", "d_loss", "g_loss"),
    [("minimax", 2 * np.log(2), -np.log(2)), ("least-squares", 0.5, 0.5), ("hinge", 2, 0), ("wasserstein", 0, 0),
     ("relativistic", np.log(2), np.log(2))],
)  # fmt: skip
def test_what_guessing_costs(name, d_loss, g_loss):
    assert guess_losses(losses_of(name)) == pytest.approx((d_loss, g_loss), abs=1e-6)


def test_the_log_is_sparse_and_knows_how_long_it_takes(images, monkeypatch, capsys):
    clock = iter(range(1000, 2000))  # a step a second
    monkeypatch.setattr(view_module.time, "monotonic", lambda: float(next(clock)))
    with Log(Console(), training_of(images, steps=100)) as log:
        for step in range(1, 101):
            log.step(None, record(step, 0.0, 1.0, 1.0, 0.5, 0.5))
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("step")]
    assert len(lines) == 1 + 19 + 1  # the first, one every five seconds, the last
    assert "images/s" not in lines[0]
    assert lines[1].startswith("step 6/100 ")
    assert lines[1].endswith("  1 s/step  4 images/s  ETA 1 min 34 s")


# --- when ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [0.01, 1.0, 3.0, 20.0])
@pytest.mark.parametrize("cost", [0.0, 0.1])
def test_pictures_are_new_every_few_seconds_and_cost_one_per_cent(seconds, cost, images, monkeypatch, capsys):
    """Whatever the time of a step: also between the steps after which a run leaves pictures."""
    now, drawn = [1000.0], []
    monkeypatch.setattr(view_module.time, "monotonic", lambda: now[0])

    def draw(view, step, samples):
        now[0] += cost
        drawn.append(now[0])

    monkeypatch.setattr(View, "_draw", draw)
    with View(console_of(), training_of(images, steps=10**6)) as view:
        monkeypatch.setattr(view.live, "refresh", lambda: None)
        for step in range(1, 1 + int(100 / seconds)):
            now[0] += seconds
            view.step(None, record(step, 0.0, 1.0, 1.0, 0.5, 0.5))
    apart = np.diff(drawn)
    assert apart.max() <= max(5.0, 2 * SHARE * cost, seconds) + seconds + cost
    assert apart.min() >= REDRAW_SECONDS
    assert cost * len(drawn) <= 0.01 * (now[0] - 1000) + 2 * cost
    assert REFRESH_SECONDS <= 5


def test_figures_are_refreshed_while_a_step_takes_its_time(images, capsys, monkeypatch):
    monkeypatch.setattr(view_module, "REFRESH_SECONDS", 0.05)
    with View(console_of(), training_of(images, steps=10)) as view:
        view.times.append((1, time.monotonic() - 60))
        view.record = record(1, 0.0, 1.0, 1.0, 0.5, 0.5)
        printed, end = "", time.monotonic() + 30
        while "this step: 1 min" not in printed and time.monotonic() < end:
            time.sleep(0.01)
            printed += capsys.readouterr().out
    assert "this step: 1 min" in printed


def test_looking_changes_no_bit_of_the_run(images, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(view_module, "REDRAW_SECONDS", 0.0)
    monkeypatch.setattr(view_module, "SHARE", 0)

    def left(name, seen):
        folder, training = RunFolder.create(tmp_path / name, "x"), training_of(images, steps=5, samples=4, ema=0.9)
        with View(console_of(), training) as view:
            train(training, folder, *[view] * seen)
        return folder.checkpoints()[-1].read_bytes(), folder.metrics_file.read_bytes()

    assert left("seen", True) == left("unseen", False)
    assert ESCAPES.sub("", capsys.readouterr().out).count("samples of step 3") >= 1


def test_a_terminal_that_changes_its_size_shows_no_torn_picture(images, capsys):
    console = console_of()
    with View(console, training_of(images)) as view:
        view.show(0, np.zeros((4, 8, 8, 1)))
        assert "▀" in capsys.readouterr().out
        console.size = 40, 12
        view.live.refresh()
    assert "▀" not in capsys.readouterr().out


@pytest.mark.parametrize(("width", "height"), [(3, 24), (80, 6)])
def test_a_small_terminal_gets_no_pictures_but_no_error_either(width, height, images, capsys):
    with View(console_of(width, height), training_of(images)) as view:
        view.show(0, np.zeros((16, 8, 8, 1)))
    assert "▀" not in capsys.readouterr().out


# --- in a terminal ---------------------------------------------------------------------------------------------------


def in_terminal(images, out, size, **environment):
    """Output of a run of five steps in a pseudo-terminal of that size."""
    command = [sys.executable, "-m", "rawgan", "train", "--data", images, "--steps", "5", "--sample-every", "2"]
    command += ["--backend", "reference"]  # what is drawn is the same, and needs no compiled kernels
    terminal, inside = pty.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    environment = {**kept, "COLORTERM": "truecolor", **environment}
    process = subprocess.Popen(
        [*command, "--out", str(out), *TINY], stdin=inside, stdout=inside, stderr=inside, env=environment
    )
    os.close(inside)
    printed, deadline = b"", time.monotonic() + 120
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                part = os.read(terminal, 65536)
            except OSError:  # the other end has closed
                break
            if not part:
                break
            printed += part
    os.close(terminal)
    assert process.wait(timeout=60) == 0
    return printed.decode()


def test_in_a_terminal_the_samples_are_drawn(images, tmp_path):
    printed = in_terminal(images, tmp_path / "run", (24, 80), TERM="xterm-256color")
    text = ESCAPES.sub("", printed)
    assert "▀▀▀▀" in text
    assert "step 5/5" in text
    assert all(f"samples of step {step}," in text for step in (0, 2, 4, 5))
    assert "\x1b[38;2;" in printed


def test_in_a_terminal_that_cannot_move_its_cursor_lines_are_printed(images, tmp_path):
    printed = in_terminal(images, tmp_path / "run", (24, 80), TERM="dumb")
    assert "▀" not in printed
    assert "\x1b[38" not in printed
    assert "step 1/5  epoch" in printed
    assert "step 5/5  epoch" in printed


def test_a_log_shows_the_latest_penalty_of_a_step_that_applied_one(images, monkeypatch, capsys):
    clock = iter(range(0, 1000, 6))
    monkeypatch.setattr(view_module.time, "monotonic", lambda: float(next(clock)))
    with Log(Console(), training_of(images, penalty="r1", model="residual", penalty_every=2)) as log:
        log.step(None, record(1, 0.0, 1.0, 1.0, 0.5, 0.5, penalty=0.25))
        log.step(None, record(2, 0.0, 1.0, 1.0, 0.5, 0.5))
    lines = [line for line in capsys.readouterr().out.splitlines() if "D loss 1.000" in line]
    assert ["penalty 0.25" in line for line in lines] == [True, True]
