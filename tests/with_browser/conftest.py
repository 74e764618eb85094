"""Tests of the lab's page in a real browser: run them with `pytest tests/with_browser`; they need Chromium."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from lab_page import PATIENCE, Page
from run_files import TINY

from rawgan.cli import main

if missing := [name for name in ("nicegui", "selenium") if importlib.util.find_spec(name) is None]:
    raise pytest.UsageError(f"these tests need {', '.join(missing)}: pip install -e '.[lab,browser]'")
if missing := [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]:
    raise pytest.UsageError(f"these tests need {', '.join(missing)}: apt-get install chromium chromium-driver")


@pytest.fixture(scope="session")
def driver():
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for flag in (
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
        "--disable-background-networking", "--disable-component-update", "--window-size=1400,1000",
    ):  # fmt: skip
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    yield driver
    driver.quit()


@pytest.fixture
def visit(driver):
    """A function that opens a page at an address. Afterwards, the pages had no error in the browser's console."""
    driver.get_log("browser")
    pages = []

    def open_page(address):
        pages.append(Page(driver, address))
        return pages[-1]

    yield open_page
    errors = [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
    for page in pages:
        page.close()
    assert errors == []


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "images.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (12, 8, 8), np.uint8))
    return path


@pytest.fixture(scope="session")
def trained(images, tmp_path_factory):
    """A finished run of three steps."""
    out = tmp_path_factory.mktemp("trained") / "run"
    options = ["--steps", "3", "--sample-every", "1", "--out", str(out), *TINY]
    assert main(["train", "--data", str(images), *options]) == 0
    return out


@pytest.fixture
def lab():
    """A function that starts the lab for a run, and returns its address and process."""
    started = []

    def start(run):
        command = [sys.executable, "-m", "rawgan", "lab", str(run), "--no-browser"]
        mine = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}  # NiceGUI's own
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=mine)
        started.append(process)
        line = process.stdout.readline()
        found = re.match(r"(http://127\.0\.0\.1:\d+/\?token=\S+)  ", line)
        assert found, line + process.stdout.read()
        return found[1], process

    yield start
    for process in started:
        process.terminate()
        process.communicate(timeout=PATIENCE)


@pytest.fixture
def page(lab, visit, trained):
    """A page with the finished run."""
    return visit(lab(trained)[0])
