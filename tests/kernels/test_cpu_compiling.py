"""Compiled code: its folders, changes that make it stale, the notice to the user, and helper processes."""

import ast
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numba import njit
from paths import PACKAGES

from rawgan.gan import MODELS
from rawgan_kernels import PRECISIONS
from rawgan_kernels.cpu.compile import progress, sources
from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.compile.places import Place
from rawgan_kernels.cpu.compile.store import Store
from rawgan_kernels.cpu.run import launch
from rawgan_kernels.cpu.warm_up.calls import EVERY_RUN, GROUPS, compile_part
from rawgan_kernels.cpu.warm_up.warm_up import HELPER, WarmUp, start_helper

CALL = (
    "import numpy as np; from rawgan_kernels.cpu import pixels; "
    "print(pixels.gather_pixels(np.full((1, 1, 1, 1), 255, np.uint8), np.zeros(1, np.int64), np.dtype('f4')).item()); "
    "print(sum(pixels._gather_pixels.stats.cache_hits.values()))"
)
"""Code that prints the result of a kernel, and how often its machine code was found on disk."""


@pytest.fixture
def installed(tmp_path):
    """A copy of the kernels, and a way to run Python with it and with a cache folder of its own."""
    shutil.copytree(
        PACKAGES["rawgan_kernels"], tmp_path / "rawgan_kernels", ignore=shutil.ignore_patterns("__pycache__")
    )

    def run(code):
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA", "COV"))}
        env = {**inherited, "PYTHONPATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "users")}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    return tmp_path, run


def names_in(folder):
    """Names of the kernels whose machine code is in a folder or below it."""
    return {path.name.split("-")[2] for path in folder.glob("**/rawgan/*.code")}


def test_code_is_kept_beside_the_sources_and_found_again(installed):
    folder, run = installed
    assert run(CALL) == ["1.0", "0"]
    assert names_in(folder / "rawgan_kernels" / "cpu" / "__pycache__") == {"gather_pixels", "launch"}
    assert run(CALL) == ["1.0", "1"]
    assert not (folder / "users").exists()


def test_where_nothing_can_be_written_beside_the_sources_the_users_cache_serves(installed):
    folder, run = installed
    (folder / "rawgan_kernels" / "cpu" / "__pycache__").write_text("in the way of a folder")
    assert run(CALL) == ["1.0", "0"]
    assert "gather_pixels" in names_in(folder / "users")
    assert run(CALL) == ["1.0", "1"]


@pytest.mark.parametrize(("changed", "hits"), [("cpu/scan.py", 1), ("cpu/vector/pointers.py", 0), ("cpu/pixels.py", 0)])
def test_a_change_in_a_source_makes_code_that_is_made_of_it_stale(installed, changed, hits):
    folder, run = installed
    assert run(CALL) == ["1.0", "0"]
    with (folder / "rawgan_kernels" / changed).open("a") as file:
        file.write("# changed\n")
    assert run(CALL) == ["1.0", str(hits)]
    kept = [path.name for path in folder.glob("**/rawgan/cpu.pixels-*.code")]
    assert len({name.split("-")[1] for name in kept}) == 1


def test_imports_are_those_that_python_sees():
    """They are found in the text, as parsing it would delay every start."""
    for file in PACKAGES["rawgan_kernels"].rglob("*.py"):
        names = set()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{file}: imports are absolute"
                names.update((node.module, *(f"{node.module}.{alias.name}" for alias in node.names)))
        modules = {PACKAGES["rawgan_kernels"].parent.joinpath(*name.split(".")) for name in names}
        files = {path for each in modules for path in (each.with_suffix(".py"), each / "__init__.py") if path.is_file()}
        assert files <= set(sources.source(file)[1]), file


def test_a_kernel_depends_on_what_its_module_imports_and_so_on():
    winograd, pixels = (
        sources.closure(PACKAGES["rawgan_kernels"] / "cpu" / name) for name in ("convolutions/winograd.py", "pixels.py")
    )
    assert {file.name for file in winograd - pixels} >= {"toom_cook.py", "panel.py", "exponentials.py", "formulas.py"}
    assert {file.name for file in pixels} >= {"compiled.py", "pointers.py", "launch.py"}
    assert {file.name for file in pixels} < {file.name for file in PACKAGES["rawgan_kernels"].rglob("*.py")}


def compilation(module):
    function = SimpleNamespace(__name__="_conv2d", __module__=module)
    return SimpleNamespace(data={"dispatcher": SimpleNamespace(py_func=function)})


def test_one_line_on_stderr_tells_of_slow_compilation(capsys):
    notice = progress.Notice()
    for seconds in (0.0, progress.SLOW_SECONDS / 2, 2 * progress.SLOW_SECONDS, 3 * progress.SLOW_SECONDS):
        notice("conv2d", seconds)
    assert capsys.readouterr().err.splitlines() == ["rawgan: compiling kernels for this CPU, each of them once"]


def test_a_watcher_is_called_for_the_outermost_compilation_of_this_backend_alone():
    heard = []
    with progress.watch_compilation(lambda name, seconds: heard.append((name, seconds > 0))):
        listener = progress.Listener()
        for event in (compilation("rawgan_kernels.cpu.convolutions.winograd"), compilation("somebody.elses")):
            listener.on_start(event)
            listener.on_start(compilation("rawgan_kernels.cpu.vector.rows"))
            listener.on_end(compilation("rawgan_kernels.cpu.vector.rows"))
            listener.on_end(event)
    assert heard == [("conv2d", False), ("conv2d", True)]


class Helper:
    """Stands in for a process that ends with `code`; with None it never ends."""

    def __init__(self, code=0):
        self.code, self.killed, self.stdin = code, 0, io.BytesIO()

    def wait(self, seconds=None):
        if self.code is None and not self.killed:
            assert seconds is not None, "the test would wait without end"
            raise subprocess.TimeoutExpired("helper", seconds)
        return self.code

    def kill(self):
        self.killed += 1


@pytest.fixture
def warming(tmp_path):
    """A function that makes a warm-up with the given helpers. Its attributes list the parts compiled here and there."""
    store = Store([Place(tmp_path.resolve())])

    def make(*helpers, patience=60.0, kernels=()):
        waiting = iter(helpers)
        return WarmUp(
            kernels=kernels,
            store=store,
            parts=len(helpers) + 1,
            start=lambda part, *rest: make.started.append(part) or next(waiting),
            compile_part=lambda part, parts, dtype, groups: make.here.append(part) or make.groups.append(groups),
            patience=patience,
        )

    make.here, make.started, make.groups, make.store = [], [], [], store
    return make


def test_warming_up_leaves_a_marker_and_shares_the_kernels_out(warming):
    warm_up = warming(Helper(), Helper())
    assert warm_up.is_due()
    warm_up.run()
    assert (warming.here, warming.started) == ([0], [1, 2])
    assert not warm_up.is_due()


def test_a_model_compiles_what_others_have_not(warming):
    for kernels in (["attention"], ["resample", "attention"]):
        warm_up = warming(kernels=kernels)
        assert warm_up.is_due()
        warm_up.run()
        assert not warm_up.is_due()
    assert not warming().is_due()
    assert warming.groups == [[EVERY_RUN, "attention"], ["resample"]]


def test_every_model_names_kernels_that_can_be_compiled_ahead():
    named = {name for model in MODELS.values() for name in model.kernels}
    assert named == GROUPS.keys() - {EVERY_RUN, *PRECISIONS}


def test_a_part_that_a_helper_failed_to_compile_is_compiled(warming):
    warming(Helper(1)).run()
    assert (warming.here, warming.started) == ([0, 1], [1])


def test_everything_is_compiled_here_where_no_process_can_be_started(warming):
    warming(Helper(), None).run()
    assert (warming.here, warming.started) == ([0, 1, 2], [1, 2])


def test_a_helper_that_never_ends_is_waited_for_no_longer_than_it_may_take(warming):
    helper = Helper(None)
    warming(helper, patience=0).run()
    assert (warming.here, warming.started) == ([0, 1], [1])
    assert helper.killed


def test_no_marker_is_left_where_a_kernel_could_not_be_kept(warming):
    warming.store.failures[Path("somewhere")] = "full"
    warm_up = warming(Helper())
    warm_up.run()
    assert warm_up.is_due()


def test_nothing_is_compiled_ahead_where_it_cannot_be_kept():
    assert not WarmUp(store=Store([])).is_due()


# --- helpers -----------------------------------------------------------------------------------------------------


@pytest.fixture
def helper(monkeypatch, tmp_path):
    """A function that starts a real helper in a folder of hostile modules; it runs the given lines, not the kernels."""
    package, hostile = tmp_path / "rawgan_kernels" / "cpu" / "warm_up", tmp_path / "hostile"
    package.mkdir(parents=True)
    hostile.mkdir()
    for folder in (package, package.parent, package.parent.parent):
        (folder / "__init__.py").touch()
    for name in ("copy", "random", "numba", "rawgan_kernels", "json", "threading", "sitecustomize", "usercustomize"):
        (hostile / f"{name}.py").write_text(f"open({str(tmp_path / 'executed')!r}, 'w')")
    monkeypatch.chdir(hostile)
    monkeypatch.syspath_prepend(str(hostile))
    monkeypatch.setenv("PYTHONPATH", str(hostile))
    started, begun = [], str(tmp_path / "begun")
    store = Store([Place(tmp_path.resolve() / "cache")])

    def start(*lines, **options):
        body = "\n    ".join(["def compile_part(part, parts, dtype, groups):", f"open({begun!r}, 'w')", *lines])
        (package / "calls.py").write_text(f"import copy, os, random, sys, time\n{body}\n")
        started.append(start_helper(1, 2, "float32", ["attention"], store, path=[str(tmp_path)], **options))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdin.close()
    assert Path(begun).exists()
    assert not (tmp_path / "executed").exists()


def test_a_helper_runs_no_code_of_the_current_folder(helper, tmp_path):
    process = helper(
        f"assert os.environ['NUMBA_CACHE_DIR'] == {str(tmp_path.resolve() / 'cache')!r}",
        "assert (part, parts, dtype, groups) == (1, 2, 'float32', ['attention'])",
        "assert os.getcwd() not in sys.path and '' not in sys.path",
    )
    assert process.wait(20) == 0


def test_a_helper_ends_with_its_parent(helper, tmp_path):
    process = helper("time.sleep(600)")
    while not (tmp_path / "begun").exists():
        assert process.poll() is None
    process.stdin.close()  # as the system does when the parent dies
    assert process.wait(20) == 1


def test_a_helper_ends_when_its_time_is_over(helper):
    assert helper("while True: pass", seconds=0.5).wait(20) == 1


def test_a_helper_without_a_task_ends():
    started = subprocess.Popen([sys.executable, "-I", "-S", str(HELPER)], stdin=subprocess.DEVNULL)
    assert started.wait(20) == 0


def test_no_helper_is_started_where_python_is_no_program_of_its_own(monkeypatch, tmp_path):
    store = Store([Place(tmp_path.resolve())])
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert start_helper(1, 2, "float32", [], store) is None
    monkeypatch.delattr(sys, "frozen")
    monkeypatch.setattr(sys, "executable", "/nothing/python")
    assert start_helper(1, 2, "float32", [], store) is None


# --- arguments of several types ----------------------------------------------------------------------------------


def test_every_kernel_of_a_part_can_be_called():
    compile_part(0, 1, "float64", [*GROUPS])


def test_a_body_is_compiled_anew_for_arguments_of_other_types():
    """Code compiled for a float must not get an integer in its place."""
    y = np.zeros(4)
    for value in (2.5, 3, 4.5):
        launch.run(_fill, 2, (y, value))
        np.testing.assert_array_equal(y, value)


@njit(nogil=True)
def _fill(arguments, block, thread):
    y, value = arguments
    y[2 * block] = value
    y[2 * block + 1] = value


@pytest.mark.parametrize("count", [1, 2])
def test_read_only_arrays_take_the_same_code(count):
    x, y, ways_in = np.arange(1.0, 5), np.zeros(4), []
    for writeable in (False, True, False):
        x.flags.writeable = writeable
        y[:] = 0
        launch.run(_copy, count, (y, x))
        np.testing.assert_array_equal(y[: 2 * count], x[: 2 * count])
        ways_in.append(len(launch._launch.overloads))
    assert len(_copy.overloads) == 1
    assert len(set(ways_in)) == 1


@njit(nogil=True)
def _copy(arguments, block, thread):
    y, x = arguments
    y[2 * block] = x[2 * block]
    y[2 * block + 1] = x[2 * block + 1]


def test_read_only_arrays_take_the_same_way_in():
    twice, x = compiled(_twice, entry=True), np.arange(3.0)
    for writeable in (False, True, False):
        x.flags.writeable = writeable
        np.testing.assert_array_equal(twice((x, x), 2.0), 4 * x)
    assert len(twice.overloads) == 1


def _twice(arrays, factor):
    x, y = arrays
    return factor * x + factor * y


def test_python_cannot_call_what_has_no_way_in_for_it():
    with pytest.raises(TypeError, match=r"^_twice is called from Python: declare it with @compiled"):
        compiled(_twice)((np.ones(2), np.ones(2)), 2.0)
