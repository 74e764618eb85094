"""Faults, planted one at a time into a copy of the code: each must make a test fail."""

import faulthandler
import importlib
import io
import multiprocessing
import os
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
from planted_faults import FAULTS

ROOT = Path(__file__).parents[2]
PACKAGES = {"rawgan": Path("rawgan"), "rawgan_kernels": Path("kernels/rawgan_kernels")}

OPTIONS = ["-x", "-q", "-p", "no:cacheprovider", "--assert=plain"]
"""Plain: to rewrite assertions takes time, and hardly anyone reads why a fault was caught."""

PRELOADED = [
    "doctest", "hypothesis", "llvmlite.binding", "numba", "numba.core.typed_passes", "numpy.random", "numpy.testing",
    "PIL.Image", "pytest", "rich.progress", "safetensors.numpy", "scipy", "tyro",
]  # fmt: skip
"""What most tests import, directly or not, that is not rawgan's."""

TIME_LIMIT = 60
"""Seconds for the tests of one fault. Where a fault never ends, the process does."""

SLIPS = {"AttributeError", "ImportError", "ModuleNotFoundError", "NameError", "TypeError", "UnboundLocalError"}
"""What code raises that does not even run. To catch that is no merit."""


@dataclass(frozen=True)
class StepMetrics:
    """How a run of pytest ended."""

    exit_code: pytest.ExitCode
    raised: list[str]
    """The names of the exceptions that tests failed with."""
    output: str


@pytest.fixture
def copy(tmp_path):
    """A copy of the code and its tests, to be spoilt."""
    for part in (*PACKAGES.values(), Path("tests")):
        ignored = shutil.ignore_patterns("__pycache__", "*.gz", "with_*")
        shutil.copytree(ROOT / part, tmp_path / part, ignore=ignored)
    for file in (ROOT / "rawgan").rglob("*.gz"):
        (tmp_path / file.relative_to(ROOT)).symlink_to(file)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    yield tmp_path
    shutil.rmtree(tmp_path)


@pytest.fixture(scope="module")
def processes():
    """Where new processes come from. Nothing of rawgan is imported in them yet.

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
        environment.setenv("NUMBA_CACHE_DIR", str(ROOT / PACKAGES["rawgan_kernels"] / "cpu" / "__pycache__"))
        environment.delenv("PYTEST_ADDOPTS", raising=False)
        for name in [name for name in os.environ if name.startswith("COV")]:  # pytest-cov would measure the copies
            environment.delenv(name)
        yield context


def selection(fault):
    """The file and the words that say which of its tests catch the fault."""
    tests, words = fault.caught_by.split(" -k ")
    return tests, words


def run(processes, copy, tests, words):
    """Run some tests of the copy in a process of their own."""
    with ProcessPoolExecutor(max_workers=1, mp_context=processes) as executor:
        return executor.submit(run_here, copy, tests, words).result()


def run_here(copy, tests, words):
    """Run some tests of the copy in this process."""
    faulthandler.dump_traceback_later(TIME_LIMIT, exit=True)
    os.chdir(copy)
    sys.path[:0] = [str((copy / folder).parent) for folder in PACKAGES.values()]
    for package in PACKAGES:
        importlib.import_module(package)  # outside pytest: a fault with which nothing can be imported raises here
    exceptions = Exceptions()
    with redirect_stdout(io.StringIO()) as output, redirect_stderr(output):
        # A folder of its own for temporary files: every session that ends cleans up pytest's usual one, and of several
        # that end at once, one is left with an open listing of what another removed, and warns of it.
        exit_code = pytest.main([*OPTIONS, f"--basetemp={copy / 'temporary'}", tests, "-k", words], [exceptions])
    for name, module in sys.modules.items():
        if name.partition(".")[0] in PACKAGES:
            assert Path(module.__file__).is_relative_to(copy), f"{name} was imported from {module.__file__}"
    return StepMetrics(pytest.ExitCode(exit_code), exceptions.names, output.getvalue())


class Exceptions:
    """A plugin that takes down what tests failed with."""

    def __init__(self):
        self.names = []

    def pytest_exception_interact(self, call):
        self.names.append(call.excinfo.typename)


def plant(fault, copy):
    path = copy / fault.file
    source = path.read_text(encoding="utf-8")
    count = source.count(fault.old)
    assert count == 1, f"{fault.file} has {count} times what should stand there once:\n{fault.old}"
    path.write_text(source.replace(fault.old, fault.new), encoding="utf-8")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_planted_fault_is_caught(fault, copy, processes, tally):
    plant(fault, copy)
    outcome = run(processes, copy, *selection(fault))
    caught = outcome.exit_code == pytest.ExitCode.TESTS_FAILED and not SLIPS.intersection(outcome.raised)
    tally("planted faults", fault.name, caught=int(caught), missed=int(not caught))
    assert caught, f"{outcome.exit_code!r}, {outcome.raised}\n{outcome.output}"


@pytest.mark.parametrize("tests", sorted({selection(fault)[0] for fault in FAULTS}))
def test_without_a_fault_the_same_tests_pass(tests, copy, processes):
    words = sorted({words for file, words in map(selection, FAULTS) if file == tests})
    outcome = run(processes, copy, tests, " or ".join(f"({each})" for each in words))
    assert outcome.exit_code == pytest.ExitCode.OK, outcome.output


def test_no_two_faults_share_a_name():
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
