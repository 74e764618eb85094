"""Compiled code: where it is kept, when it is thrown away, and what the user sees while it is made."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numba import njit

import rawgan_kernels
from rawgan_kernels.cpu import compiling, launch, warm_up

PACKAGE = Path(rawgan_kernels.__file__).parent
CALL = (
    "import numpy as np; from rawgan_kernels import cpu; from rawgan_kernels.cpu import pixels; "
    "print(cpu.gather_pixels(np.full((1, 1, 1, 1), 255, np.uint8), np.zeros(1, np.int64), np.dtype('f4')).item()); "
    "print(sum(pixels._gather_pixels.stats.cache_hits.values()))"
)
"""Prints the result of a kernel, and how often its machine code was found on disk."""


@pytest.fixture
def installed(tmp_path):
    """A copy of the kernels, and a way to run Python with it and with a cache folder of its own."""
    shutil.copytree(PACKAGE, tmp_path / "rawgan_kernels", ignore=shutil.ignore_patterns("__pycache__"))

    def run(code):
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA", "COV"))}
        env = {**inherited, "PYTHONPATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "users")}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    return tmp_path, run


def compiled(folder):
    """The kernels whose machine code lies somewhere in a folder."""
    return {path.name.partition("-")[0] for path in folder.glob("**/rawgan-*/*.nbc")}


def test_code_is_kept_beside_the_sources_and_found_again(installed):
    folder, run = installed
    assert run(CALL) == ["1.0", "0"]
    assert "pixels._gather_pixels" in compiled(folder / "rawgan_kernels" / "cpu" / "__pycache__")
    assert run(CALL) == ["1.0", "1"]
    assert not (folder / "users").exists()


def test_where_nothing_can_be_written_beside_the_sources_the_users_cache_serves(installed):
    folder, run = installed
    (folder / "rawgan_kernels" / "cpu" / "__pycache__").write_text("in the way of a folder")
    assert run(CALL) == ["1.0", "0"]
    assert "pixels._gather_pixels" in compiled(folder / "users")
    assert run(CALL) == ["1.0", "1"]


def test_a_change_in_any_source_makes_all_code_stale(installed):
    folder, run = installed
    stamp = "from rawgan_kernels.cpu import compiling; print(compiling.sources_stamp().hex())"
    assert run(stamp) == [compiling.sources_stamp().hex()]
    with (folder / "rawgan_kernels" / "cpu" / "rows.py").open("a") as file:
        file.write("# changed\n")
    assert run(stamp) != [compiling.sources_stamp().hex()]


def compilation(module):
    function = SimpleNamespace(__name__="_conv2d", __module__=module)
    return SimpleNamespace(data={"dispatcher": SimpleNamespace(py_func=function)})


def test_one_line_on_stderr_tells_of_slow_compilation(monkeypatch, capsys):
    monkeypatch.setattr(compiling, "_told", [])
    for seconds in (0.0, compiling.SLOW_SECONDS / 2, 2 * compiling.SLOW_SECONDS, 3 * compiling.SLOW_SECONDS):
        compiling._tell("conv2d", seconds)
    assert capsys.readouterr().err.splitlines() == ["rawgan: compiling kernels for this CPU, each of them once"]


def test_a_watcher_hears_of_the_outermost_compilation_of_our_kernels_alone():
    heard = []
    with compiling.watch_compilation(lambda name, seconds: heard.append((name, seconds > 0))):
        listener = compiling._Listener()
        for event in (compilation("rawgan_kernels.cpu.winograd"), compilation("somebody.elses")):
            listener.on_start(event)
            listener.on_start(compilation("rawgan_kernels.cpu.rows"))
            listener.on_end(compilation("rawgan_kernels.cpu.rows"))
            listener.on_end(event)
    assert heard == [("conv2d", False), ("conv2d", True)]


def test_warming_up_leaves_a_sign_and_shares_the_kernels_out(monkeypatch, tmp_path):
    parts, started = [], []
    monkeypatch.setattr(warm_up, "_marker", lambda dtype: tmp_path / dtype)
    monkeypatch.setattr(warm_up, "threads", lambda: 3)
    monkeypatch.setattr(warm_up, "compile_part", lambda part, *rest: parts.append(part))
    process = SimpleNamespace(wait=lambda: 0, kill=lambda: None)
    monkeypatch.setattr(warm_up.subprocess, "Popen", lambda command, **options: started.append(command[3]) or process)
    assert not warm_up.is_warm()
    warm_up.warm_up()
    assert warm_up.is_warm()
    assert (parts, started) == ([0], ["1", "2"])


def test_what_a_helper_failed_to_compile_is_compiled_here(monkeypatch, tmp_path):
    parts = []
    monkeypatch.setattr(warm_up, "_marker", lambda dtype: tmp_path / dtype)
    monkeypatch.setattr(warm_up, "threads", lambda: 2)
    monkeypatch.setattr(warm_up, "compile_part", lambda part, *rest: parts.append(part))
    process = SimpleNamespace(wait=lambda: 1, kill=lambda: None)
    monkeypatch.setattr(warm_up.subprocess, "Popen", lambda *args, **options: process)
    warm_up.warm_up()
    assert parts == [0, 1]


def test_every_kernel_of_a_part_can_be_called():
    warm_up.compile_part(0, 1, "float64")


def test_a_body_is_compiled_anew_for_arguments_of_other_types():
    """The code that was compiled for a float must not be given an integer in its place."""
    y = np.zeros(4)
    for value in (2.5, 3, 4.5):
        launch.run(_fill, 2, (y, value))
        np.testing.assert_array_equal(y, value)


@njit(nogil=True)
def _fill(arguments, block, thread):
    y, value = arguments
    y[2 * block] = value
    y[2 * block + 1] = value
