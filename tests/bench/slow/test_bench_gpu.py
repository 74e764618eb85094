"""`bench gpu_check` without a GPU: its sections on the stand-in for CuPy, its processes, its budget, its table."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from fake_cupy import as_multiplied, cupy, simulated_gpu
from paths import file_named

from bench.__main__ import main as bench
from bench.common import files, machine
from bench.common.errors import BenchError
from bench.common.experiment import ROOT
from bench.competitors.kernel_calls import call_on, parse_call
from bench.competitors.kernels import Oracle, RawganKernel
from bench.competitors.steps import Workload
from bench.gpu import counts as gpu_counts
from bench.gpu import gpu_check
from bench.gpu import parity as gpu_parity
from bench.gpu import precision as gpu_precision
from bench.gpu import steps as gpu_steps
from bench.gpu import times as gpu_times
from bench.gpu.clock import Clock, Sizes
from bench.gpu.gpu_check import Section, check, table, verdict
from bench.gpu.observations import GPU_LOST, Observations, collect, observed
from rawgan.gan import ImageSpec
from rawgan.gan import train_step as one_by_one
from rawgan.gan.loss_config import DEFAULT_LOSS
from rawgan.testing.backends import use_backend
from rawgan_kernels import KERNELS, PRECISIONS, Backend, precision, trial
from rawgan_kernels.cuda.run import cublas

__all__ = ["cupy", "simulated_gpu"]  # fixtures

TINY = Sizes(
    width=3, narrow=2, small=ImageSpec(8), large=ImageSpec(8, 3), batches=(2, 3), few=2, many_windows="1x4x4x2:2",
    training_steps=2, training_batch=2, graph_steps=3, warm_steps=2, rounds=1, turn_seconds=1e-3, gemm=64,
    copied_bytes=1 << 12,
)  # fmt: skip


@pytest.fixture
def run(tmp_path, cupy, monkeypatch):
    """A function that runs a section, and returns its observations by name."""
    monkeypatch.setattr("bench.gpu.clock.torch_on_gpu", lambda: None)
    monkeypatch.setattr("bench.common.rounds.PAUSE_SECONDS", 0)
    for module in (gpu_steps, gpu_counts):
        monkeypatch.setattr(module, "torch_on_gpu", lambda: None)

    def findings_of(section):
        path = tmp_path / f"{section.__name__}.jsonl"
        section(TINY, Observations(path))
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        return {line["what"]: line for line in lines if "what" in line}

    return findings_of


@pytest.fixture
def plain_cupy(monkeypatch):
    """Plain CuPy instead of CUDA kernels, whose steps take seconds in the simulator."""
    for module in (gpu_parity, gpu_steps):
        monkeypatch.setattr(module, "use_backend", lambda name: use_backend({"cuda": "reference"}.get(name, name)))
        monkeypatch.setattr(module, "GraphedStep", Replayed)


# --- sections --------------------------------------------------------------------------------------------------------


def test_facts(run):
    (observation,) = run(gpu_check.facts).values()
    assert observation["machine"]["gpu"]["name"] == "Simulated"
    assert observation["machine"]["gpu"]["compute capability"] == "9.0"
    assert "numpy" in observation["headline"]


def test_every_kernel_is_compared(run, simulated_gpu, monkeypatch):
    some = ("gather_pixels", "sgd_update", "tanh")
    monkeypatch.setattr(gpu_parity, "KERNELS", {name: KERNELS[name] for name in some})
    monkeypatch.setattr(gpu_parity, "LENGTHS", ((3,), (0, 2), (7,)))
    monkeypatch.setattr(gpu_parity, "SHAPES", ((3, 5), (0, 3)))
    observations = run(gpu_parity.kernels)
    assert list(observations) == [*some, "NaN and infinity", *(f"{name}, real sizes" for name in some)]
    assert all(observation["good"] for observation in observations.values()), observations
    assert 0 < observations["tanh"]["errors"]["float32"] < 1e-6


def test_there_are_awkward_calls_of_every_kernel_of_floats():
    assert {case.kernel for case in gpu_parity._awkward(TINY)} == set(gpu_parity.KERNELS) - {"gather_pixels"}


def test_a_wrong_kernel_fails(run, simulated_gpu, monkeypatch):
    monkeypatch.setattr(gpu_parity, "KERNELS", {"tanh": KERNELS["tanh"]})
    monkeypatch.setattr(gpu_parity, "SHAPES", ((3, 5),))
    with trial("cuda", tanh=lambda x: 1.001 * x):
        observations = run(gpu_parity.kernels)
    assert [observation["good"] for observation in observations.values()] == [False, False, False]
    assert observations["tanh"]["text"].startswith(
        "2 of 2 calls are wrong: 3×4: CheckFailed: tanh of backend cuda on cuda"
    )


def test_training_is_compared(run, plain_cupy):
    observations = run(gpu_parity.training)
    assert len(observations) == 4
    for observation in observations.values():
        assert observation["good"], observation["text"]
        assert observation["checks"] == {"float64": True, "float32": True, "same bits": True, "finite": True}
        assert np.shape(observation["losses"]["cuda cuda float32"]) == (2, 4)


def test_training_that_differs_fails(run, plain_cupy, monkeypatch):
    def other(gan, real, z):
        outcome = one_by_one(gan, real, z)
        return outcome._replace(d_loss=outcome.d_loss * 1.001) if real.device == "cuda" else outcome

    monkeypatch.setattr(gpu_parity, "train_step", other)
    assert not any(observation["good"] for observation in run(gpu_parity.training).values())


class Replayed:
    """A right GraphedStep."""

    def __init__(self, gan, loss_config=DEFAULT_LOSS):
        self.gan, self.loss_config = gan, loss_config

    def __call__(self, real, z):
        return one_by_one(self.gan, real, z, self.loss_config)


class Forgetful(Replayed):
    """A GraphedStep that replays the first batch."""

    def __call__(self, real, z):
        self.first = getattr(self, "first", (real, z))
        return super().__call__(*self.first)


@pytest.mark.parametrize(("kind", "good"), [(Replayed, True), (Forgetful, False)])
def test_graphs_are_compared(run, plain_cupy, monkeypatch, kind, good):
    monkeypatch.setattr(gpu_parity, "GraphedStep", kind)
    for observation in run(gpu_parity.graph).values():
        assert observation["good"] is good
        text = {True: "3 steps: the same bits", False: "3 steps: other bits, in the losses of"}
        assert observation["text"].startswith(text[good])


@pytest.mark.parametrize("name", ["float32", "tf32", "bf16"])
def test_kernels_are_timed(run, simulated_gpu, monkeypatch, name):
    cases = {parse_call("conv2d", "1x4x4x1:2"): {"dcgan": 2}, call_on("tanh", (7,)): {"dcgan": 1}}
    monkeypatch.setattr(gpu_times, "calls_of", lambda *args: cases)
    with precision(name):
        observations = run(gpu_times.times)
    assert list(observations) == ["ceilings", "conv2d 1×4×4×1:2", *(["tanh 7"] if name == "float32" else []), "a step"]
    assert f"64³ in {name}: cuBLAS" in observations["ceilings"]["text"]
    assert 2.0 ** -(PRECISIONS[name] + 5) < observations["ceilings"]["rounding"] < 2.0 ** -(PRECISIONS[name])
    row = observations["conv2d 1×4×4×1:2"]
    assert row["roofline"] > 0
    assert row["difference"] < 1e-6
    assert observations["a step"]["totals"]["dcgan"]["cuda"] >= 2 * row["seconds"]


CALLS = {
    parse_call("conv2d", "1x4x4x3:2"): {},
    parse_call("conv2d_weight_grad", "1x4x4x3:2"): {},
    parse_call("conv2d_input_grad", "1x4x4x3:2"): {},
    parse_call("matmul", "3x5:4"): {},
    call_on("attention", (1, 3, 4)): {},
    call_on("attention_grad", (1, 3, 4)): {},
}


def test_products_are_compared_at_every_precision(run, simulated_gpu, monkeypatch):
    monkeypatch.setattr(gpu_precision, "calls_of", lambda *args: CALLS)
    observations = run(gpu_precision.precisions)
    assert len(observations) == 3 * len(CALLS) + 2
    for name, observation in observations.items():
        assert observation["good"], (name, observation["text"])
    assert observations["matmul in float32"]["rounding"] == 0
    assert 1e-4 < observations["matmul in tf32"]["rounding"] < 1e-3 < observations["matmul in bf16"]["rounding"] < 1e-2


@pytest.mark.parametrize("wrong", ["unrounded", "cut off", "rounded unasked"])
def test_products_of_other_factors_fail(run, simulated_gpu, monkeypatch, wrong):
    """TF32 taken from numbers that nobody rounded, or from all of them."""
    monkeypatch.setattr(gpu_precision, "calls_of", lambda *args: {parse_call("matmul", "30x50:40"): {}})
    monkeypatch.setattr(gpu_precision, "KERNELS", {"matmul": KERNELS["matmul"]})
    compute = {"unrounded": cublas.FLOAT32, "cut off": cublas.TF32, "rounded unasked": cublas.TF32}[wrong]

    def matmul(a, b):
        y = a.__class__(np.empty((len(a.get()), b.get().shape[1]), "float32"))
        factors = (as_multiplied(x.get(), compute) for x in (a, b))
        y[...] = a.__class__(np.matmul(*factors))
        return y

    kernel, name = KERNELS["matmul"], "float32" if wrong == "rounded unasked" else "tf32"
    kernel.on("cuda")
    if name == "float32":
        with trial("cuda", matmul=matmul):
            observations = run(gpu_precision.precisions)
    else:
        monkeypatch.setitem(kernel.reduced, ("cuda", name), matmul)
        observations = run(gpu_precision.precisions)
    goods = {what: observation["good"] for what, observation in observations.items()}
    expected = {f"matmul in {each}": each != name for each in PRECISIONS}
    assert goods == {**expected, "factors in tf32": name != "tf32", "factors in bf16": True}


def test_steps_are_timed(run, plain_cupy, monkeypatch):
    monkeypatch.setattr(gpu_steps, "GraphedStep", Replayed)
    observations = run(gpu_steps.steps)
    assert list(observations)[:3] == ["dcgan 8×8×3 batch 2", "tutorial 8×8×3 batch 2", "dcgan 8×8×3 batch 3"]
    first = observations["dcgan 8×8×3 batch 2"]
    assert first["good"] is None
    assert first["rounds"].keys() == {"rawgan", "rawgan, graphed"}
    assert first["losses"]["rawgan"] == first["losses"]["rawgan, graphed"]
    assert first["notes"] == ["PyTorch is not installed, or sees no GPU"]


def test_steps_whose_losses_differ_fail(run, plain_cupy, monkeypatch):
    monkeypatch.setattr(gpu_steps, "GraphedStep", Forgetful)
    monkeypatch.setattr(gpu_steps, "_tasks", lambda sizes: [Workload("dcgan", 8, 3, 16, 0, 8)])
    (first, *_) = run(gpu_steps.steps).values()
    assert first["good"] is False
    assert "LOSSES DIFFER: step 2" in first["headline"]


def test_a_graph_that_fails_leaves_the_others_alone(run, plain_cupy, monkeypatch):
    monkeypatch.setattr(gpu_steps, "GraphedStep", lambda gan: 1 / 0)
    monkeypatch.setattr(gpu_steps, "_tasks", lambda sizes: [Workload("dcgan", 8, 3, 2, 0, 3)])
    (first,) = run(gpu_steps.steps).values()
    assert first["rounds"].keys() == {"rawgan"}
    assert first["notes"][0] == "rawgan, graphed does not take part: ZeroDivisionError: division by zero"
    goods = {what: observation["good"] for what, observation in run(gpu_counts.counts).items()}
    assert goods["rawgan: warm steps"] is True
    assert goods["rawgan, graphed: warm steps"] is False


def test_a_step_is_counted(run, plain_cupy):
    observations = run(gpu_counts.counts)
    names = ["launches", "warm steps", "gaps", "profiler"]
    forms = "rawgan", "rawgan, graphed"
    assert list(observations) == [*(f"{form}: {name}" for form in forms for name in names), "PyTorch's memory"]
    warm = observations["rawgan: warm steps"]
    assert (warm["sent"], warm["grown_bytes"], warm["good"]) == (0, 0, True)
    assert warm["total_bytes"] > 0
    assert observations["rawgan: gaps"]["busy"] > 0


def test_launches_are_counted(simulated_gpu):
    cuda = Backend("cuda")
    with gpu_counts._noted() as launched:
        cuda.tanh(np.ones(3))
        cuda.tanh(np.ones(3))
    cuda.tanh(np.ones(3))
    assert launched == {"tanh": 2}


def test_a_trace_is_summarised():
    events = [
        {"cat": "kernel", "name": "gemm", "dur": 1500}, {"cat": "kernel", "name": "gemm", "dur": 500},
        {"cat": "gpu_memcpy", "name": "Memcpy HtoD", "dur": 1}, {"cat": "cpu_op", "name": "x", "dur": 9}, {"ph": "M"},
    ]  # fmt: skip
    observation = gpu_counts.summary(events, steps=2)
    assert observation["text"] == "1 kernels of all libraries in a step, 1.00 ms; copies and fills: 0.5 Memcpy HtoD"
    assert observation["microseconds"] == {"gemm": 1000.0}
    assert gpu_counts.summary([], 2)["text"] == "the profiler saw no kernel"


def test_the_clock_notices_a_cpu_that_was_behind(cupy, monkeypatch):
    clock = Clock(1 << 12)
    assert clock.seconds(lambda: None)[1] is False  # the simulated GPU is done at once
    monkeypatch.setattr(cupy.cuda.Event, "done", False)
    seconds, ahead = clock.seconds(lambda: None)
    assert ahead
    assert 0 < seconds < 1e-3


# --- processes -------------------------------------------------------------------------------------------------------

CHILD = """
import os, sys, time
from pathlib import Path
sys.path[:0] = {paths!r}
from bench.gpu.observations import Observations, observed
def lost(): raise OSError("no GPU")
observations = Observations(Path(sys.argv[1]), sys.argv[2:], usable=lost if {lost} else lambda: None)
observations.look("first", lambda: observed("fine", True))
observations.look("second", lambda: {second})
observations.look("third", lambda: observed("fine, too", True))
"""


def collected(second, lost=False, seconds=20.0):
    code = CHILD.format(paths=[str(ROOT), str(ROOT / "kernels")], second=second, lost=lost)
    return collect(lambda path, known: [sys.executable, "-c", code, str(path), *known], seconds)


def goods(report):
    return [(observation["what"], observation["good"]) for observation in report["observations"]]


def test_a_failure_is_an_observation_and_the_next_one_is_made(capfd):
    report = collected("1 / 0")
    assert report["state"] == "done"
    assert goods(report) == [("first", True), ("second", False), ("third", True)]
    assert report["observations"][1]["text"] == "ZeroDivisionError: division by zero"
    assert "ZeroDivisionError: division by zero" in report["observations"][1]["traceback"]
    assert "second: ZeroDivisionError: division by zero FAILED" in capfd.readouterr().out


def test_another_process_continues_when_the_gpu_is_lost():
    assert GPU_LOST == 3
    assert goods(collected("1 / 0", lost=True)) == [("first", True), ("second", False), ("third", True)]


def test_the_observation_that_killed_a_process_is_known():
    report = collected("os.kill(os.getpid(), 11)")
    assert goods(report) == [("first", True), ("second", False), ("third", True)]
    assert report["observations"][1]["text"] == "its process ended, with exit code -11"


def test_an_observation_that_takes_too_long_is_cut_off_and_the_others_are_kept():
    report = collected("time.sleep(60)", seconds=2.0)
    assert report["state"] == "cut off"
    assert 2 <= report["seconds"] < 10
    assert goods(report) == [("first", True), ("second", None)]


def test_a_section_that_cannot_begin_has_failed(capfd):
    report = collect(lambda path, known: [sys.executable, "-c", "raise SystemExit(5)"], 20.0)
    assert report == {"state": "failed", "seconds": report["seconds"], "observations": [], "exit code": 5}
    assert verdict(report) == "FAILED"


# --- the command -----------------------------------------------------------------------------------------------------


def test_results_are_written_after_each_section_and_named_after_the_gpu(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(files, "FOLDER", tmp_path / "results")
    facts = observed("a GPU", machine={"gpu": {"name": "NVIDIA H100 80GB HBM3"}})
    seen = []

    def done(command, seconds):
        seen.append((command(Path("f"), ["x"])[4:], sorted(p.name for p in tmp_path.glob("*/*"))))
        return {"state": "done", "seconds": 1.0, "observations": [{"what": "it", **facts}]}

    monkeypatch.setattr(gpu_check, "collect", done)
    sections = [
        Section("facts", "", 60),
        Section("steps-tf32", "", 60, precision="tf32"),
        Section("long", "", 60, least=99),
    ]
    report, path = check(sections, 90, None)
    assert path.name == "gpu-nvidia-h100-80gb-hbm3.json"
    assert files.read(path) == report
    assert [section["state"] for section in report["sections"].values()] == ["done", "done", "skipped"]
    assert seen == [
        (["--child", "facts", "--observations", "f", "--known", "x"], []),
        (["--child", "steps-tf32", "--observations", "f", "--known", "x"], [path.name]),
    ]
    assert "long: skipped, " in capsys.readouterr().out


def test_the_table_has_a_verdict_for_each_section():
    sections = {
        "facts": {"state": "done", "seconds": 1.0, "observations": [{"what": "it", **observed("x", None, "a GPU")}]},
        "kernels": {
            "state": "done", "seconds": 61.0,
            "observations": [
                {"what": "tanh", **observed("x", True)}, {"what": "add", **observed("wrong\nby far", False, "no")},
            ],
        },
        "times": {"state": "cut off", "seconds": 9.0, "observations": [{"what": "it", **observed("fine", True)}]},
        "steps": {"state": "skipped", "seconds": 0.0, "observations": []},
        "graph": {"state": "done", "seconds": 2.0, "observations": [{"what": "it", **observed("fine", True)}]},
    }  # fmt: skip
    lines = table({"sections": sections})
    assert [" ".join(line.split()) for line in lines] == [
        "measured facts 1 s", "it: a GPU", "FAILED kernels 61 s 1 of 2 right", "add: wrong by far",
        "cut off times 9 s 1 of 1 right", "skipped steps 0 s", "passed graph 2 s 1 of 1 right",
    ]  # fmt: skip
    many = {"state": "done", "seconds": 1.0, "observations": sections["facts"]["observations"] * 50}
    assert len(table({"sections": {"many": many}})) == 40


def test_every_section_can_be_found():
    for section in gpu_check.SECTIONS:
        module, function = section.function.split(":")
        assert callable(getattr(sys.modules[module], function)), section


def test_the_whole_command_on_a_simulated_gpu(tmp_path):
    """In an interpreter that has a simulated CuPy, and nothing of rawgan but the current folder."""
    helpers = file_named("fake_cupy.py").parent
    (tmp_path / "cupy.py").write_text(
        f"import sys; sys.path.append({str(helpers)!r})\n"
        "import fake_cupy\n"
        "sys.modules['cupy'] = fake_cupy.make_module()\n"
    )
    out = tmp_path / "out.json"
    ran = subprocess.run(
        [sys.executable, "-m", "bench", "gpu_check", "--only", "facts", "--out", str(out)],
        cwd=ROOT, env={"PATH": "", "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    *_, facts, gpu, written = ran.stdout.splitlines()
    assert facts.startswith("measured  facts")
    assert "Simulated" in gpu
    assert written == f"written: {out}"
    assert list(files.read(out)["sections"]) == ["facts"]


@pytest.mark.parametrize("backend", ["cuda", "cupy"])
def test_bench_kernels_computes_on_a_gpu(cupy, simulated_gpu, monkeypatch, tmp_path, backend):
    waited = []
    monkeypatch.setattr(cupy.cuda, "Device", lambda: SimpleNamespace(synchronize=lambda: waited.append(1)))
    competitor = RawganKernel(backend, 0)
    for case in (call_on("tanh_grad", (3, 5)), call_on("sgd_update", (7,))):
        Oracle().expect(case, tmp_path)
        assert 0 < competitor.prepare(case, tmp_path) < 1e-6
    competitor.run()
    assert waited == [1]
    assert "on: gpu, name Simulated, compute capability 9.0" in machine.lines(machine.facts(gpu=True))[0]


def test_without_a_gpu(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "cupy", None)
    for call in (["gpu_check"], ["kernels", "--backend", "cpu", "cuda"], ["kernels", "--backend", "cupy"]):
        assert bench(call) == 1
        assert "needs CuPy, which is not installed" in capsys.readouterr().err
    with pytest.raises(BenchError, match="there is no section 'all'"):
        gpu_check.main(["--only", "all"])
