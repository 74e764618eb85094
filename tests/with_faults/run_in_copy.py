"""Run of some tests of a copy of the code, in a new process.

It imports nothing of the repository: whatever the tests import must come from the copy.
"""

import faulthandler
import importlib
import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

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
