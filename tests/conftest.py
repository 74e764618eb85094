"""Common settings of the tests: hypothesis profiles, fixtures, and the tables at the end of the output."""

import ctypes
import gc
import json
import os
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from textwrap import fill

import hypothesis_profiles  # noqa: F401  # loads one
import numba
import pytest

from rawgan.testing.backends import use_backend
from rawgan.testing.plugin import check_layer, gradcheck  # noqa: F401  # fixtures, which other projects get by themselves
from rawgan_kernels import BACKENDS
from rawgan_kernels.cpu.compile import progress
from rawgan_kernels.cpu.run.pool import POOL

os.environ["RAWGAN_CACHE_GIB"] = "0"  # no decoded images in the cache of whoever runs the tests

if "PYTEST_XDIST_WORKER" in os.environ:
    numba.set_num_threads(1)  # or the workers' threads wait for each other; some tests ask for two


def pytest_sessionstart(session):
    if session.config.args_source == pytest.Config.ArgsSource.TESTPATHS and (workers := _workers(session.config)) > 1:
        from compiling_ahead import compile_ahead

        compile_ahead(workers)


def _workers(config):
    """Number of processes that this one is about to start; 0 in one of these."""
    return 0 if hasattr(config, "workerinput") else len(config.getoption("tx", None) or [])


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Collect thousands of tests, which stay: whoever collects garbage need not look at them each time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


progress.NOTICE.shown = True  # or the line about compiling goes into the output that some test looks at


@pytest.fixture(params=[name for name, devices in BACKENDS.items() if "cpu" in devices])
def each_backend(request):
    """The test runs once with the kernels of every backend that takes NumPy arrays."""
    with use_backend(request.param):
        yield request.param


@pytest.fixture(scope="session", autouse=True)
def losses_as_json():
    """Runs in this process write their losses as JSON instead of plotting them, which takes longer than small runs.

    Tests of plots call `plot_losses` itself. Nothing is imported for tests that do not train.
    """
    with pytest.MonkeyPatch.context() as patch:
        if "rawgan.training" in sys.modules:
            patch.setattr(
                "rawgan.training.extensions.curves.plot_losses",
                lambda path, records: path.write_text(json.dumps(records)) and path,
            )
        yield


@pytest.fixture
def poison_memory(monkeypatch):
    """A function after which the memory pool hands out blocks full of NaN, for every array, until the test ends.

    Code that expects zeros there, or its earlier numbers, is found out.
    """

    def poison():
        monkeypatch.setattr(POOL, "small", 0)
        stack.enter_context(POOL.observe(lambda address, nbytes: ctypes.memset(address, 0xFF, nbytes)))  # NaN

    with ExitStack() as stack:
        yield poison


@pytest.fixture
def deep_folder():
    """A function that makes folders inside a folder, one in the other, deeper than Python can call functions.

    They are deleted after the test: pytest, which does so three sessions later, could not.
    """
    made = []

    def make(folder, levels=1200):
        made.append(folder / "a")
        path, place = folder, os.open(folder, os.O_RDONLY)
        for _ in range(levels):
            os.mkdir("a", dir_fd=place)
            inner = os.open("a", os.O_RDONLY, dir_fd=place)
            os.close(place)
            path, place = path / "a", inner
        os.close(place)
        return path

    yield make
    for path in made:
        subprocess.run(["rm", "-rf", path], check=True)


@pytest.fixture
def tally(record_property):
    """A function that adds a row to a table at the end of the output.

    tally("ONNX", "Conv", ["test_conv3d: three spatial axes"], passed=12, failed=0, not_applicable=1)
    """

    def add(table, row, notes=(), **counts):
        record_property("tally", (table, row, list(notes), counts))

    return add


def pytest_terminal_summary(terminalreporter):
    reports = [r for kind in ("passed", "failed") for r in terminalreporter.stats.get(kind, []) if r.when == "call"]
    rows = [value for report in reports for name, value in report.user_properties if name == "tally"]
    for table in sorted({table for table, *_ in rows}):
        terminalreporter.section(table)
        mine = sorted((row, notes, counts) for name, row, notes, counts in rows if name == table)
        width, total = max(len(row) for row, _, _ in mine), Counter()
        for row, notes, counts in mine:
            total.update(counts)
            terminalreporter.line(_line(row.ljust(width), counts))
            for note in notes:
                terminalreporter.line(fill(note, 120, initial_indent="    ", subsequent_indent="      "))
        if total:
            terminalreporter.line(_line("total".ljust(width), total))


def _line(row, counts):
    return f"{row} " + "   ".join(f"{number:>5} {name.replace('_', ' ')}" for name, number in counts.items())
