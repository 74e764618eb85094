"""rawgan in unusual surroundings: no home, no user name, nothing writable; hostile folders; forks; threads.

Each of these starts Python anew. What one process can try is in tests/test_code_cache.py and tests/test_forks.py.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from paths import PACKAGES

STRANGER = 12345
"""A user id without a name on any system."""


THREADS = "2"
README_COMMAND = ["-m", "rawgan", "train", "--steps", "2", "--samples", "4"]


@pytest.fixture
def installed(tmp_path):
    """A read-only copy of rawgan with its compiled kernels, and a writable folder.

    The latter is not where pytest has its own, into which no other user may look.
    """
    site = tmp_path / "site"
    environment = {**os.environ, "NUMBA_NUM_THREADS": THREADS}
    for out in (tmp_path / "first", tmp_path / "second"):  # what serves the first in a like form is compiled in its own
        subprocess.run(
            [sys.executable, *README_COMMAND, "--out", out], check=True, capture_output=True, env=environment
        )
    for package in PACKAGES.values():
        shutil.copytree(package, site / package.name)
    _allow(site, "a-w")
    with tempfile.TemporaryDirectory(prefix="rawgan-container-") as work:
        yield site, Path(work)
    _allow(site, "u+w")


def _allow(folder, what):
    subprocess.run(["chmod", "-R", what, folder], check=True)


def contained(site, work, *arguments, **variables):
    """Run Python as a container does: as a user without a name, where that is allowed, and without HOME."""
    command = [sys.executable, *arguments]
    if os.geteuid() == 0:  # may read all that this user may, wherever the tests are, and write nothing
        os.chown(work, STRANGER, STRANGER)
        capabilities = "-all,+dac_read_search"
        stranger = [f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups", "--no-new-privs"]
        command = ["setpriv", *stranger, f"--inh-caps={capabilities}", f"--ambient-caps={capabilities}", *command]
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(site),
        "PYTHONDONTWRITEBYTECODE": "1",
        "NUMBA_NUM_THREADS": THREADS,
        "TMPDIR": str(work),
        **variables,
    }
    return subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, timeout=300)


def test_the_first_command_of_the_readme_runs_on_a_read_only_installation(installed):
    site, work = installed
    ran = contained(site, work, *README_COMMAND)
    assert ran.returncode == 0, ran.stderr
    assert [path.name for path in work.glob("runs/*/samples/step-000002.png")] == ["step-000002.png"]
    assert "compil" not in ran.stderr  # compiled kernels are read, where nothing can be written
    assert {path.name for path in work.iterdir()} == {"runs"}


CALL = (
    "import numpy as np, rawgan_kernels; "
    "print(rawgan_kernels.gather_pixels("
    "np.full((1, 1, 1, 1), 255, np.uint8), np.zeros(1, np.int64), np.dtype('f4')).item())"
)
"""Prints 1.0, by a kernel."""


def test_kernels_are_kept_in_a_temporary_folder_if_the_installation_is_read_only(installed):
    site, work = installed
    _allow(site, "u+w")
    shutil.rmtree(site / "rawgan_kernels" / "cpu" / "__pycache__", ignore_errors=True)
    _allow(site, "a-w")
    for kept in (False, True):
        ran = contained(site, work, "-c", CALL)
        assert (ran.returncode, ran.stdout) == (0, "1.0\n"), ran.stderr
        assert ("rawgan: compiled kernels are kept in " in ran.stderr) != kept
    (folder,) = work.iterdir()
    assert folder.name.startswith("rawgan-kernels-")
    assert folder.stat().st_mode & 0o777 == 0o700


def test_kernels_are_compiled_in_memory_if_no_folder_is_writable(installed):
    site, work = installed
    nowhere = "from rawgan_kernels.cpu.compile import store; store.places = lambda: []; "
    ran = contained(site, work, "-c", nowhere + CALL, NUMBA_CACHE_DIR="~/cache")
    assert (ran.returncode, ran.stdout) == (0, "1.0\n"), ran.stderr
    assert ran.stderr.endswith("rawgan: compiled kernels are compiled again by each process (no folder is known)\n")
    assert [*work.iterdir()] == []


# --- code of the current folder ----------------------------------------------------------------------------------

NAMES = "copy json llvmlite numba numpy queue random rawgan_kernels scipy sitecustomize threading usercustomize yaml"


def test_no_code_of_the_current_folder_runs_while_kernels_are_compiled(tmp_path, monkeypatch):
    for name in NAMES.split():
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'executed')!r}, 'a').write({name!r})")
    code = (
        "import sys; from rawgan_kernels.cpu.compile.store import default_store; "
        "from rawgan_kernels.cpu.warm_up.calls import CALLS; "
        "from rawgan_kernels.cpu.warm_up.warm_up import start_helper; parts = len(CALLS); "
        "helper = start_helper(parts - 1, parts, 'float32', ['every run'], default_store()); "
        "print(helper.wait(), '' in sys.path)"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    ran = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert ran.stdout == "0 False\n", ran.stderr
    assert not (tmp_path / "executed").exists()


def test_a_helper_does_not_outlive_a_parent_that_is_killed(tmp_path):
    """Not even during compilation, in code that handles no signals."""
    code = (
        "import time; from rawgan_kernels.cpu.compile.store import default_store; "
        "from rawgan_kernels.cpu.warm_up.warm_up import start_helper; "
        "print(start_helper(1, 2, 'float32', ['every run'], default_store()).pid, flush=True); time.sleep(600)"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment)
    with parent:
        helper = int(parent.stdout.readline())
        time.sleep(2)
        parent.kill()
    deadline = time.monotonic() + 20
    while _lives(helper) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _lives(helper)


def _lives(pid):
    try:
        os.kill(pid, 0)
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False


# --- forks and threads -------------------------------------------------------------------------------------------

POOL = """
import multiprocessing, sys, threading
import numpy as np
import rawgan_kernels

a = np.random.default_rng(0).standard_normal((200, 1000), "float32")

def work(number):
    return float(rawgan_kernels.matmul(a, a.T)[0, number])

if __name__ == "__main__":
    if sys.argv[1] == "fork":
        expected = [work(number) for number in range(4)]
        with multiprocessing.get_context("fork").Pool(2) as pool:
            print(pool.map_async(work, range(4)).get(60) == expected)
    else:
        found = []
        threads = [threading.Thread(target=lambda: found.extend(map(work, [0] * 50))) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(len(found) == 150 and len(set(found)) == 1)
"""


@pytest.mark.parametrize("layer", ["omp", "workqueue"])
@pytest.mark.parametrize("kind", ["fork", "threads"])
def test_forked_processes_and_threads_compute(tmp_path, layer, kind):
    (tmp_path / "pool.py").write_text(POOL)
    environment = {**os.environ, "NUMBA_THREADING_LAYER": layer, "NUMBA_NUM_THREADS": "2"}
    ran = subprocess.run(
        [sys.executable, "pool.py", kind], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert (ran.returncode, ran.stdout) == (0, "True\n"), ran.stderr


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("NUMBA_DISABLE_JIT=1", "NUMBA_DISABLE_JIT is set"),
        ("NUMBA_NUM_THREADS=0", "NUMBA_NUM_THREADS is '0', but must be a number of threads"),
    ],
)
def test_settings_under_which_no_kernel_runs_are_named(setting, said, tmp_path):
    name, _, value = setting.partition("=")
    command = ["-m", "rawgan", "train", "--dry-run", "--steps", "1"]
    ran = subprocess.run(
        [sys.executable, *command], cwd=tmp_path, env={**os.environ, name: value}, capture_output=True, text=True
    )
    assert ran.returncode == 1
    assert ran.stderr.startswith(f"rawgan train: backend 'cpu': {said}")
    assert [*tmp_path.iterdir()] == []


def test_a_command_that_is_stopped_while_it_compiles_leaves_no_helper(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache"), "NUMBA_NUM_THREADS": "2"}
    command = [sys.executable, "-m", "rawgan", "train", "--dry-run", "--steps", "1"]
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    deadline = time.monotonic() + 60
    while not (helpers := children.read_text().split()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert helpers
    process.send_signal(signal.SIGTERM)
    process.wait(20)
    while any(map(_lives, map(int, helpers))) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(_lives, map(int, helpers)))
