"""The summary, table and picture of `bench quality`."""

import subprocess
import sys

import pytest
from paths import ROOT
from report_parts import MACHINE

from bench.common.files import read, write
from bench.experiments.plots import draw_again
from bench.experiments.quality import FIGURES, PLAIN, curve, seconds_to, summarize, table, verdict

OURS, THEIRS = "rawgan style, float32", "PyTorch dcgan, float32"


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
        run(OURS, 0, [9.0, 3.0, 1.0], 1.0), run(THEIRS, 0, [9.0, 5.0, 2.0], 2.0),
        run(OURS, 1, [7.0, 5.0, 3.0], 1.0), run(THEIRS, 1, [9.0, 5.0, 4.0], 2.0),
    ]  # fmt: skip


def test_means_over_seeds_and_the_time_to_the_rivals_end(runs):
    found = summarize(runs)
    assert curve(runs, OURS) == [(1.0, 8.0), (2.0, 4.0), (3.0, 2.0)]
    assert found[THEIRS]["fid"] == {"mean": 3.0, "least": 2.0, "most": 4.0}
    assert found[OURS]["digit share"] == {"mean": 0.1, "least": 0.4, "most": 0.6}
    assert found[PLAIN]["fid"] == {"mean": 4.0, "least": 2.0, "most": 6.0}
    assert found["seconds to their FID"] == 2.5
    assert found["of their time"] == 2.5 / 6


@pytest.mark.parametrize(("fids", "where"), [((2.0, 3.0), "within"), ((1.0, 2.0), "below"), ((4.0, 9.0), "above")])
def test_the_verdict_compares_our_mean_with_the_spread_of_the_others(fids, where):
    ours = [run(OURS, seed, [fid], 1.0) for seed, fid in enumerate(fids)]
    theirs = [run(THEIRS, seed, [fid], 1.0) for seed, fid in enumerate((2.0, 4.0))]
    assert f"lies {where} the spread of {THEIRS}, 2 to 4" in verdict(summarize([*ours, *theirs]))


def test_a_reduced_precision_is_compared_with_float32(tmp_path):
    """In a process of its own: the number of threads is that of a process."""
    options = "--precision bf16 --seeds 1 --steps 3 --every 2 --samples 128 --width 2 --batch-size 8"
    command = [sys.executable, "-m", "bench", "quality", *options.split(), "--results", str(tmp_path)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    report = read(tmp_path / "quality-bf16.json")
    assert [one["name"] for one in report["runs"]] == ["rawgan style, bf16", "rawgan style, float32"]
    assert [[point["step"] for point in one["points"]] for one in report["runs"]] == [[2, 3], [2, 3]]
    first, second = (one["points"][0]["fid"] for one in report["runs"])
    assert first != second, "products are rounded"
    assert first == pytest.approx(second, rel=0.2)
    assert "the spread of rawgan style, float32" in ran.stdout


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
