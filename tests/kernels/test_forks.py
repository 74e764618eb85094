"""Kernels in forked processes, and in several threads; settings of Numba under which they cannot run."""

import os
import signal
import subprocess
import sys
import threading
import warnings
from importlib import reload

import numba
import numpy as np
import pytest
from numba.core import config
from numba.np.ufunc import parallel as numba_threads

import rawgan_kernels
from rawgan.errors import MissingKernel, NumbaError, RawganError
from rawgan_kernels.cpu.compile import settings
from rawgan_kernels.cpu.run import launch
from rawgan_kernels.cpu.run.pool import POOL

SHAPE = 1000, 100
"""Enough numbers for all threads, and for a block of the pool."""


def product():
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(shape, "float32") for shape in (SHAPE, SHAPE[::-1]))
    return rawgan_kernels.matmul(a, b)


def in_child(work):
    """Fork, and call `work` in the child. Returns its result, in bytes. A child that hangs is ended."""
    near, far = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # about threads, which this test is about
        child = os.fork()
    if not child:
        try:
            signal.alarm(20)
            os.write(far, work())
        finally:
            os._exit(0)
    os.close(far)
    with open(near, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return said


def test_a_forked_process_computes_the_same_bits(monkeypatch):
    if not numba_threads._is_initialized:  # a process that has one thread loses none
        monkeypatch.setattr(config, "NUMBA_NUM_THREADS", max(2, config.NUMBA_NUM_THREADS))
    expected = product().tobytes()
    assert in_child(lambda: product().tobytes()[:4096]) == expected[:4096]
    assert in_child(lambda: in_child(lambda: product().tobytes()[:4096])) == expected[:4096]
    assert product().tobytes() == expected


IN_A_FORK = """
import os, signal
import numpy as np
import rawgan_kernels

a = np.random.default_rng(0).standard_normal((1000, 100), "float32")
expected = rawgan_kernels.matmul(a, a.T)
child = os.fork()
if not child:
    signal.alarm(30)
    os._exit(0 if np.array_equal(rawgan_kernels.matmul(a, a.T), expected) else 1)
print(os.waitpid(child, 0)[1])
"""


def test_a_forked_process_does_without_the_threads_that_it_lost():
    """In a process of its own: here, there may be one thread, and nothing to lose."""
    there = {**os.environ, "NUMBA_NUM_THREADS": "2", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", IN_A_FORK], env=there, capture_output=True, text=True, timeout=120)
    assert done.stdout == "0\n", done.stderr


@pytest.fixture
def elsewhere():
    """A function that holds a lock in another thread until the test is over."""
    held, over = threading.Event(), threading.Event()
    threads = []

    def hold(lock):
        def work():
            with lock:
                held.set()
                over.wait()

        threads.append(threading.Thread(target=work))
        threads[-1].start()
        held.wait()

    yield hold
    over.set()
    for thread in threads:
        thread.join()


def test_memory_is_there_in_a_process_forked_while_another_thread_asked_for_some(elsewhere, monkeypatch):
    monkeypatch.setattr(POOL, "lock", threading.Lock())
    monkeypatch.setattr(POOL, "holder", 0)
    monkeypatch.setattr(POOL, "changing", True)
    elsewhere(POOL.lock)
    assert in_child(lambda: bytes(str(POOL.empty(SHAPE, np.dtype("f4")).shape), "ascii")) == b"(1000, 100)"


def test_a_fork_waits_for_kernels_that_other_threads_compile():
    """Otherwise the child would wait for a lock whose thread it does not have."""
    began, over = threading.Event(), []

    def compile_slowly():
        with launch.global_compiler_lock:
            began.set()
            began_to_fork.wait(0.3)
            over.append(True)

    began_to_fork = threading.Event()
    thread = threading.Thread(target=compile_slowly)
    thread.start()
    began.wait()

    def compile_in_child():
        with launch.global_compiler_lock:
            return b"compiled" if over else b"too early"

    assert in_child(compile_in_child) == b"compiled"
    thread.join()


def test_where_the_threads_serve_one_caller_another_does_without(elsewhere, monkeypatch):
    expected = product()
    turn = threading.RLock()
    monkeypatch.setattr(launch, "_turn", turn)
    np.testing.assert_array_equal(product(), expected)
    elsewhere(turn)
    asked, distributor = [], launch._distributor()
    monkeypatch.setattr(launch, "_distributor", lambda: asked.append(distributor) or distributor)
    np.testing.assert_array_equal(product(), expected)
    assert not asked


def test_a_turn_ends_with_an_error_too(monkeypatch):
    turn = threading.Lock()
    monkeypatch.setattr(launch, "_turn", turn)
    with pytest.raises(ZeroDivisionError):
        launch.run(None, 2, (), call=lambda *arguments: 1 / 0)
    assert not turn.locked()


# --- settings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["0", "-1", "two", "1.5"])
def test_an_invalid_number_of_threads_is_refused(monkeypatch, number):
    monkeypatch.setenv("NUMBA_NUM_THREADS", number)
    with pytest.raises(NumbaError) as raised:
        reload(settings)
    assert str(raised.value) == (
        f"backend 'cpu': NUMBA_NUM_THREADS is '{number}', but must be a number of threads, 1 or more\n"
        "  unset it to have one for each core; or use --backend reference, in Python "
        "rawgan_kernels.use('reference'), which needs no Numba"
    )


@pytest.mark.parametrize("number", ["", "1", " 2 "])
def test_any_other_number_of_threads_is_left_to_numba(monkeypatch, number):
    monkeypatch.setenv("NUMBA_NUM_THREADS", number)
    reload(settings)


def test_without_a_compiler_the_error_names_the_setting(monkeypatch):
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 1)
    with pytest.raises(NumbaError, match=r"^backend 'cpu': NUMBA_DISABLE_JIT is set, but its kernels cannot run"):
        reload(settings)


def test_threads_that_cannot_be_started_are_a_numba_error(monkeypatch):
    def refuse():
        raise ValueError("The threading layer requested 'abacus' is unknown to Numba.")

    monkeypatch.setattr(launch.numba_threads, "_is_initialized", False)
    monkeypatch.setattr(launch.numba_threads, "get_num_threads", refuse)
    with pytest.raises(NumbaError, match=r"(?s)^backend 'cpu': Numba cannot start its threads.*'abacus'.*\n  unset"):
        launch.threads()


def test_a_system_without_shared_memory_is_good_enough(monkeypatch):
    def warn():
        warnings.warn("Could not obtain multiprocessing lock", launch.NumbaSystemWarning, stacklevel=1)

    monkeypatch.setattr(launch.numba_threads, "_is_initialized", False)
    monkeypatch.setattr(launch.numba_threads, "get_num_threads", warn)
    assert launch.threads() >= 1


def test_errors_of_kernels_are_errors_of_rawgan():
    assert issubclass(NumbaError, RawganError)
    assert issubclass(MissingKernel, RawganError)
