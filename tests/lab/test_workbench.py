"""The workbench: a step part by part, in a process of its own, beside a run that stays as it is."""

import pytest
from run_files import TINY, files

from rawgan.cli import main
from rawgan.lab.workbench import Workbench
from rawgan.storage import RunFolder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    import numpy as np

    folder = tmp_path_factory.mktemp("lab")
    np.save(folder / "x.npy", np.random.default_rng(0).integers(0, 256, (12, 8, 8), np.uint8))
    out = folder / "run"
    assert main(["train", "--data", str(folder / "x.npy"), "--steps", "3", "--out", str(out), *TINY]) == 0
    return out


@pytest.fixture
def bench(run):
    bench = Workbench(run)
    bench.wait_until(lambda: bench.is_waiting or bench.failure)
    assert bench.failure is None
    yield bench
    bench.close()


def names(bench):
    return " ".join(f"{seen.part.network}{seen.part.number}" for seen in bench.parts)


def test_a_step_is_done_part_by_part_and_is_the_one_that_training_takes(bench, run):
    before = files(RunFolder.open(run))
    assert bench.ready.step == 3
    assert [layer.network for layer in bench.ready.layers][:1] == ["generator"]
    for wanted in ("G1", "G1 G2", "G1 G2 D1"):
        bench.next_part()
        bench.wait_until(lambda: bench.is_waiting)
        assert names(bench) == wanted
    assert [seen.name for seen in bench.parts[0].arrays] == ["noise"]
    assert bench.parts[1].arrays[-1].picture.startswith(b"\x89PNG")
    bench.whole_step()
    bench.wait_until(lambda: bench.ended is not None)
    assert names(bench) == "G1 G2 D1 D2 D3 D4 D1 D2 D3 D4 D4 G3 G4 G5"
    assert bench.ended.step == 4
    assert files(RunFolder.open(run)) == before
    values = {seen.name: seen.number for part in bench.parts for seen in part.arrays if seen.kind == "value"}
    assert values["g_loss"] == pytest.approx(bench.ended.figures["g_loss"], rel=1e-6)
    assert main(["train", "--resume", str(run), "--steps", "4"]) == 0
    assert RunFolder.open(run).read_metrics()[-1]["g_loss"] == pytest.approx(values["g_loss"], rel=1e-6)


def test_asking_twice_is_asking_once_and_the_next_step_follows(bench):
    first = bench.ready.step + 1
    for _ in range(3):
        bench.whole_step()
    bench.wait_until(lambda: bench.ended is not None and bench.is_waiting)
    assert bench.ended.step == first
    bench.next_part()
    assert bench.ended is None
    bench.wait_until(lambda: bench.is_waiting)
    assert names(bench) == "G1"
    bench.whole_step()
    bench.wait_until(lambda: bench.ended is not None)
    assert bench.ended.step == first + 1


def test_layers_have_their_code_and_that_of_their_ops(bench):
    bench.whole_step()
    bench.wait_until(lambda: bench.ended is not None)
    outputs = {seen.name: seen for part in bench.parts for seen in part.arrays if seen.kind == "output"}
    name, tanh = next((name, seen) for name, seen in outputs.items() if "Tanh()" in name)
    assert tanh.ops == ("Tanh",)
    assert "gx = gy · (1 − y²)" in bench.ops["Tanh"]
    (layer,) = (layer for layer in bench.ready.layers if (layer.network, layer.layer) == ("generator", name))
    assert "class Tanh" in layer.code
    assert "def forward" in layer.code


def test_a_run_without_a_checkpoint_says_why(tmp_path):
    RunFolder.create(tmp_path / "run", "x").write_config({"command": "train", "data": "mnist", "model": "dcgan"})
    bench = Workbench(tmp_path / "run")
    bench.wait_until(lambda: bench.failure is not None)
    assert "config.toml" in bench.failure or "checkpoint" in bench.failure
    bench.next_part()  # has no effect
    assert bench.parts == []
    bench.close()


def test_a_process_that_is_killed_says_so(bench):
    bench._process.kill()
    bench.wait_until(lambda: bench.failure is not None)
    assert "has ended" in bench.failure
    bench.next_part()  # has no effect
    assert bench.parts == []
