"""Run of some tests in a new process: of a copy of the code, or of the code itself, some functions of which are spoilt.

For a copy, nothing of the repository is imported: whatever the tests import must come from the copy.
"""

import faulthandler
import gc
import importlib
import io
import multiprocessing
import os
import sys
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any, TypeVar

import pytest

T = TypeVar("T")

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


def preload_code(root: Path, folders: list[Path]) -> None:
    """Import all modules of the code and all test files, too, for processes in which functions are exchanged."""
    from exchange import functions_of_this_process

    os.chdir(root)
    sys.path[:0] = [str(root), str(root / "kernels"), str(root / "tests" / "helpers")]
    names = ["hypothesis_profiles"]  # before the tests, as in pytest
    for file in (file.relative_to(root) for folder in folders for file in sorted(folder.rglob("*.py"))):
        if file.parts[0] != "tests":
            names.append(".".join(file.with_suffix("").parts).removeprefix("kernels.").removesuffix(".__init__"))
        elif file.name.startswith("test_") and not any(part.startswith(("slow", "with_")) for part in file.parts):
            sys.path.insert(0, str(root / file.parent))  # as pytest does
            names.append(file.stem)
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        for name in names:
            with suppress(Exception, pytest.skip.Exception):  # what needs a GPU or PyTorch, where there is none
                importlib.import_module(name)
    _functions.update(functions_of_this_process())
    preload()


_functions: dict[tuple[str, str], list[FunctionType]] = {}


def run_in_fork(function: Callable[..., T], *arguments: Any) -> T:
    """Call a function in a process forked from this one."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as executor:
        return executor.submit(function, *arguments).result()


def run_exchanged(root: Path, temporary: Path, tests: Path, words: str, *change: str) -> PytestRun | None:
    """Run the tests of a file that some words select, in this process, which `preload_code` has set up.

    `change` is a file with its old and its new text, the functions of which are exchanged before.
    Returns None if more is different.
    """
    from exchange import exchange

    faulthandler.dump_traceback_later(TIME_LIMIT, exit=True)
    if change and not exchange(_functions, *change):
        return None
    return _run(root / tests, words, temporary)


def run_in_copy(copy: Path, packages: dict[str, Path], tests: Path, words: str, originals: list[Path]) -> PytestRun:
    """Run the tests of a file that some words select, in this process.

    `packages` (by name) and `tests` are relative to the copy. Nothing may be imported from the `originals`.
    """
    faulthandler.dump_traceback_later(TIME_LIMIT, exit=True)
    os.chdir(copy)
    sys.path[:0] = [str((copy / folder).parent) for folder in packages.values()]
    for package in packages:
        importlib.import_module(package)  # outside pytest: a fault with which nothing can be imported raises here
    outcome = _run(tests, words, copy / "temporary")
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and name != __name__ and any(Path(file).is_relative_to(folder) for folder in originals):
            raise ImportError(f"{name} was imported from {file}, not from the copy")
    return outcome


def _run(tests: Path, words: str, temporary: Path) -> PytestRun:
    exceptions = Exceptions()
    with redirect_stdout(io.StringIO()) as output, redirect_stderr(output):
        # A separate folder for temporary files: every session that ends cleans up pytest's usual one, and when several
        # end at once, one warns that what it had listed was removed by another.
        exit_code = pytest.main([*OPTIONS, f"--basetemp={temporary}", str(tests), "-k", words], [exceptions])
    return PytestRun(pytest.ExitCode(exit_code), exceptions.names, output.getvalue())
