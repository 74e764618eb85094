"""Run of some tests of a copy of the code, in a new process.

It imports nothing of the repository: whatever the tests import must come from the copy.
"""

import faulthandler
import gc
import importlib
import io
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

PRELOADED = [
    "doctest", "hypothesis", "llvmlite.binding", "matplotlib.figure", "numba", "numba.core.typed_passes",
    "numpy.random", "numpy.testing", "PIL.Image", "rich.progress", "safetensors.numpy", "scipy.linalg", "tyro",
]  # fmt: skip
"""Modules that many tests import, directly or not, and that are not rawgan's."""

OPTIONS = ["-x", "-q", "-p", "no:cacheprovider", "--assert=plain"]
"""Assertions are left plain: rewriting them takes time, and hardly anyone reads why a fault was caught."""

TIME_LIMIT = 180
"""Seconds after which a process is ended: a fault may keep it from ending. Some tests take 15 s on a quiet machine, and
several times as long beside other work."""


@dataclass(frozen=True)
class PytestRun:
    """End of a run of pytest."""

    exit_code: pytest.ExitCode
    raised: list[str]
    """Names of the exceptions that tests failed with."""
    output: str


class Exceptions:
    """Plugin that notes the exceptions that tests failed with."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def pytest_exception_interact(self, call: pytest.CallInfo) -> None:
        self.names.append(call.excinfo.typename)


def preload() -> None:
    """Import and set up in this process what each run would, so that processes forked from it need not."""
    for name in PRELOADED:
        importlib.import_module(name)
    from numba.core.registry import cpu_target

    cpu_target.typing_context.refresh()  # lists the functions that Numba can compile
    cpu_target.target_context.refresh()
    gc.collect()
    gc.freeze()  # pytest collects garbage several times: it need not look at any of this


def run_in_fork(*arguments) -> PytestRun:
    """Call `run_in_copy` in a process forked from this one."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as executor:
        return executor.submit(run_in_copy, *arguments).result()


def run_in_copy(copy: Path, packages: dict[str, Path], tests: Path, words: str, originals: list[Path]) -> PytestRun:
    """Run the tests of a file that some words select, in this process.

    `packages` (by name) and `tests` are relative to the copy. Nothing may be imported from the `originals`.
    """
    faulthandler.dump_traceback_later(TIME_LIMIT, exit=True)
    os.chdir(copy)
    sys.path[:0] = [str((copy / folder).parent) for folder in packages.values()]
    for package in packages:
        importlib.import_module(package)  # outside pytest: a fault with which nothing can be imported raises here
    exceptions = Exceptions()
    with redirect_stdout(io.StringIO()) as output, redirect_stderr(output):
        # A separate folder for temporary files: every session that ends cleans up pytest's usual one, and when several
        # end at once, one warns that what it had listed was removed by another.
        arguments = [*OPTIONS, f"--basetemp={copy / 'temporary'}", str(tests), "-k", words]
        exit_code = pytest.main(arguments, [exceptions])
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and name != __name__ and any(Path(file).is_relative_to(folder) for folder in originals):
            raise ImportError(f"{name} was imported from {file}, not from the copy")
    return PytestRun(pytest.ExitCode(exit_code), exceptions.names, output.getvalue())
