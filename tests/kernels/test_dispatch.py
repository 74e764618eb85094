"""Declarations of kernels, their implementations and costs, and the choice of a backend."""

import inspect
import sys
import threading
import time

import numpy as np
import pytest
from kernel_calls import CALLS, arguments_of

import rawgan_kernels as kernels
from rawgan_kernels import BACKENDS, KERNELS, Backend, MissingKernel, dispatch, trial
from rawgan_kernels.dispatch import implements


@pytest.fixture
def choice():
    """Restores the choice of a backend."""
    before = kernels.chosen()
    yield
    kernels.use(before)


# --- declarations and implementations --------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", KERNELS)
def test_every_backend_implements_every_kernel_with_its_signature(backend, name):
    declared, implemented = KERNELS[name].signature, inspect.signature(KERNELS[name].on(backend))
    assert list(declared.parameters) == list(implemented.parameters)
    defaults = [[parameter.default for parameter in one.parameters.values()] for one in (declared, implemented)]
    assert defaults[0] == defaults[1]


def test_there_is_a_call_of_every_kernel_to_check_it_with():
    assert CALLS.keys() == KERNELS.keys()


@pytest.mark.parametrize("name", KERNELS)
def test_a_kernel_is_a_typed_function_that_says_what_it_computes(name):
    function = getattr(kernels, name)
    assert function.__name__ == name
    assert "Shapes:" in function.__doc__
    assert ">>> " in function.__doc__
    signature = inspect.signature(function)
    assert all(parameter.annotation is not parameter.empty for parameter in signature.parameters.values())
    assert signature.return_annotation is not signature.empty


def test_a_function_that_implements_nothing_is_refused_when_it_is_defined():
    def tahn(x):
        return x

    tahn.__module__ = "rawgan_kernels.cpu.activation"
    with pytest.raises(MissingKernel) as error:
        implements(tahn)
    assert str(error.value) == "rawgan_kernels.cpu.activation implements 'tahn', which api does not declare"


def test_unknown_kernels_are_attribute_errors():
    with pytest.raises(AttributeError, match="has no attribute 'conv5d'"):
        kernels.conv5d  # noqa: B018
    with pytest.raises(AttributeError, match=r"^there is no kernel 'conv5d'$"):
        Backend("cpu").conv5d  # noqa: B018


@pytest.mark.parametrize("name", KERNELS)
def test_every_kernel_can_be_called_through_every_backend_of_numpy_arrays(name, each_backend):
    getattr(kernels, name)(*arguments_of(name))


def test_a_kernel_that_another_thread_is_importing_is_waited_for(choice, tmp_path, monkeypatch):
    """The other thread has defined the kernel, but not yet what the kernel needs."""
    (tmp_path / "slow").mkdir()
    (tmp_path / "slow" / "__init__.py").touch()
    (tmp_path / "slow" / "activation.py").write_text(
        "import time\n"
        "from rawgan_kernels.dispatch import implements\n"
        "@implements\n"
        "def tanh(x):\n"
        "    return needed(x)\n"
        "time.sleep(0.5)\n"
        "def needed(x):\n"
        "    return x + 1\n"
    )
    monkeypatch.setattr(kernels, "__path__", [*kernels.__path__, str(tmp_path)])
    monkeypatch.setitem(BACKENDS, "slow", ("cpu",))
    monkeypatch.setattr(dispatch, "PACKAGES", {*dispatch.PACKAGES, "slow"})
    kernels.use("slow")
    found = []

    def call():
        try:
            found.append(kernels.tanh(np.ones(1)).item())
        except NameError as error:
            found.append(error)

    other = threading.Thread(target=call)
    other.start()
    while not hasattr(sys.modules.get("rawgan_kernels.slow.activation"), "tanh"):
        time.sleep(0.001)
    call()
    other.join()
    del KERNELS["tanh"].implementations["slow"]
    assert found == [2.0, 2.0]


# --- the cost of a call ----------------------------------------------------------------------------------------------

EXPECTED = {
    "conv2d": lambda x, w, window: (2 * (2 * 2 * 6) * 6 * (3 * 2 * 2), x.size + w.size + 2 * 2 * 6 * 6),
    "conv2d_input_grad": lambda gy, w, window: (2 * (2 * 2 * 6) * 6 * (3 * 2 * 2), gy.size + w.size + 2 * 5 * 6 * 4),
    "conv2d_weight_grad": lambda x, gy, window: (2 * (2 * 2 * 6) * 6 * (3 * 2 * 2), x.size + gy.size + 3 * 2 * 2 * 6),
    "matmul": lambda a, b: (2 * 2 * 3 * 3 * 4 * 5, a.size + b.size + 2 * 3 * 3 * 5),
    "normalize": lambda x, *_: (9 * 240, 2 * 240),
    "normalize_grad": lambda x, *_: (18 * 240, 3 * 240),
    "leaky_relu": lambda x, slope: (240, 2 * 240),
    "bce_with_logits_grad": lambda x, t, gy: (9 * 240, 4 * 240),
    "channel_sum": lambda x: (240, 240),
    "adagrad_update": lambda *_: (6 * 8, 5 * 8),
    "adam_update": lambda *_: (14 * 8, 7 * 8),
    "amsgrad_update": lambda *_: (15 * 8, 9 * 8),
    "average_update": lambda *_: (3 * 8, 3 * 8),
    "lion_update": lambda *_: (9 * 8, 5 * 8),
    "rmsprop_update": lambda *_: (7 * 8, 5 * 8),
    "sgd_update": lambda *_: (4 * 8, 5 * 8),
}
"""Operations and numbers moved by some of `CALLS`, by hand."""


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_cost_of_a_call_by_hand(name, dtype):
    arguments = arguments_of(name, dtype)
    flops, numbers = EXPECTED[name](*arguments)
    assert KERNELS[name].cost(*arguments) == (flops, numbers * np.dtype(dtype).itemsize)


def test_the_cost_of_pixels_by_hand():
    assert KERNELS["gather_pixels"].cost(*arguments_of("gather_pixels", "float32")) == (2 * 18, 18 * (1 + 4))


@pytest.mark.parametrize("name", [name for name in KERNELS if not name.endswith("_update")])
def test_a_call_moves_at_least_its_results_and_its_largest_argument(name):
    arguments = arguments_of(name)
    results = KERNELS[name].on("reference")(*arguments)
    written = max((results if isinstance(results, tuple) else (results,)), key=lambda x: x.nbytes).nbytes
    read = 0 if name == "gather_pixels" else max(x.nbytes for x in arguments if isinstance(x, np.ndarray))
    cost = KERNELS[name].cost(*arguments)
    assert cost.nbytes >= read
    assert cost.nbytes >= written
    assert cost.flops > 0


# --- the choice of a backend -----------------------------------------------------------------------------------------


def test_a_backend_without_the_kernel_says_so_and_nothing_falls_back(choice):
    with trial("partial", softplus=lambda x: "the partial backend's"):
        kernels.use("partial")
        assert kernels.backend_of(np.zeros(1)) == "partial"
        assert kernels.softplus(np.zeros(1)) == "the partial backend's"
        with pytest.raises(MissingKernel) as error:
            kernels.sigmoid(np.zeros(1))
        kernels.use("auto")
    assert str(error.value) == "backend 'partial' has no kernel 'sigmoid'; use('reference') has every kernel"
    assert "partial" not in BACKENDS


def test_a_trial_replaces_a_kernel_of_a_backend_for_a_time():
    x = np.ones(2)
    with trial("reference", tanh=lambda x: 3 * x):
        np.testing.assert_array_equal(Backend("reference").tanh(x), 3 * x)
    np.testing.assert_array_equal(Backend("reference").tanh(x), np.tanh(x))


def test_an_unknown_backend_is_refused_and_the_choice_stays(choice):
    before = kernels.backend_of(np.zeros(1))
    with pytest.raises(MissingKernel, match=r"^there is no backend 'abacus'; choose one of: auto, reference, cpu"):
        kernels.use("abacus")
    with pytest.raises(MissingKernel, match=r"^there is no backend 'abacus'; choose one of: reference, cpu"):
        Backend("abacus")
    assert kernels.backend_of(np.zeros(1)) == before


def test_lists_are_dispatched_by_their_first_array(choice):
    kernels.use("reference")
    w = [np.ones(2)]
    kernels.sgd_update(w, [np.ones(2)], [], 0.25, 0.0, False, 0.0)
    np.testing.assert_array_equal(w[0], [0.75, 0.75])


def test_observers_see_each_call_and_no_more_afterwards():
    x, seen = np.ones(2), []
    with kernels.observe(lambda name, args: seen.append((name, args))):
        kernels.tanh(x)
        with kernels.observe(lambda name, args: seen.append(name)):
            kernels.leaky_relu(x, 0.5)
    kernels.tanh(x)
    assert seen == [("tanh", (x,)), ("leaky_relu", (x, 0.5)), "leaky_relu"]
