"""python -m bench lab: pictures of the lab's rooms, and what watching a run costs it."""

import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from bench.common import machine, store
from bench.common.errors import BenchError
from bench.common.experiment import Experiment
from bench.common.rounds import Spread, in_turn, ratios
from bench.common.terminal import make_console, print_lines
from bench.common.workers import Worker
from rawgan.cli import main as rawgan
from rawgan.cli.parsing import parse
from rawgan.config.noise import TrainConfig
from rawgan.storage import RunFolder
from rawgan.training import Trainer

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--window-size=1280,960",
)  # fmt: skip
PATIENCE = 120.0
"""Most seconds to wait for something on the page."""
PICTURE_EVERY = 50
"""Steps between two pictures of the run that is watched."""


@dataclass(frozen=True)
class LabBenchConfig(store.SaveConfig):
    """Take pictures of the lab's rooms in Chromium, and time training steps with and without a page that watches.

    Page, server and browser share the cores with the training, as they do where one person has one machine.
    """

    steps: int = 400
    """Steps of the run in the pictures, a small DCGAN."""
    rounds: int = 6
    """Rounds of timing; in each, the run is once watched and once not."""
    turn: Annotated[int, tyro.conf.arg(help_behavior_hint="(default: 150)")] = 150
    """Steps of each turn."""


def main(options: list[str]) -> None:
    """Take the pictures, time, report.

    Raises: BenchError without Chromium
    """
    config = parse(LabBenchConfig, "python -m bench lab", options)
    if missing := [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]:
        raise BenchError(f"{', '.join(missing)}: not there\n  apt-get install chromium chromium-driver")
    console, facts = make_console(), machine.facts()
    report: dict[str, Any] = {"benchmark": "lab", "machine": facts, "settings": {"turn": config.turn}}
    with TemporaryDirectory() as scratch, browser() as driver, console.status("training") as status:
        run = Path(scratch, "small")
        rawgan(["train", "--model", "dcgan", "--width", "16", "--steps", str(config.steps), "--out", str(run)])
        status.update("taking pictures")
        with lab(run) as address:
            for name, picture in pictures(driver, address):
                if config.save:
                    (config.results / f"lab-{name}.png").write_bytes(picture)
        status.update("timing")
        with Worker("training", Training, Path(scratch, "watched")) as training:
            training.ask("run")
            with lab(Path(scratch, "watched")) as address:
                report["seconds"] = times(config, driver, address, training)
    found = ratios(report["seconds"]["watched"], report["seconds"]["alone"])
    report["ratio"] = Spread.of(found).as_dict()
    store.save(console, config, "lab", report)
    print_lines(console, [f"a step while a page watches, relative to one without: {statistics.median(found):.3f}"])
    print_lines(console, machine.lines(facts))


class Training:
    """A training that writes figures and pictures into its folder, as every run does."""

    def __init__(self, folder: Path) -> None:
        config = TrainConfig.of(model="dcgan", steps=10**6)
        self.trainer, self.folder = Trainer(config), RunFolder.create(folder, "watched")
        self.folder.write_config(self.trainer.config.to_dict())

    def run(self) -> None:
        """Take a step."""
        trainer, folder = self.trainer, self.folder
        folder.append_metrics(trainer.step(trainer.reached + 1))
        if trainer.reached % PICTURE_EVERY == 0:
            trainer.task.save_picture(folder.sample_path(trainer.reached), trainer.task.sample(), trainer.reached)


def times(config: LabBenchConfig, driver: "Chrome", address: str, training: Worker) -> dict[str, list[float]]:
    """Seconds of a step, round by round, while a page watches and while none is open."""
    seconds: dict[str, list[float]] = {"watched": [], "alone": []}
    for order in in_turn(("watched", "alone"), config.rounds):
        for name in order:
            driver.get(address if name == "watched" else "about:blank")
            time.sleep(4)  # until the page is built
            seconds[name].append(training.seconds(config.turn))
    return seconds


@contextmanager
def lab(run: Path) -> Iterator[str]:
    """Serve the lab for a run. Yields its address."""
    command = [sys.executable, "-m", "rawgan", "lab", str(run), "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not (found := re.match(r"(http://\S+)", line)):
            raise BenchError(f"rawgan lab: {line}{process.stdout.read()}")
        yield found[1]
    finally:
        process.terminate()
        process.communicate()


@contextmanager
def browser() -> Iterator["Chrome"]:
    """Chromium without a window."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for flag in FLAGS:
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(shutil.which("chromedriver"))))
    try:
        yield driver
    finally:
        with suppress(Exception):
            driver.quit()


def pictures(driver: "Chrome", address: str) -> Iterator[tuple[str, bytes]]:
    """Pictures of the rooms, as PNG, by name."""

    def see(selector: str, wanted: str) -> None:
        """Wait until an element has some words. Raises: BenchError"""
        end = time.monotonic() + PATIENCE
        script = "return [...document.querySelectorAll(arguments[0])].map(each => each.textContent)"
        while not any(wanted in text for text in driver.execute_script(script, selector)):
            if time.monotonic() > end:
                raise BenchError(f"the page does not show {wanted!r} in {selector}")
            time.sleep(0.2)
        time.sleep(1)  # until it is drawn

    def press(key: str) -> None:
        driver.find_element("tag name", "body").send_keys(key)

    driver.get(address)
    see(".state", "step")
    yield "now", driver.get_screenshot_as_png()
    press("2")
    see(".next", "Begin step 4")
    press("n")
    see(".part-title", "G 1")
    press("n")
    see(".array", "Tanh()")
    yield "step", driver.get_screenshot_as_png()
    press("e")
    see(".step-state", "is done.")
    yield "gradients", driver.get_screenshot_as_png()
    driver.execute_script("[...document.querySelectorAll('.layer')].find(each => each.textContent == '8 Tanh').click()")
    see(".op", "class Tanh")
    yield "code", driver.get_screenshot_as_png()


EXPERIMENT = Experiment("pictures of the lab's rooms, and what watching a run costs it", minutes=5, main=main)
