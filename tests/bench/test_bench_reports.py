"""Reports of the experiments: written, printed, drawn again."""

import json
import re

import pytest
from report_parts import MACHINE

from bench import __main__ as command_line
from bench.common import files, machine
from bench.common.errors import BenchError
from bench.common.terminal import make_console
from bench.competitors.steps import Steps, Way, Workload, agreement_at, largest_difference, rawgan_ways
from bench.competitors.tensorflow_steps import tensorflow_ways
from bench.competitors.torch_steps import compiled, torch_ways
from bench.cpu.step import agreement
from bench.cpu.step_report import Result, print_report
from bench.experiments import mixtures
from bench.experiments.plots import draw_again
from rawgan.data import ring8
from rawgan.metrics import quality
from rawgan_kernels import KERNELS

# --- reports and pictures --------------------------------------------------------------------------------------------


def test_reports_are_written_whole_and_read_back(tmp_path):
    path = tmp_path / "step.json"
    report = {"benchmark": "step", "machine": machine.facts(), "results": [{"image": "28×28×1", "seconds": 0.1}]}
    files.write(path, report)
    assert files.read(path) == report
    with pytest.raises(TypeError):
        files.write(path, {"benchmark": "step", "results": object()})
    assert files.read(path) == report, "the old one is still whole"
    assert [file.name for file in tmp_path.iterdir()] == ["step.json"]


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', "{"])
def test_other_files_are_no_reports(tmp_path, text):
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(BenchError, match=r"other\.json"):
        files.read(path)
    with pytest.raises(BenchError, match=r"missing\.json"):
        files.read(tmp_path / "missing.json")


WAYS = {
    way.label: way
    for library, name, precision, backend in (
        ("rawgan", "rawgan cpu", "bf16", "cpu"), ("PyTorch", "slow", "bf16", None), ("PyTorch", "fast", "bf16", None),
        ("rawgan", "rawgan cpu", "float32", "cpu"), ("PyTorch", "plain", "float32", None),
        ("TensorFlow", "TensorFlow", "float32", None),
    )
    for way in [Way(library, name, precision, Steps, (backend,))]
}  # fmt: skip


@pytest.fixture
def result():
    """A step in bf16 that takes 1 s; PyTorch's fastest takes 2 s in bf16, and half a second in float32."""
    seconds = dict(zip(WAYS, ([s, s] for s in (1.0, 4.0, 2.0, 3.0, 0.5, 5.0)), strict=True))
    peaks = dict(zip(WAYS, (6, 1, 1, 10, 1, 1), strict=True))
    task = Workload("dcgan", 28, 1, batch_size=10, threads=2)
    return Result(task, "bf16", WAYS, seconds, peaks, {"bf16": 0.001, "float32": 0.0}, [])


def test_a_step_as_json(result):
    report = json.loads(json.dumps(result.as_dict()))
    assert (report["ours"], report["rival"]) == ("rawgan cpu, bf16", "fast, bf16"), "of the same precision"
    assert report["image"] == "28×28×1"
    assert report["competitors"]["fast, bf16"]["ratio"]["median"] == 0.5
    assert report["competitors"]["rawgan cpu, bf16"]["images_per_second"] == 10
    assert {entry["precision"] for entry in report["competitors"].values()} == {"bf16", "float32"}
    assert report["memory"] == 0.6
    assert {library: best["theirs"] for library, best in report["at_best"].items()} == {
        "PyTorch": "plain, float32", "TensorFlow": "TensorFlow, float32",
    }  # fmt: skip
    assert report["at_best"]["PyTorch"]["ratio"]["median"] == 2


def test_a_step_is_printed_with_its_precisions(result, capsys):
    print_report(make_console(), result)
    printed = capsys.readouterr().out
    assert "rawgan cpu, bf16 takes 0.50 times as long as fast, bf16" in printed
    assert "each at its best: rawgan cpu, bf16 takes 2.00 times as long as plain, float32" in printed
    assert "peak memory of rawgan cpu, bf16: 0.60 of float32's" in printed
    assert "checked, bf16: losses of the first 2 steps are within 1.0e-03 of rawgan's in float32" in printed
    assert all(f" {label}" in printed for label in WAYS)


def test_each_precision_has_its_ways():
    assert [way.label for way in rawgan_ways("bf16")] == ["rawgan cpu, bf16"]
    assert len(torch_ways("float32")) == 4
    assert [way.options[2] for way in torch_ways("bf16")] == ["oneDNN bf16", "autocast"]
    assert [way.options[2] for way in torch_ways("tf32")] == ["oneDNN tf32"]
    assert tensorflow_ways("tf32") == []
    for precision in ("float32", "bf16"):
        way = torch_ways(precision)[-1]
        again = compiled(way)
        assert again.label == f"{way.name}, compiled, {precision}"
        assert again.options == (*way.options, *(["float32"] if precision == "float32" else []), True)


def test_each_precision_is_compared_with_rawgan_in_float32():
    reports = {label: {"loss": 1.0 if way.precision == "float32" else 1.005} for label, way in WAYS.items()}
    assert agreement(WAYS, reports) == {"bf16": pytest.approx(0.005), "float32": 0.0}
    for label in ("fast, bf16", "TensorFlow, float32"):
        with pytest.raises(BenchError, match=f"rawgan cpu, float32 and {label} do not compute the same"):
            agreement(WAYS, reports | {label: {"loss": 1.02}})


def test_the_agreement_follows_from_the_precision():
    assert agreement_at("float32") == 1e-3
    assert agreement_at("bf16") == pytest.approx(8 * agreement_at("tf32"))
    near = {"ours": {"loss": 1.0}, "theirs": {"loss": 1.005}}
    assert largest_difference(near, agreement_at("bf16")) == pytest.approx(0.005)
    with pytest.raises(BenchError, match=r"more than 0\.0013 apart"):
        largest_difference(near, agreement_at("tf32"))


def reports(spread):
    competitors = {
        name: {"seconds": spread(seconds), "ratio": spread(1.0), "error": 0.0}
        for name, seconds in (("rawgan cpu", 1e-3), ("torch NHWC", 2e-3), ("torch NHWC, compiled", 3e-3))
    }
    yield {
        "benchmark": "kernels",
        "settings": {"threads": 2, "backends": ["cpu"], "rounds": 3, "precision": "bf16"},
        "roofline": {"flops_per_second": 2e12, "bytes_per_second": 2.5e10, "precision": "bf16",
                     "float32_flops_per_second": 2e11},
        "results": [
            {"kernel": kernel, "shape": "1", "calls": {"dcgan": 2}, "flops": 10**8 * n, "bytes": 10**7, "notes": [],
             "rival": "torch NHWC", "competitors": competitors}
            for n, kernel in enumerate(KERNELS)
        ],
    }  # fmt: skip
    of_steps = {f"{name}, bf16": each for name, each in competitors.items()}
    yield {
        "benchmark": "step",
        "settings": {"threads": 2, "precision": "bf16"},
        "results": [
            {"model": model, "image": "28×28×1", "batch_size": 32, "precision": "bf16", "ours": "rawgan cpu, bf16",
             "rival": "torch NHWC, bf16", "competitors": of_steps | {"rawgan cpu, float32": competitors["rawgan cpu"]}}
            for model in ("dcgan", "tutorial")
        ],
    }  # fmt: skip
    yield {
        "benchmark": "scaling",
        "settings": {"model": "dcgan", "image_size": 28, "channels": 1, "batch_size": 128, "width": 64},
        "results": [
            {"axis": axis, "threads": threads, "exponent": 1.0,
             "points": [{axis: x, "x": x * x, "seconds_per_image": spread(1e-3 * x)} for x in (16, 28, 64)]}
            for axis in ("batch_size", "image_size", "width") for threads in (1, 2)
        ],
    }  # fmt: skip


def test_pictures_are_drawn_from_reports(tmp_path, spread, capsys):
    for report in reports(spread):
        path = tmp_path / f"{report['benchmark']}.json"
        files.write(path, {"machine": MACHINE, **report})
        assert command_line.main(["plots", str(path)]) == 0
        picture = path.with_suffix(".png")
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert str(picture) in capsys.readouterr().out
    assert not list(tmp_path.glob(".*"))


def test_reports_without_a_picture(tmp_path):
    path = tmp_path / "startup.json"
    files.write(path, {"benchmark": "startup"})
    assert draw_again(path) == []


# --- mixtures --------------------------------------------------------------------------------------------------------


def test_mixtures_are_counted_printed_and_drawn(tmp_path, capsys):
    options = ("--steps", "2", "--width", "4", "--batch-size", "8", "--samples", "9")
    runs = [mixtures.run("ring8", recipe, 0, options) for recipe in mixtures.RECIPES]
    for one in runs:
        points = mixtures.from_text(one["points"])
        assert (one["steps"], len(points)) == (2, 2500)
        assert quality(points, ring8()).high_quality == pytest.approx(one["figures"]["high_quality"], abs=0.01)
    same = [{**one, "figures": {**one["figures"], "high_quality": 0.5}} for one in runs]
    better = {**same[0], "figures": {**same[0]["figures"], "high_quality": 0.7}}
    mixtures._print(make_console(), "ring8", [*same, better])
    printed = capsys.readouterr().out
    assert "0.600 (0.500–0.700)" in printed
    assert re.search(r"PacGAN2, published +7.9 +0.96", printed)
    files.write(tmp_path / "mixtures.json", {"benchmark": "mixtures", "results": runs})
    assert draw_again(tmp_path / "mixtures.json") == [tmp_path / "mixtures.png"]
