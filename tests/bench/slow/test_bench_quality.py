"""The summary, table and picture of `bench quality`."""

import pytest

from bench.common.files import write
from bench.experiments.plots import draw_again
from bench.experiments.quality import FIGURES, PLAIN, curve, seconds_to, summarize, table

MACHINE = {"cpu": "abacus", "cores": 2, "system": "wood", "load": "0.0", "versions": {"Python": "3"}, "commit": "0"}


def run(name, seed, fids, pace):
    points = [
        {"step": step, "seconds": step * pace, "histogram": [5 + seed, 5 - seed]}
        | dict.fromkeys(FIGURES, 0.5) | {"fid": fid}
        for step, fid in enumerate(fids, 1)
    ]  # fmt: skip
    return {"name": name, "seed": seed, "points": points, "last weights": points[-1] | {"fid": 2.0 * fids[-1]}}


@pytest.fixture
def runs():
    return [
        run("rawgan", 0, [9.0, 3.0, 1.0], 1.0), run("PyTorch", 0, [9.0, 5.0, 2.0], 2.0),
        run("rawgan", 1, [7.0, 5.0, 3.0], 1.0), run("PyTorch", 1, [9.0, 5.0, 4.0], 2.0),
    ]  # fmt: skip


def test_means_over_seeds_and_the_time_to_the_rivals_end(runs):
    found = summarize(runs)
    assert curve(runs, "rawgan") == [(1.0, 8.0), (2.0, 4.0), (3.0, 2.0)]
    assert found["PyTorch"]["fid"] == {"mean": 3.0, "least": 2.0, "most": 4.0}
    assert found["rawgan"]["digit share"] == {"mean": 0.1, "least": 0.4, "most": 0.6}
    assert found[PLAIN]["fid"] == {"mean": 4.0, "least": 2.0, "most": 6.0}
    assert found["seconds to PyTorch's FID"] == 2.5
    assert found["of PyTorch's time"] == 2.5 / 6


@pytest.mark.parametrize(
    ("target", "expected"), [(9.0, 1.0), (8.0, 1.0), (5.0, 2.0), (1.0, None), (3.0, 3 + 1 / 3), (2.0, 3 + 2 / 3)]
)
def test_the_time_at_which_a_curve_reaches_a_target(target, expected):
    found = seconds_to(target, [(1.0, 8.0), (2.0, 5.0), (3.0, 4.0), (4.0, 1.0), (5.0, 6.0)][: 3 if target == 1 else 5])
    assert found == (None if expected is None else pytest.approx(expected))


def test_the_report_is_printed_and_drawn(runs, tmp_path):
    report = {
        "benchmark": "quality", "machine": MACHINE, "runs": runs, "summary": summarize(runs), "floor": {"fid": 0.1},
        "settings": {"steps": 3, "samples": 10, "seeds": 2, "threads": 2},
    }  # fmt: skip
    assert table(report).row_count == len(FIGURES) + 3
    write(tmp_path / "quality.json", report)
    assert [path.name for path in draw_again(tmp_path / "quality.json")] == ["quality.png"]
