"""Commands as processes of their own: signals, streams, settings and disks."""

import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from rawgan.storage import RunFolder

TINY = ["--width", "2", "--noise-size", "4", "--batch-size", "4", "--samples", "4", "--image-size", "8"]
RARELY = ["--sample-every", "1000000", "--checkpoint-every", "1000000", "--steps", "1000000"]
SLOW_DISK = """
#include <stdlib.h>
#include <unistd.h>
static int slow(void) { if (!access(getenv("SLOW_WHEN"), F_OK)) sleep(60); return 0; }
int fsync(int file) { return slow(); }
int fdatasync(int file) { return slow(); }
"""


@pytest.fixture
def images(tmp_path):
    np.save(tmp_path / "images.npy", np.random.default_rng(0).integers(0, 256, (12, 8, 8), np.uint8))
    return str(tmp_path / "images.npy")


@pytest.fixture
def started():
    """A function that starts a command, which is killed at the end of the test if it still runs."""
    processes = []

    def start(*arguments, **options):
        processes.append(subprocess.Popen([sys.executable, "-m", "rawgan", *arguments], **options))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def trained(images, out, *options):
    return ["train", "--data", images, "--out", str(out), *TINY, "--backend", "reference", *options]


def assert_ends_at_once(process):
    """A second signal ends it within two seconds."""
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert time.monotonic() - began < 2


def wait_for(path, process):
    end = time.monotonic() + 60
    while not (path.exists() and path.stat().st_size):
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("asking", [signal.SIGHUP, signal.SIGUSR1])
def test_signals_of_terminals_and_batch_systems_leave_a_checkpoint(asking, images, tmp_path, started):
    process = started(*trained(images, tmp_path / "run", *RARELY), stdout=subprocess.DEVNULL)
    wait_for(tmp_path / "run" / "metrics.jsonl", process)
    process.send_signal(asking)
    assert process.wait(60) == 128 + asking
    assert len(RunFolder(tmp_path / "run").checkpoints()) == 1


@pytest.fixture
def paused(images, tmp_path, started):
    """A run whose log goes into a full pipe: writing to it waits for ever."""
    reader, writer = os.pipe()
    process = started(*trained(images, tmp_path / "run", *RARELY), stdout=writer, stderr=writer)
    wait_for(tmp_path / "run" / "metrics.jsonl", process)
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, bytes(64))
    except BlockingIOError:
        os.set_blocking(writer, True)
    time.sleep(6)  # until it wants to write a line
    yield process
    os.close(reader)
    os.close(writer)


def test_a_reader_that_has_paused_costs_no_checkpoint(paused, tmp_path):
    paused.send_signal(signal.SIGINT)
    assert paused.wait(30) == 130
    assert len(RunFolder(tmp_path / "run").checkpoints()) == 1


def test_a_reader_that_has_paused_hides_no_second_signal(paused, tmp_path):
    paused.send_signal(signal.SIGINT)
    time.sleep(0.1)
    assert_ends_at_once(paused)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs a compiler, to slow a disk down")
def test_a_second_signal_does_not_wait_for_a_slow_disk(images, tmp_path, started):
    (tmp_path / "slow.c").write_text(SLOW_DISK)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", tmp_path / "slow.so", tmp_path / "slow.c"], check=True)
    slow = tmp_path / "slow"
    environment = {**os.environ, "LD_PRELOAD": str(tmp_path / "slow.so"), "SLOW_WHEN": str(slow)}
    command = trained(images, tmp_path / "run", "--checkpoint-every", "1", "--steps", "1000000")
    process = started(*command, stdout=subprocess.DEVNULL, env=environment)
    wait_for(tmp_path / "run" / "metrics.jsonl", process)
    slow.touch()
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    assert_ends_at_once(process)


def test_a_closed_terminal_leaves_a_checkpoint(images, tmp_path, started):
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color"}
    process = started(
        *trained(images, tmp_path / "run", *RARELY), stdin=slave, stdout=slave, stderr=slave, env=environment,
        start_new_session=True, preexec_fn=lambda: __import__("fcntl").ioctl(0, __import__("termios").TIOCSCTTY, 0),
    )  # fmt: skip
    os.close(slave)
    wait_for(tmp_path / "run" / "metrics.jsonl", process)
    os.close(master)
    assert process.wait(60) == 128 + signal.SIGHUP
    assert len(RunFolder(tmp_path / "run").checkpoints()) == 1


def test_no_settings_of_a_notebook_or_a_person_reach_the_plots(images, tmp_path, started):
    """Neither from the environment nor from the current folder or the home folder."""
    (tmp_path / "config" / "matplotlib").mkdir(parents=True)
    (tmp_path / "config" / "matplotlib" / "matplotlibrc").write_bytes(b"\xff\xfe")
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "matplotlibrc").write_text("text.usetex: True\naxes.facecolor: red\n")
    settings = {"MPLBACKEND": "module://matplotlib_inline.backend_inline", "XDG_CONFIG_HOME": str(tmp_path / "config")}
    few = ["--steps", "2", "--sample-every", "1"]
    plain = started(*trained(images, tmp_path / "a", *few), stdout=subprocess.DEVNULL)
    other = started(
        *trained(images, tmp_path / "b", *few), stdout=subprocess.PIPE, text=True, env={**os.environ, **settings},
        cwd=tmp_path / "there",
    )  # fmt: skip
    assert (plain.wait(100), other.wait(100)) == (0, 0)
    assert "training goes on" not in other.stdout.read()
    assert (tmp_path / "a" / "losses.png").read_bytes() == (tmp_path / "b" / "losses.png").read_bytes()


def test_without_streams_nothing_is_printed_into_the_files_of_a_run(images, tmp_path):
    command = [sys.executable, "-m", "rawgan", *trained(images, tmp_path / "run", "--steps", "2")]
    closed = ["sh", "-c", '"$@" <&- >&- 2>&-', "sh", *command]
    assert subprocess.run(closed, timeout=100).returncode == 0
    assert [record["step"] for record in RunFolder(tmp_path / "run").read_metrics()] == [1, 2]


def test_a_reader_that_goes_leaves_a_checkpoint_and_no_traceback(images, tmp_path, started):
    process = started(*trained(images, tmp_path / "run", *RARELY), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(60) == 141
    said = process.stderr.read().decode()
    assert "go on with: rawgan train --resume" in said
    assert "Traceback" not in said
    assert len(RunFolder(tmp_path / "run").checkpoints()) == 1
    assert Path(tmp_path / "run" / "losses.png").exists()
