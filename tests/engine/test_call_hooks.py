"""Hooks around the calls of modules."""

import numpy as np
import pytest

from rawgan import nn
from rawgan.nn.hooks import around_calls

X = np.array([[1.0, -2.0]], "float32")


def named(name, log):
    def hook(module, forward, inputs, options):
        log.append(f"{name} {type(module).__name__}")
        return forward(*inputs, **options)

    return hook


def test_the_inner_hook_goes_around_the_outer_one():
    log = []
    with around_calls(named("outer", log)), around_calls(named("inner", log)):
        nn.ReLU()(X)
    assert log == ["inner ReLU", "outer ReLU"]


def test_a_hook_may_change_inputs_and_results():
    with around_calls(lambda module, forward, inputs, options: forward(inputs[0] * 2, **options) + 1):
        assert nn.ReLU()(X).data.tolist() == [[3, 1]]
    assert nn.ReLU()(X).data.tolist() == [[1, 0]]


def test_a_hook_is_gone_after_an_error():
    log = []
    with pytest.raises(ZeroDivisionError), around_calls(named("only", log)):
        raise ZeroDivisionError
    nn.ReLU()(X)
    assert log == []


def test_an_error_of_a_hooked_layer_names_the_layer():
    with around_calls(named("only", [])), pytest.raises(ValueError, match="linear: x has 2 features") as caught:
        nn.Sequential(nn.ReLU(), nn.Linear(3, 1, rng=np.random.default_rng(0)))(X)
    assert "layer 1" in str(caught.value)
