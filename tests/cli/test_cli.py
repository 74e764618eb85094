"""The command line as a person uses it."""

import os
import re
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console
from run_files import TINY

import rawgan
from rawgan.cli import COMMANDS, SECTIONS, main
from rawgan.cli.commands import Command, all_commands
from rawgan.cli.terminal import signals
from rawgan.cli.terminal.progress import progress_of
from rawgan.storage import RunFolder


def clean_environment(**extra):
    keep = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "FORCE_COLOR")}
    return keep | extra


# --- the command itself ------------------------------------------------------------------------------------------


def test_modules_of_the_current_folder_are_not_taken_for_those_of_the_same_names(monkeypatch, tmp_path, capsys):
    """Python looks there first, after `python -m`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(sys, "argv", ["rawgan", "--version"])
    with pytest.raises(SystemExit):
        runpy.run_path(str(Path(rawgan.__file__).parent / "__main__.py"), run_name="__main__")
    assert str(tmp_path) not in sys.path


def test_a_second_signal_ends_the_process_only_while_it_is_there_for_the_command(monkeypatch, capsys):
    during = []
    monkeypatch.setattr(sys, "argv", ["rawgan", "--version"])
    monkeypatch.setattr("rawgan.cli._run", lambda arguments: during.append(signals.alone) or 0)
    assert (main(), main(["--version"])) == (0, 0)
    assert [*during, signals.alone] == [True, False, False]


def test_help_lists_every_command(capsys):
    assert main([]) == main(["--help"]) == main(["help"]) == 0
    printed = capsys.readouterr().out
    assert all(f"  {command.name:<17} {command.purpose}\n" in printed for command in COMMANDS.values())
    assert re.findall(r"^(\w+):$", printed, re.MULTILINE) == [*SECTIONS] * 3  # and no other


def test_a_file_is_a_command(tmp_path):
    (tmp_path / "juggle_balls.py").write_text('"""Circus: throw balls.\n\nMore."""\nraise ImportError\n')
    (tmp_path / "_helper.py").write_text('"""Not a command."""\n')
    assert all_commands(tmp_path) == {"juggle-balls": Command("juggle-balls", "Circus", "throw balls")}


def test_version(capsys):
    assert main(["--version"]) == 0
    assert re.fullmatch(r"rawgan \d+\.\d+\.\d+\n", capsys.readouterr().out)


def test_an_unknown_command_lists_the_known(capsys):
    assert main(["juggle"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("rawgan: there is no command 'juggle'\n\n")
    assert main(["trian"]) == 2
    assert capsys.readouterr().err.startswith("rawgan: there is no command 'trian'; did you mean train?\n\n")
    assert "  train             train a GAN" in error


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    assert f"usage: rawgan {command}" in capsys.readouterr().out


def test_python_m_rawgan_is_the_same_command():
    ran = subprocess.run([sys.executable, "-m", "rawgan", "--version"], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout[:7]) == (0, "rawgan ")


def test_importing_rawgan_loads_nothing_heavy():
    heavy = ("numba", "cupy", "matplotlib", "PIL", "tyro", "rich", "pooch", "safetensors", "scipy", "torch")
    code = f"import sys, rawgan; print([name for name in {heavy} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_help_loads_nothing_but_numpy():
    code = (
        "import sys, rawgan.cli; rawgan.cli.main(['--help']); print([n for n in ('tyro', 'rich') if n in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.endswith("[]\n")


# --- train -------------------------------------------------------------------------------------------------------


def test_train_logs_lines_and_says_where_everything_is(images, tmp_path, capsys):
    out = tmp_path / "run"
    assert main(["train", "--data", images, "--steps", "3", "--out", str(out), *TINY]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "style on 12 images of 8×8×1: 3 steps of 4 images, on cpu (cpu kernels)"
    assert lines[1].startswith("D sees augmented images: --augment diffaugment, the default for fewer than 5,000")
    assert lines[2] == f"run folder: {out}"
    assert lines[3:6] == [
        "D loss and G loss: nats; 1.386 and 0.693 if D guesses",
        "D(real) and D(fake): probability of being real, by D; 0.5 if D guesses",
        "penalty: gradient penalty times its weight, as added to D's loss; only of steps that apply it",
    ]
    assert [line.split("  ")[0] for line in lines if line.startswith("step")] == ["step 1/3", "step 3/3"]
    assert re.match(
        r"step 3/3  epoch 1\.00  D loss \d\.\d{3}  G loss \d\.\d{3}  D\(real\) 0\.\d\d  D\(fake\) 0\.\d\d  "
        r"penalty [\d.]+  [\d.]+ steps/s  \d+ images/s  ETA 0 s$",
        lines[7],
    )
    assert lines[-1] == f"more images: rawgan sample {out}"


def test_train_without_a_folder_makes_one(images, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--data", images, "--steps", "1", *TINY]) == 0
    (run,) = (tmp_path / "runs").iterdir()
    assert re.fullmatch(r"style-images\.npy-\d{8}-\d{6}", run.name)


def test_a_configuration_repeats_a_run_and_flags_have_the_last_word(run, tmp_path, capsys):
    again, longer = tmp_path / "again", tmp_path / "longer"
    config = str(run / "config.toml")
    assert main(["train", "--config", config, "--out", str(again)]) == 0
    assert main(["train", f"--config={config}", "--out", str(longer), "--steps", "4"]) == 0
    assert (again / "metrics.jsonl").read_bytes() == (run / "metrics.jsonl").read_bytes()
    assert RunFolder(again).checkpoints()[-1].read_bytes() == RunFolder(run).checkpoints()[-1].read_bytes()
    assert len(RunFolder.open(longer).read_metrics()) == 4


def test_a_run_folder_stands_for_its_configuration_and_epochs_replace_its_steps(run, tmp_path, capsys):
    out = tmp_path / "again"
    assert main(["train", "--config", str(run), "--epochs", "2", "--out", str(out)]) == 0
    assert len(RunFolder.open(out).read_metrics()) == 6  # 12 images, 4 a step
    config = RunFolder.open(out).read_config()
    assert config["epochs"] == 2
    assert "steps" not in config


def test_a_dry_run_shows_everything_and_writes_nothing(images, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert main(["train", "--data", images, "--dry-run", *TINY]) == 0
    assert sorted(tmp_path.rglob("*")) == before
    printed = capsys.readouterr().out
    for part in ("generator, batch 4", "discriminator, batch 4", "4 × 8 × 8 × 1", "one step: ", "memory: about "):
        assert part in printed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--image-size", "9"], "rawgan train: image size 9: the networks double"),
        (["--data", "mnits"], "rawgan train: mnits: no such file or folder, nor a known set; did you mean mnist?"),
        (["--config", "none.toml"], "rawgan train: none.toml could not be read: No such file"),
        (["--steps", "1", "--epochs", "1"], "rawgan train: steps 1 and epochs 1.0 both say how long to train"),
        (["--device", "cuda"], "rawgan train: device 'cuda' needs"),
        (["--config", "a.toml", "--config=b.toml"], "rawgan train: of --config and --resume, 2 are given; give one"),
    ],
)
def test_train_refuses_in_one_sentence(options, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["train", *options]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith(message)
    assert "Traceback" not in captured.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--steps", "abc"], "--steps: must be a whole number, not 'abc'"),
        (["--steps", "1.5"], "--steps: must be a whole number, not '1.5'"),
        (["--batch-size", "many"], "--batch-size: must be a whole number, not 'many'"),
        (["--learning-rate", "fast"], "--learning-rate: must be a number, not 'fast'"),
        (["--ema", "1,5"], "--ema: must be a number, not '1,5'"),
    ],
)
def test_text_that_is_no_number_is_refused_in_plain_words(options, words, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as caught:
        main(["train", *options])
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert words in said
    assert "class" not in said.partition("Argument helptext")[0]


def test_a_folder_of_runs_is_no_run_to_resume(run, capsys):
    for flag in ("--resume", "--config"):
        assert main(["train", flag, str(run.parent)]) == 1
        assert capsys.readouterr().err == (
            f"rawgan train: {run.parent} is not a run: it has no config.toml\n  the runs in it: {run}\n"
        )
    assert main(["train", "--resume", str(run.parent / "gone")]) == 1
    assert capsys.readouterr().err.startswith(f"rawgan train: {run.parent / 'gone'} does not exist\n")


def test_a_run_without_classes_is_asked_for_none(run, capsys):
    for command in ("sample", "interpolate"):
        assert main([command, str(run), "--label", "1"]) == 1
        assert capsys.readouterr().err == (
            f"rawgan {command}: label 1: this run was trained without classes\n"
            "  leave out --label, or train with --conditional projection on images that have labels\n"
        )


def test_a_taken_folder_is_left_alone_before_anything_is_read(run, images, capsys):
    assert main(["train", "--data", "no such data", "--out", str(run)]) == 1
    assert capsys.readouterr().err.startswith(f"rawgan train: {run} is not empty, and a run never overwrites another")
    before = (run / "metrics.jsonl").read_bytes()
    assert main(["train", "--data", images, "--out", str(run), *TINY]) == 1
    assert str(run) in capsys.readouterr().err
    assert (run / "metrics.jsonl").read_bytes() == before


def test_broken_images_that_are_skipped_are_named(tmp_path, capsys):
    for index in range(5):
        Image.new("L", (16, 16), index).save(tmp_path / f"{index}.png")
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    assert main(["train", "--data", str(tmp_path), "--dry-run", "--skip-broken", *TINY]) == 0
    assert re.search(r"^skipped .*broken\.png", capsys.readouterr().out, re.MULTILINE)


def test_slow_work_shows_a_bar_before_its_first_piece_is_done(capsys):
    shown, end = "", time.monotonic() + 30
    with progress_of(Console(force_terminal=True), "reading images", patience=0.05) as show:
        while "reading images" not in shown and time.monotonic() < end:
            time.sleep(0.01)
            shown += capsys.readouterr().out
        show(1, 2)
    assert "reading images" in shown


def test_quick_work_shows_no_bar(capsys):
    with progress_of(Console(force_terminal=True), "reading images", patience=60.0) as show:
        show(1, 2)
        show(2, 2)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("asked", "backend"), [(signal.SIGINT, "cpu"), (signal.SIGTERM, "reference")])
def test_a_signal_ends_in_order_and_the_run_goes_on(asked, backend, images, tmp_path, capsys):
    out = tmp_path / "run"
    command = [sys.executable, "-m", "rawgan", "train", "--data", images, "--steps", "100000", "--out", str(out), *TINY]
    command += ["--backend", backend]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=clean_environment())
    while "step 1/" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(asked)
    rest, _ = process.communicate(timeout=60)
    assert "stopping after this step, with a checkpoint; Ctrl-C again stops at once\n" in rest
    assert process.returncode == 128 + asked
    line = rf"stopped at step ([\d,]+) of 100,000; go on with: rawgan train --resume {re.escape(str(out))}\n"
    reached = int(re.search(line, rest)[1].replace(",", ""))
    folder = RunFolder.open(out)
    assert len(folder.read_metrics()) == reached >= 1
    assert folder.checkpoints()[-1].name == f"step-{reached:06d}.safetensors"
    assert folder.animation_file.exists()
    assert main(["sample", str(out)]) == 0
    assert main(["train", "--resume", str(out), "--steps", str(reached + 2)]) == 0
    assert f"going on after step {reached:,}\n" in capsys.readouterr().out
    assert len(folder.read_metrics()) == reached + 2
    assert main(["train", "--resume", str(out)]) == 0
    assert "finished already; --steps asks for more\n" in capsys.readouterr().out
    assert main(["train", "--resume", str(out), "--steps", str(reached)]) == 1
    assert f"has taken {reached + 2:,} steps already, more than {reached:,}\n" in capsys.readouterr().err


def test_ctrl_c_before_training_is_no_traceback(monkeypatch, capsys):
    import rawgan.cli.training as train

    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "_prepare", interrupt)
    assert main(["train"]) == 130
    assert capsys.readouterr().err == "rawgan train: stopped\n"
