"""Faults, planted one at a time into a copy of the code: each must make a test fail."""

import compileall
import multiprocessing
import os
import shutil
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache
from importlib.util import cache_from_source
from pathlib import Path
from py_compile import PycInvalidationMode

import pytest
from definitions import index_of_sources
from fault import planted_faults
from paths import BENCH, PACKAGES, ROOT, TESTS
from run_tests import preload, preload_code, run_exchanged, run_in_copy, run_in_fork

FAULTS = planted_faults()

FOLDERS = [*PACKAGES.values(), BENCH, TESTS]

CPU = PACKAGES["rawgan_kernels"] / "cpu"
COMPILED = [CPU, PACKAGES["rawgan_kernels"] / "formulas.py"]
"""Sources of machine code, which is kept for one state of them all: wrong code must not be taken for it."""
NOT_COMPILED = [CPU / name for name in ("compile", "run/pool.py")]
"""Those among them that no machine code is made of, and that tests call in their own process."""

FORKING = "fork" in multiprocessing.get_all_start_methods()

SLIPS = {"AttributeError", "ImportError", "ModuleNotFoundError", "NameError", "TypeError", "UnboundLocalError"}
"""Exceptions of code that does not even run: catching such a fault is no merit."""


class Copy:
    """A copy of the code and its tests, to be spoilt, with its bytecode."""

    def __init__(self, root: Path) -> None:
        self.root, self.aside = root / "copy", root / "aside"
        self.make()

    def make(self) -> None:
        for folder in FOLDERS:
            ignored = shutil.ignore_patterns("__pycache__", "*.gz", "results", "with_*")
            shutil.copytree(folder, self.root / folder.relative_to(ROOT), ignore=ignored)
        for file in PACKAGES["rawgan"].rglob("*.gz"):
            (self.root / file.relative_to(ROOT)).symlink_to(file)
        shutil.copy(ROOT / "pyproject.toml", self.root)
        assert compileall.compile_dir(self.root, quiet=1, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)
        self.state = self.files()

    def files(self) -> dict[str, tuple[int, int]]:
        """Size and time of the last change of every file."""
        found = {}
        for folder, _, names in os.walk(self.root):
            for path in (os.path.join(folder, name) for name in names):
                info = os.lstat(path)
                found[path] = info.st_size, info.st_mtime_ns
        return found

    @contextmanager
    def spoilt(self, file: Path, text: str):
        """The copy with another text in one file, named relative to it."""
        self.aside.mkdir()
        file = self.root / file
        moved = [(path, self.aside / path.name) for path in (file, Path(cache_from_source(file)))]
        for path, aside in moved:
            path.rename(aside)
        file.write_text(text, encoding="utf-8")
        try:
            yield self
        finally:
            for path, aside in moved:
                aside.replace(path)
            self.aside.rmdir()

    def tidy(self) -> None:
        """Delete what a run has left behind. If it changed the code, make a new copy."""
        for path in self.root.iterdir():
            if path.name.startswith(".") or path.name == "temporary":
                shutil.rmtree(path)
        if self.files() != self.state:
            shutil.rmtree(self.root)
            self.make()


@pytest.fixture(scope="module")
def only_copy(tmp_path_factory):
    root = tmp_path_factory.mktemp("spoilt")
    yield Copy(root)
    shutil.rmtree(root)


@pytest.fixture
def copy(only_copy):
    yield only_copy
    only_copy.tidy()


@pytest.fixture(scope="module")
def run():
    """A function that runs some tests of a copy in a new process, in which nothing of rawgan is imported yet.

    If the system can fork, it comes from one that has imported NumPy, Numba and pytest: that spares each two seconds.
    """
    packages = {name: folder.relative_to(ROOT) for name, folder in PACKAGES.items()}
    with environment(), pool(preload) as forking_process:

        def run(copy, test_file, words):
            arguments = copy.root, packages, test_file.relative_to(ROOT), words, FOLDERS
            if FORKING:
                return forking_process.submit(run_in_fork, run_in_copy, *arguments).result()
            with pool() as new_process:
                return new_process.submit(run_in_copy, *arguments).result()

        yield run


@pytest.fixture(scope="module")
def run_here(tmp_path_factory):
    """A function that runs some tests in a process forked from one that has imported all the code and all tests.

    With a changed file, functions are exchanged before; it returns None if more would have to change.
    """
    temporary = tmp_path_factory.mktemp("here") / "temporary"
    with environment(), pool(preload_code, ROOT, FOLDERS) as forking_process:

        def run(test_file, words, *change):
            arguments = ROOT, temporary, test_file.relative_to(ROOT), words, *change
            return forking_process.submit(run_in_fork, run_exchanged, *arguments).result()

        yield run


@contextmanager
def environment():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENBLAS_NUM_THREADS", "1")
        patch.setenv("NUMBA_NUM_THREADS", "1")
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        patch.setenv("PYTHONDONTWRITEBYTECODE", "1")
        # Copies whose CPU kernels are as they were use the machine code of these here.
        patch.setenv("NUMBA_CACHE_DIR", str(PACKAGES["rawgan_kernels"] / "cpu" / "__pycache__"))
        patch.delenv("PYTEST_ADDOPTS", raising=False)
        for name in [name for name in os.environ if name.startswith("COV")]:  # pytest-cov would measure the copies
            patch.delenv(name)
        yield


def pool(initializer=None, *arguments):
    """One new process."""
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer, arguments)


@pytest.fixture(scope="module")
def index():
    return index_of_sources()


@pytest.fixture(scope="module")
def passes(only_copy, run):
    """A function: True if the tests of a file pass in the copy without a fault. Each file is run once."""

    @cache
    def passes(test_file):
        return run(only_copy, test_file, words_of(test_file)).exit_code == pytest.ExitCode.OK

    return passes


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_planted_fault_is_caught(fault, index, copy, run, run_here, passes, tally):
    """Exchange functions, which is quick; import a copy if no test fails then, or more than functions would change."""
    place = index.find(fault.where, fault.old)
    old, new, outcome = place.file.read_text(encoding="utf-8"), index.replaced(place, fault.new), None
    if FORKING and not is_compiled(place.file):
        outcome = run_here(fault.test_file, fault.words, str(place.file), old, new)
    if outcome is None or not is_caught(outcome):
        with copy.spoilt(place.file.relative_to(ROOT), new):
            outcome = run(copy, fault.test_file, fault.words)
        assert passes(fault.test_file)
    caught = is_caught(outcome)
    tally("planted faults", fault.name, caught=int(caught), missed=int(not caught))
    assert caught, f"{outcome.exit_code!r}, {outcome.raised}\n{outcome.output}"


def is_compiled(file):
    return any(map(file.is_relative_to, COMPILED)) and not any(map(file.is_relative_to, NOT_COMPILED))


def is_caught(outcome):
    return outcome.exit_code == pytest.ExitCode.TESTS_FAILED and not SLIPS.intersection(outcome.raised)


@pytest.mark.parametrize("test_file", sorted({fault.test_file for fault in FAULTS}), ids=lambda file: file.name)
def test_without_a_fault_the_same_tests_pass(test_file, copy, run, run_here):
    outcome = run_here(test_file, words_of(test_file)) if FORKING else run(copy, test_file, words_of(test_file))
    assert outcome.exit_code == pytest.ExitCode.OK, outcome.output


def words_of(test_file):
    """Words that select all tests of a file that faults are caught by."""
    return " or ".join(f"({each})" for each in sorted({f.words for f in FAULTS if f.test_file == test_file}))
