"""Input that is broken, or built to do harm: only errors of our own, in bounded memory and time."""

import ast
import io
import json
import sys

import numpy as np
import pytest
import spoilt_reader
from complaints import complaint
from hypothesis import given
from hypothesis import strategies as st
from paths import PACKAGES, SOURCES, file_named
from PIL import Image
from run_files import untrained_run

from bench.common.workers import Worker
from bench.robustness import fuzz
from bench.robustness.fuzz_targets import TARGETS, feed
from rawgan import nn
from rawgan.cli import foreign, main
from rawgan.config.noise import TrainConfig
from rawgan.data import load
from rawgan.errors import ArgumentError, ConfigError, DataError, one_line, shown
from rawgan.pictures import plot_losses
from rawgan.storage import RunFolder
from rawgan.storage.toml_file import read_toml
from rawgan.testing.backends import use_backend

CLEAR_SCREEN = "\x1b[2J"


# --- every reader, by the functions that the fuzzers call --------------------------------------------------------


class AllFeeders:
    """Every target in one process, whose memory is bounded."""

    def chunk(self, name: str, count: int) -> dict:
        return fuzz.Feeder(name, seed=0).chunk(0, count)

    def run(self) -> None:
        """Nothing is timed."""


@pytest.fixture(scope="module")
def process():
    with Worker("readers", AllFeeders) as worker:
        yield worker


@pytest.mark.parametrize("name", TARGETS)
def test_hostile_files_and_mutations_of_them(name, process):
    count = len(fuzz.corpus_of(name)) + 100
    report = process.ask("chunk", name, count)
    assert report["escapes"] == []
    assert report["accepted"] + report["refused"] == report["inputs"] == count
    assert report["accepted"] or name in ("path", "url")  # or what refuses is not the reader


@pytest.mark.parametrize("name", TARGETS)
@given(st.data())
def test_any_bytes_and_any_splice(name, data):
    whole = data.draw(st.sampled_from(fuzz.corpus_of(name)))
    start, gone = data.draw(st.integers(0, 200)), data.draw(st.integers(0, 9))
    feed(
        name,
        data.draw(st.just(whole[:start]) | st.just(b"")) + data.draw(st.binary(max_size=99)) + whole[start + gone :],
    )


def test_a_mutant_is_a_function_of_its_number():
    first, again, other = ([fuzz.mutant("image", seed, n) for n in range(1000, 1020)] for seed in (0, 0, 1))
    assert first == again
    assert len({*first, *other}) > 30


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere addresses are not bounded")
def test_faults_of_a_reader_are_found_and_the_inputs_after_them_tried(monkeypatch):
    monkeypatch.setitem(TARGETS, "spoilt", spoilt_reader.TARGET)
    monkeypatch.setattr(fuzz, "Feeder", spoilt_reader.feeder)
    reached = []
    report = fuzz.run(7, on_progress=lambda *at: reached.append(at), targets=("spoilt",))["spoilt"]
    assert [bytes.fromhex(escape["input"]) for escape in report["escapes"]] == spoilt_reader.FAULTS
    words = ["'raised'", "MiB for 6 bytes", "Unable to allocate", "more than 2.0 seconds", "control", "exit code -9"]
    assert all(word in escape["error"] for word, escape in zip(words, report["escapes"], strict=True))
    assert (report["inputs"], report["accepted"], report["escaped"], reached[-1]) == (7, 1, 6, (7, 7))


# --- what is printed ---------------------------------------------------------------------------------------------


def test_no_error_sends_a_terminal_control_characters(tmp_path):
    (tmp_path / f"{CLEAR_SCREEN}\nall is well\u202e.png").write_bytes(b"broken")
    message = complaint(DataError, lambda: load(tmp_path, image_size=4))
    assert message.endswith("\n  \\x1b[2J\\nall is well\\u202e.png: not an image that Pillow can read")
    assert complaint(DataError, lambda: load(f"{CLEAR_SCREEN}x", image_size=4)).startswith("\\x1b[2Jx: no such file")
    assert one_line("\udcff\t\x7f") == r"\udcff\t\x7f"


def test_values_of_any_size_are_shown_in_a_line():
    nested: dict = {}
    for _ in range(10**5):
        nested = {"a": nested}
    assert shown("a\n") == r"'a\n'"
    assert shown([0] * 10**5) == f"{'[' + '0, ' * 20:.60}…"
    assert shown(16**5000) == "int, too long to be printed"
    assert shown(nested) == "dict, too long to be printed"


@pytest.fixture
def run(tmp_path):
    folder = untrained_run(tmp_path / "run")
    with use_backend("reference"):
        yield folder


def test_names_are_printed_as_they_are_and_are_no_markup(run, tmp_path, capsys):
    for name, printed in (("a[/b].png", "a[/b].png"), (f"{CLEAR_SCREEN}\udcff.png", r"\x1b[2J\udcff.png")):
        assert main(["sample", str(run.path), "--count", "1", "--out", str(tmp_path / name)]) == 0
        assert capsys.readouterr().out == f"{tmp_path}/{printed}\n"
    assert main(["interpolate", str(run.path), "--walks", "1", "--out", str(tmp_path / "[bold].png")]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/[bold].png\n"


def test_a_terminal_of_few_characters(monkeypatch):
    plain = io.TextIOWrapper(io.BytesIO(), "ascii")
    monkeypatch.setattr(sys, "stderr", plain)
    assert main(["tränieren"]) == 2
    plain.flush()
    assert b"there is no command 'tr\\xe4nieren'" in plain.buffer.getvalue()


# --- settings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "near"),
    [
        (["train", "--stpes", "5"], "--steps"),
        (["train", "--batchsize=5"], "--batch-size"),
        (["train", "--noise-siz", "1"], "--noise-size"),
        (["sample", "run", "--cuont", "5"], "--count"),
    ],
)
def test_a_misspelt_flag_names_the_right_one(options, near, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(options)
    assert stopped.value.code == 2
    assert f"Perhaps you meant: {near} " in " ".join(capsys.readouterr().err.replace("│", " ").split())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps = " + "9" * 5000, "is not a configuration: Exceeds the limit"),
        ("steps = " + "[" * 5000, "is not a configuration: its lists and tables are nested too deep"),
        ("steps = 0x" + "f" * 5000, "steps must lie in 1 ... 1000000000, but is int, too long to be printed"),
        ("steps." + "a." * 15000 + "b = 1", "is not a configuration: its lists and tables are nested too deep"),
        ("steps.a.b = 1", "steps = {'a': {'b': 1}}, but it should be int"),
        ("learning_rate = 1" + "0" * 400, "learning_rate must be more than 0 and at most 10, but is 1000"),
        ("epochs = 1e308", "epochs must be more than 0 and at most 1000000, but is 1e+308"),
        ('data = "\\u0000"', "data must be the name of a set or the path of a folder or file, but is '\\x00'"),
        ("x" * 10**5 + " = 1", f"there is no option '{'x' * 59}…\n"),
    ],
)
def test_settings_of_any_size_are_refused_in_a_line(text, message, tmp_path):
    path = tmp_path / "my.toml"
    path.write_text(text)
    said = complaint(ConfigError, lambda: TrainConfig.from_dict(read_toml(path), str(path)))
    assert message in said
    assert len(said) < 1000


def test_settings_that_cannot_be_written_down(tmp_path):
    assert "surrogates not allowed" in complaint(ConfigError, lambda: RunFolder(tmp_path).write_config({"a": "\udcff"}))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("target", ["m:" + "-" * 50000 + "1", "m:f({[]: 1})", ":f", ".m:f", "..:f"])
def test_targets_that_name_nothing(target):
    complaint(ArgumentError, lambda: foreign.load(target))


@pytest.mark.parametrize("numbers", ["2:inf..inf", "2:nan..1", "2:0..1e400", "2:0", "-1", "1" + "0" * 30])
def test_inputs_that_cannot_be_drawn(numbers):
    complaint(ArgumentError, lambda: foreign.draw(numbers, np.random.default_rng(0)))


# --- run folders -------------------------------------------------------------------------------------------------


def test_nothing_is_written_through_a_link(run, tmp_path, capsys):
    """Whoever hands on a run folder may have put links into it: to a file of the reader's, say."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("mine")
    made, (saved,) = run.newest_checkpoint()[0], run.checkpoints()
    before = saved.read_bytes()
    (run.path / "images-seed-0").symlink_to(outside)
    (run.path / "images-seed-0.png").symlink_to(outside / "file")
    for link in (run.metrics_file, saved, run.animation_file, run.path / ".lock"):
        link.unlink(missing_ok=True)
        link.symlink_to(outside / "file")
    assert "is a link" in complaint(ConfigError, lambda: run.append_metrics({"step": 1}))
    assert "is a link" in complaint(ConfigError, lambda: run.locked().__enter__())
    (outside / "file").write_bytes(before)
    assert main(["sample", str(run.path), "--single", "--count", "1"]) == 1
    assert "images-seed-0 is a link, and a run writes through none" in capsys.readouterr().err
    assert main(["sample", str(run.path), "--count", "1"]) == 0
    run.save_checkpoint(made, keep=1)
    assert {file.name: file.read_bytes() for file in outside.iterdir()} == {"file": before}
    run.samples_folder.symlink_to(outside)
    assert "samples is a link" in complaint(ConfigError, lambda: RunFolder.open(run.path))


@pytest.mark.parametrize("line", ["[" * 5000, '{"a":' * 5000, '{"a": 1' + "0" * 5000 + "}"])
def test_metrics_nested_too_deep_or_too_long(run, line):
    run.metrics_file.write_text(f"{line}\n{line}\n")
    message = complaint(ConfigError, run.read_metrics)
    assert "metrics.jsonl, line 1, is not a JSON object" in message
    assert len(message) < 1000
    run.metrics_file.write_text(line)  # cut short, it would seem
    with run:
        run.append_metrics({"step": 1})


def test_metrics_that_are_no_numbers_are_no_points_of_a_curve(tmp_path):
    values = ["text", [1], {}, 10**400, -(10**400), 1e308, float("nan"), float("inf"), True, None]
    records = [{"step": step, "d_loss": loss} for step in values for loss in values]
    records += [{"step": n, "d_loss": value} for n, value in enumerate(values)]
    assert json.loads(json.dumps(values))[:3] == values[:3]  # a metrics.jsonl may have them
    with Image.open(plot_losses(tmp_path / "losses.png", records)) as picture:
        assert picture.width > 1000


def test_weights_that_are_no_floats(run):
    layer = nn.Linear(1, 1, rng=np.random.default_rng(0))
    before = layer.state_dict()
    message = complaint(ConfigError, lambda: layer.load_state_dict({"w": np.ones((1, 1), bool), "b": np.ones(1, int)}))
    assert message.endswith("\n  w should be floats, not bool\n  b should be floats, not int64")
    assert r"  a\nb (1,) is unknown" in complaint(ConfigError, lambda: layer.load_state_dict({"a\nb": np.ones(1)}))
    assert all((layer.state_dict()[name] == before[name]).all() for name in before)


# --- the source --------------------------------------------------------------------------------------------------

FORBIDDEN = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "yaml"}


def test_nothing_is_unpickled_or_evaluated():
    """In all of the source that is installed, but for compiled kernels, which nobody else can write."""
    files = {*SOURCES} - {file_named("code_cache.py", *PACKAGES.values())}
    assert len(files) > 80
    assert [fault for file in files for fault in faults_of(file.read_text(encoding="utf-8"), file.name)] == []
    bad = (
        "import pickle\nfrom marshal import loads\neval('1')\nnp.load(f)\nnp.load(f, allow_pickle=1)\nbuiltins.exec(s)"
    )
    assert len(faults_of(bad, "bad.py")) == 6
    assert faults_of("x.eval()\nnp.load(f, allow_pickle=False)\nast.literal_eval(s)", "good.py") == []


def faults_of(source: str, name: str) -> list[str]:
    faults = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            bad = any(module.partition(".")[0] in FORBIDDEN for module in modules)
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func).removeprefix("builtins.")
            loads = called in ("np.load", "numpy.load") and not any(
                key.arg == "allow_pickle" and ast.unparse(key.value) == "False" for key in node.keywords
            )
            bad = loads or called in ("eval", "exec", "compile", "__import__")
        else:
            continue
        if bad:
            faults.append(f"{name}, line {node.lineno}: {ast.unparse(node)}")
    return faults
