"""Signals, and output that is lost: a run ends with a checkpoint, and a second signal ends it at once."""

import errno
import fcntl
import hashlib
import io
import os
import signal
import sys
import threading
import time

import pytest
from rich.console import Console
from run_files import TINY

from rawgan.cli import main
from rawgan.cli.terminal import outlet as outlet_module
from rawgan.cli.terminal import progress, signals, view
from rawgan.cli.terminal.outlet import GONE, Outlet
from rawgan.cli.terminal.progress import progress_of, waiting
from rawgan.cli.terminal.signals import WORDS, stopping
from rawgan.cli.terminal.view import Log
from rawgan.config.noise import TrainConfig
from rawgan.storage import RunFolder
from rawgan.training import Trainer

ASKING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGXCPU")]


def wait_for(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


def wait_for_line(capsys, line):
    printed = []

    def is_there():
        printed.append(capsys.readouterr().out)
        return line in "".join(printed)

    wait_for(is_there)


# --- signals ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def harmless():
    """Signals that nobody turns into a request do not end the tests."""
    before = {each: signal.signal(each, lambda number, frame: None) for each in ASKING}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.mark.usefixtures("harmless")
@pytest.mark.parametrize("asking", ASKING, ids=lambda asking: asking.name)
def test_a_signal_asks_to_stop_and_a_thread_tells_of_it(asking):
    """No handler prints: it may have interrupted the printing."""
    before, told = [signal.getsignal(each) for each in ASKING], []
    with stopping(lambda words: told.append((words, threading.current_thread()))) as stop:
        assert stop.signal is None
        os.kill(os.getpid(), asking)
        wait_for(lambda: told)
        assert stop.signal == asking
    assert [signal.getsignal(each) for each in ASKING] == before
    ((words, thread),) = told
    assert words == WORDS
    assert thread is not threading.main_thread()


def test_a_second_signal_is_ctrl_c_where_others_live_in_the_process():
    with stopping(lambda words: None):
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_two_signals_within_one_long_step_are_two():
    """Python's handlers would run once, and only after it."""
    left = []

    def send():
        for _ in range(2):
            time.sleep(0.03)
            os.kill(os.getpid(), signal.SIGINT)

    with stopping(lambda words: None, leave=lambda number: left.append((number, time.monotonic()))):
        threading.Thread(target=send).start()
        hashlib.pbkdf2_hmac("sha256", b"a", b"b", 400_000)  # a long step, in which no line of Python runs
        ended = time.monotonic()
        wait_for(lambda: left)
    ((number, moment),) = left
    assert number == signal.SIGINT
    assert moment < ended


def test_a_terminal_that_is_held_up_hides_no_second_signal():
    left, held = [], threading.Event()
    with stopping(lambda words: held.wait(20), leave=left.append, grace=0.01) as stop:
        os.kill(os.getpid(), signal.SIGUSR1)
        wait_for(lambda: stop.signal is not None)
        os.kill(os.getpid(), signal.SIGTERM)
        wait_for(lambda: left)
    assert left == [signal.SIGTERM]
    held.set()


def test_nohup_is_respected():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stopping(lambda words: None) as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        assert stop.signal is None
    finally:
        signal.signal(signal.SIGHUP, before)


def test_last_words_show_the_cursor_again(monkeypatch):
    written, codes = [], []
    monkeypatch.setattr(signals.os, "isatty", lambda number: True)
    monkeypatch.setattr(signals.os, "write", lambda number, data: written.append(data))
    monkeypatch.setattr(signals.os, "_exit", codes.append)
    monkeypatch.setattr(sys, "stderr", sys.__stderr__)
    signals.leave_at_once(signal.SIGTERM)
    assert codes == [143]
    assert written == [b"\x1b[?25h\r\n", b"rawgan: stopped at once\n"]


def test_training_works_off_the_main_thread(images, tmp_path):
    codes = []
    arguments = ["train", "--data", images, "--steps", "2", "--out", str(tmp_path / "run"), *TINY]
    thread = threading.Thread(target=lambda: codes.append(main(arguments)))
    thread.start()
    thread.join()
    assert codes == [0]


# --- output that is lost ---------------------------------------------------------------------------------------------


@pytest.fixture
def nobody_reads(monkeypatch):
    """A function after which standard output is a pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    with io.TextIOWrapper(os.fdopen(writer, "wb"), "utf-8") as stream:
        yield lambda: monkeypatch.setattr(sys, "stdout", stream)
    # It was closed, as Python closes it at its end, without another error.


@pytest.mark.parametrize("arguments", [[], ["--help"], ["train", "--help"], ["info"], ["describe", "dcgan"], ["runs"]])
def test_a_reader_that_has_gone_ends_a_command_quietly(arguments, nobody_reads, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    nobody_reads()
    assert main(arguments) == GONE == 141
    assert capsys.readouterr().err == ""


def test_an_error_counts_more_than_a_reader_that_has_gone(nobody_reads, capsys):
    nobody_reads()
    assert main(["sample", "nowhere"]) == 1
    assert "nowhere does not exist" in capsys.readouterr().err
    assert main(["juggle"]) == 2


def test_a_run_that_nobody_reads_of_stops_with_a_checkpoint(images, tmp_path, nobody_reads, capsys):
    out = tmp_path / "run"
    nobody_reads()
    assert main(["train", "--data", images, "--steps", "500", "--out", str(out), *TINY]) == 141
    (checkpoint,) = RunFolder.open(out).checkpoints()
    reached = int(checkpoint.stem.removeprefix("step-"))
    assert 1 <= reached < 20
    assert f"stopped at step {reached} of 500; go on with: rawgan train --resume {out}\n" in capsys.readouterr().err


class Full(io.StringIO):
    """A file on a full disk."""

    def write(self, text):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_for_the_log_costs_the_log(images, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdout", Full())
    out = tmp_path / "run"
    assert main(["train", "--data", images, "--steps", "3", "--out", str(out), *TINY]) == 1
    assert RunFolder.open(out).checkpoints()[-1].name == "step-000003.safetensors"
    assert capsys.readouterr().err == "the output could not be written: No space left on device\n"


def test_what_does_not_block_loses_only_what_does_not_fit():
    class Busy(io.StringIO):
        busy = True

        def write(self, text):
            if self.busy:
                raise BlockingIOError
            return super().write(text)

    stream = Busy()
    outlet = Outlet(stream)
    outlet.write("lost")
    stream.busy = False
    outlet.write("there")
    assert (stream.getvalue(), outlet.lost) == ("there", None)


def test_a_reader_that_has_paused_is_waited_for_unless_there_is_a_hurry():
    reader, writer = os.pipe()
    with io.TextIOWrapper(os.fdopen(writer, "wb"), "utf-8") as stream:
        outlet = Outlet(stream, patience=0.2)
        text, read = "x" * 200_000, []  # more than a pipe holds

        def read_on():
            time.sleep(0.5)
            while sum(map(len, read)) < len(text):
                read.append(os.read(reader, 1 << 16))

        thread = threading.Thread(target=read_on)
        thread.start()
        outlet.write(text)
        thread.join()
        assert (b"".join(read).decode(), outlet.lost) == (text, None)
        outlet_module.hurry.set()
        try:
            outlet.write(text)
        finally:
            outlet_module.hurry.clear()
        assert isinstance(outlet.lost, TimeoutError)
        os.close(reader)


def test_a_pipe_of_a_single_page_has_more_room_than_it_says():
    """Linux tells of none as long as anything is in it."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, 1031, 4096)  # F_SETPIPE_SZ
    with io.TextIOWrapper(os.fdopen(writer, "wb"), "utf-8") as stream:
        outlet = Outlet(stream)
        for _ in range(40):
            outlet.write("a line of text, ünd more\n")
        assert os.read(reader, 4096).decode() == "a line of text, ünd more\n" * 40
    os.close(reader)


def test_streams_are_those_of_before_afterwards(capsys):
    before = sys.stdout, sys.stderr
    with outlet_module.outlets():
        assert isinstance(sys.stdout, Outlet)
    assert (sys.stdout, sys.stderr) == before


def test_without_any_output_there_is_none(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert main(["--version"]) == 0


# --- where there is no terminal --------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"TERM": "dumb", "TTY_COMPATIBLE": "1"}], ids=["a pipe", "a dumb terminal"])
def test_long_work_is_told_of_in_lines(options, capsys):
    console = Console(_environ=options)
    with progress_of(console, "reading images", interval=0.01) as show:
        wait_for_line(capsys, "reading images: 0 s so far\n")
        show(1, 4)
        wait_for_line(capsys, "reading images: 25 %, 0 s so far\n")
    with waiting(console, "compiling", interval=0.01) as tell:
        tell("compiling conv2d")
        wait_for_line(capsys, "compiling conv2d: 0 s so far\n")


def test_short_work_is_not(capsys):
    with progress_of(Console(), "reading images") as show, waiting(Console(), "compiling"):
        show(1, 4)
    assert capsys.readouterr().out == ""


def test_lines_of_text_are_never_more_than_ten_seconds_apart():
    assert progress.LINE_SECONDS <= 10
    assert view.SILENT_SECONDS <= 10
    assert view.LOG_SECONDS <= 10


def test_a_step_that_takes_long_gives_a_sign_of_life(images, monkeypatch, capsys):
    monkeypatch.setattr(view, "SILENT_SECONDS", 0.03)
    training = Trainer(TrainConfig.of(data=images, image_size=8, batch_size=4, width=2, steps=9))
    with Log(Console(), training):
        wait_for_line(capsys, "step 0/9; since then: 0 s\n")
