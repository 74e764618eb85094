"""Faults, planted one at a time into a copy of the code: each must make a test fail."""

import multiprocessing
import os
import shutil
from concurrent.futures import ProcessPoolExecutor

import pytest
from definitions import index_of_sources
from fault import planted_faults
from paths import BENCH, PACKAGES, ROOT, TESTS
from run_in_copy import run_in_copy

FAULTS = planted_faults()

PRELOADED = [
    "doctest", "hypothesis", "llvmlite.binding", "numba", "numba.core.typed_passes", "numpy.random", "numpy.testing",
    "PIL.Image", "pytest", "rich.progress", "safetensors.numpy", "scipy", "tyro",
]  # fmt: skip
"""Modules that most tests import, directly or not, and that are not rawgan's."""

SLIPS = {"AttributeError", "ImportError", "ModuleNotFoundError", "NameError", "TypeError", "UnboundLocalError"}
"""Exceptions of code that does not even run: catching such a fault is no merit."""


@pytest.fixture
def copy(tmp_path):
    """A copy of the code and its tests, to be spoilt."""
    for folder in (*PACKAGES.values(), BENCH, TESTS):
        ignored = shutil.ignore_patterns("__pycache__", "*.gz", "results", "with_*")
        shutil.copytree(folder, tmp_path / folder.relative_to(ROOT), ignore=ignored)
    for file in PACKAGES["rawgan"].rglob("*.gz"):
        (tmp_path / file.relative_to(ROOT)).symlink_to(file)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    yield tmp_path
    shutil.rmtree(tmp_path)


@pytest.fixture(scope="module")
def processes():
    """Multiprocessing context of new processes, in which nothing of rawgan is imported yet.

    If the system can fork, they come from one that has imported NumPy, Numba and pytest: that spares each some seconds.
    """
    forking = "forkserver" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if forking else "spawn")
    if forking:
        context.set_forkserver_preload(PRELOADED)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OPENBLAS_NUM_THREADS", "1")
        environment.setenv("NUMBA_NUM_THREADS", "1")
        environment.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        environment.setenv("PYTHONDONTWRITEBYTECODE", "1")
        # Copies whose CPU kernels are as they were use the machine code of these here.
        environment.setenv("NUMBA_CACHE_DIR", str(PACKAGES["rawgan_kernels"] / "cpu" / "__pycache__"))
        environment.delenv("PYTEST_ADDOPTS", raising=False)
        for name in [name for name in os.environ if name.startswith("COV")]:  # pytest-cov would measure the copies
            environment.delenv(name)
        yield context


def run(processes, copy, test_file, words):
    """Run some tests of the copy in a separate process."""
    packages = {name: folder.relative_to(ROOT) for name, folder in PACKAGES.items()}
    tests, originals = test_file.relative_to(ROOT), [*PACKAGES.values(), BENCH, TESTS]
    with ProcessPoolExecutor(max_workers=1, mp_context=processes) as executor:
        return executor.submit(run_in_copy, copy, packages, tests, words, originals).result()


@pytest.fixture(scope="module")
def index():
    return index_of_sources()


def plant(fault, index, copy):
    place = index.find(fault.where, fault.old)
    (copy / place.file.relative_to(ROOT)).write_text(index.replaced(place, fault.new), encoding="utf-8")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_planted_fault_is_caught(fault, index, copy, processes, tally):
    plant(fault, index, copy)
    outcome = run(processes, copy, fault.test_file, fault.words)
    caught = outcome.exit_code == pytest.ExitCode.TESTS_FAILED and not SLIPS.intersection(outcome.raised)
    tally("planted faults", fault.name, caught=int(caught), missed=int(not caught))
    assert caught, f"{outcome.exit_code!r}, {outcome.raised}\n{outcome.output}"


@pytest.mark.parametrize("test_file", sorted({fault.test_file for fault in FAULTS}), ids=lambda file: file.name)
def test_without_a_fault_the_same_tests_pass(test_file, copy, processes):
    words = sorted({fault.words for fault in FAULTS if fault.test_file == test_file})
    outcome = run(processes, copy, test_file, " or ".join(f"({each})" for each in words))
    assert outcome.exit_code == pytest.ExitCode.OK, outcome.output
