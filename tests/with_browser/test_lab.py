"""The lab's page in a browser: its rooms, several pages, a run that trains, ends, is killed; who is let in."""

import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from lab_page import PATIENCE, until
from run_files import TINY, files

from rawgan.inference.next_step import trainer_of
from rawgan.inspection.events import Value
from rawgan.inspection.tracer import trace
from rawgan.storage import RunFolder

ORDER = "G1 G2 D1 D2 D3 D4 D1 D2 D3 D4 D4 G3 G4 G5"


def parts(page):
    return " ".join(text.split()[0] for text in page.texts(".part"))


def test_now_shows_the_state_of_the_run(page, trained):
    state = page.text(".state", "step 3 of 3")
    last = RunFolder.open(trained).read_metrics()[-1]
    assert "finished" in state
    assert f"D loss {last['d_loss']:.3f}" in state
    assert "step 3" in page.text(".caption")
    until(lambda: len(page.texts("canvas")) >= 2, "charts")


def test_a_step_is_taken_part_by_part_and_its_numbers_are_those_of_the_engine(page, trained):
    page.press("2")
    page.text(".next", "Begin step 4")
    page.press("n")
    page.text(".part-title", "G 1: take noise")
    page.press("n")
    page.text(".part-title", "G 2: generate images")
    page.text(".array", "Tanh()")
    page.press("e")
    page.text(".step-state", "Step 4 is done")
    assert parts(page) == ORDER
    trainer, wanted = trainer_of(RunFolder.open(trained)), {}
    trace(
        lambda: trainer.take(True),
        trainer.gan.networks,
        lambda event: wanted.update({event.name: event.array.copy()}) if isinstance(event, Value) else None,
    )
    number = ORDER.split().index("G4")
    page.click(".part", number)
    page.text(".part-title", "G 4")
    assert f"{wanted['g_loss'].item():.6g}" in page.text(".array", "g_loss")
    logits = wanted["generated_logits"]
    assert f"{logits.min():.3g} to {logits.max():.3g}" in page.text(".array", "generated_logits")


def test_a_layer_shows_its_code_forwards_and_backwards(page):
    page.room("step")
    page.text(".next", "Begin step 4")
    page.press("e")
    page.text(".step-state", "is done.")
    boxes = page.texts(".layer")
    page.click(".layer", next(number for number, text in enumerate(boxes) if "Tanh" in text))
    assert "generator, layer" in page.text(".code-title", "Tanh()")
    code = page.text(".op", "class Tanh(Op)")
    assert "def forward(self, x" in code
    assert "def backward(self, gy" in code


def test_two_pages_see_the_same_step_and_one_that_is_opened_again_goes_on(page, visit):
    page.room("step")
    page.text(".next", "Begin step 4")
    other = visit(page.address)
    other.room("step")
    page.press("n")
    other.text(".part-title", "G 1")
    other.press("n")
    page.text(".part-title", "G 2")
    page.open("about:blank")
    page.room("step")
    page.text(".part-title", "G 2")
    assert parts(page) == "G1 G2"


def test_the_page_speaks_chinese_and_is_dark_or_light(page):
    page.text(".state", "step 3")
    page.click(".language")
    page.text(".state", "第 3 步")
    assert "lang=zh" in page.driver.current_url

    def is_dark():
        return page.driver.execute_script("return document.body.classList.contains('body--dark')")

    before = is_dark()
    page.press("d")
    until(lambda: is_dark() != before, "the other colours")


def trained_by_process(images, out, *options):
    command = [sys.executable, "-m", "rawgan", "train", "--data", str(images), "--out", str(out), *TINY, *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_a_run_is_watched_while_it_trains_and_stays_bit_identical(images, tmp_path, lab, visit):
    options = ["--steps", "400", "--sample-every", "100", "--checkpoint-every", "200"]
    run = trained_by_process(images, tmp_path / "watched" / "run", *options)
    until((tmp_path / "watched" / "run" / "metrics.jsonl").exists, "the run")
    address, _ = lab(tmp_path / "watched" / "run")
    page = visit(address)
    first = page.text(".state", "running")
    nonsense(address)
    page.text(".state", "finished")
    said, _ = run.communicate()
    assert run.returncode == 0, said
    assert "step 400 of 400" in page.text(".state")
    assert "step 400 of" not in first
    page.text(".caption", "step 400")
    alone = trained_by_process(images, tmp_path / "alone" / "run", *options)
    said, _ = alone.communicate()
    assert alone.returncode == 0, said
    watched, unwatched = (files(RunFolder.open(tmp_path / name / "run")) for name in ("watched", "alone"))
    assert watched == unwatched


def nonsense(address):
    """A thousand connections that say nothing of sense, or nothing at all."""
    port = int(re.search(r":(\d+)/", address)[1])
    rng = np.random.default_rng(0)
    for number in range(1000):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            if number % 3:
                connection.sendall(rng.bytes(40) if number % 3 == 1 else b"GET / HTTP/1.1\r\nHost: " + rng.bytes(9))


def test_a_run_that_is_killed_is_not_running(images, tmp_path, lab, visit):
    run = trained_by_process(images, tmp_path / "run", "--steps", "1000000")
    until((tmp_path / "run" / "metrics.jsonl").exists, "the run")
    page = visit(lab(tmp_path / "run")[0])
    page.text(".state", "running")
    run.send_signal(signal.SIGKILL)
    run.communicate()
    page.text(".state", "not running")


def test_a_run_without_a_checkpoint_says_so_and_alarms_are_shown(tmp_path, lab, visit):
    folder = RunFolder.create(tmp_path / "run", "x")
    folder.write_config({"command": "train", "data": "mnist", "model": "dcgan", "steps": 9})
    alarm = {
        "symptom": "<b>dead units</b>",
        "figure": "share",
        "value": 0.9,
        "most": 0.5,
        "remedy": "<script>x</script>",
    }
    folder.append_alarms([{"step": 3, **alarm}])
    folder.metrics_file.write_text('nonsense\n{"step": 1, "d_loss": "text", "g_loss": 0.5}\n')
    page = visit(lab(tmp_path / "run")[0])
    assert "<b>dead units</b>" in page.text(".alarm")  # as text
    assert "G loss 0.500" in page.text(".state", "step 1 of 9")
    page.room("step")
    page.text(".step-state", "No step can be taken")


def test_nobody_gets_in_without_the_address(lab, trained):
    address, _ = lab(trained)
    bare = address.partition("?")[0]
    polling = "_nicegui_ws/socket.io/?EIO=4&transport=polling"
    for path in ("", polling, "_nicegui/x", "docs", "openapi.json", "../../etc/passwd"):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(bare + path)
        assert caught.value.code == 403
        caught.value.close()
    port = int(re.search(r":(\d+)/", address)[1])
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if " 0A " in line]
    places = [words[1] for words in listening if words[1].endswith(f":{port:04X}")]
    assert places == [f"0100007F:{port:04X}"]  # 127.0.0.1 alone


def test_ctrl_c_ends_the_lab_and_its_process(lab, trained, visit):
    address, process = lab(trained)
    page = visit(address)
    page.room("step")
    page.text(".next", "Begin step 4")
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert children
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) in (0, 130)
    until(lambda: not any(_is_alive(child) for child in children), "the end of its processes")
    page.open("about:blank")
    page.driver.get_log("browser")  # the page could not reach it any more


def _is_alive(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_lab_leaves_the_run_as_it_is(trained, lab, visit):
    before = files(RunFolder.open(trained))
    page = visit(lab(trained)[0])
    page.room("step")
    page.text(".next", "Begin step 4")
    page.press("e")
    page.text(".step-state", "is done.")
    assert files(RunFolder.open(trained)) == before


def test_a_port_that_is_taken_is_refused(trained):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "rawgan", "lab", str(trained), "--no-browser", "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 1
    assert f"port {port}: Address already in use" in done.stderr
