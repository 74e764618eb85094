"""Plots of losses, compared pixel by pixel."""

import math
import subprocess
import sys
import warnings
from itertools import cycle

import numpy as np
import pytest
from picture_files import read

from rawgan.pictures import plot_losses


def metrics(count):
    """Metrics of a training run that goes well."""
    fade = np.exp(-np.arange(count) / 200)
    return [
        {"step": n + 1, "d_loss": 1.3 - f, "g_loss": 0.7 + f, "d_real": 0.5 + f / 2, "d_fake": 0.5 - f / 2}
        for n, f in enumerate(fade)
    ]


CURVES = {"d_loss": "#0072B2", "g_loss": "#D55E00", "d_real": "#009E73", "d_fake": "#CC79A7"}


def drawn(path):
    """Number of pixels of a plot in the colour of each curve."""
    pixels = read(path)
    colors = {key: [int(color[n : n + 2], 16) for n in (1, 3, 5)] for key, color in CURVES.items()}
    return {key: int((pixels[..., :3] == color).all(axis=-1).sum()) for key, color in colors.items()}


@pytest.fixture(scope="module")
def legend(tmp_path_factory):
    """Pixels of a plot without steps: the legend."""
    return drawn(plot_losses(tmp_path_factory.mktemp("plots") / "empty.png", []))


@pytest.mark.parametrize("count", [1, 49, 50, 9001])
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


NAN, HUGE = [float("nan")], [float("inf"), None, 1e300, -1e300]


@pytest.mark.parametrize(
    ("holes", "count"),
    [(NAN, 1), (NAN, 400), (HUGE, 40), (HUGE, 400)],
    ids=["none but nan", "nan", "huge, few", "huge"],
)
def test_values_that_are_not_finite_or_huge_leave_curves_readable(tmp_path, legend, holes, count):
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
    """Mask of the thick curve of the generator's loss, in the upper panel left of the legend."""
    return (read(path)[: 975 // 2, :1080, :3] == (0xD5, 0x5E, 0x00)).all(axis=-1)


def test_numbers_that_are_not_finite_are_gaps(tmp_path):
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
