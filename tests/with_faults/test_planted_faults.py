"""Faults, planted one at a time into a copy of the code: each must make a test fail."""

import compileall
import multiprocessing
import os
import shutil
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from importlib.util import cache_from_source
from pathlib import Path
from py_compile import PycInvalidationMode

import pytest
from definitions import index_of_sources
from fault import planted_faults
from paths import BENCH, PACKAGES, ROOT, TESTS
from run_in_copy import preload, run_in_copy, run_in_fork

FAULTS = planted_faults()

FOLDERS = [*PACKAGES.values(), BENCH, TESTS]

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
    forking = "fork" in multiprocessing.get_all_start_methods()
    packages = {name: folder.relative_to(ROOT) for name, folder in PACKAGES.items()}
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

        def pool(**options):
            return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), **options)

        with pool(initializer=preload) as forking_process:

            def run(copy, test_file, words):
                arguments = copy.root, packages, test_file.relative_to(ROOT), words, FOLDERS
                if forking:
                    return forking_process.submit(run_in_fork, *arguments).result()
                with pool() as new_process:
                    return new_process.submit(run_in_copy, *arguments).result()

            yield run


@pytest.fixture(scope="module")
def index():
    return index_of_sources()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_planted_fault_is_caught(fault, index, copy, run, tally):
    place = index.find(fault.where, fault.old)
    with copy.spoilt(place.file.relative_to(ROOT), index.replaced(place, fault.new)):
        outcome = run(copy, fault.test_file, fault.words)
    caught = outcome.exit_code == pytest.ExitCode.TESTS_FAILED and not SLIPS.intersection(outcome.raised)
    tally("planted faults", fault.name, caught=int(caught), missed=int(not caught))
    assert caught, f"{outcome.exit_code!r}, {outcome.raised}\n{outcome.output}"


@pytest.mark.parametrize("test_file", sorted({fault.test_file for fault in FAULTS}), ids=lambda file: file.name)
def test_without_a_fault_the_same_tests_pass(test_file, copy, run):
    words = sorted({fault.words for fault in FAULTS if fault.test_file == test_file})
    outcome = run(copy, test_file, " or ".join(f"({each})" for each in words))
    assert outcome.exit_code == pytest.ExitCode.OK, outcome.output
