"""Running averages of modules."""

import numpy as np
import pytest

from rawgan import nn, optim
from rawgan.errors import ArgumentError
from rawgan.paper import on_paper


def network():
    return nn.Sequential(nn.Linear(2, 3, rng=np.random.default_rng(0)), nn.BatchNorm(3))


def move(module, by=1.0):
    for x in module.state_tensors().values():
        x.data += np.asarray(by, x.dtype)


def test_weights_and_running_statistics_are_averaged():
    source = network()
    ema = optim.EMA(source, decay=0.75)
    expected = source.state_dict()
    for by in (1.0, -3.0):
        move(source, by)
        ema.update()
        expected = {name: 0.75 * x + 0.25 * source.state_dict()[name] for name, x in expected.items()}
    assert ema.module.state_dict().keys() == expected.keys()
    for name, x in ema.module.state_dict().items():
        np.testing.assert_allclose(x, expected[name], rtol=1e-6, atol=1e-7, err_msg=name)


def test_every_bit_is_that_of_the_formula_in_numpy():
    source = nn.Sequential(nn.Linear(40, 50, rng=np.random.default_rng(0)))
    ema = optim.EMA(source, decay=0.999)
    before = source[0].w.numpy().copy()
    move(source, 0.1)
    ema.update()
    np.testing.assert_array_equal(ema.module[0].w.numpy(), 0.999 * before + (1 - 0.999) * source[0].w.numpy())


def test_the_first_steps_move_it_faster():
    source = nn.Sequential(nn.BatchNorm(1))
    ema = optim.EMA(source, decay=0.5)
    source[0].beta.data[...] = 1
    shares = []
    for step in (0, 5, 50):
        ema.module[0].beta.data[...] = 0
        ema.update(step)
        shares.append(ema.module[0].beta.item())
    np.testing.assert_allclose(shares, [1 - 1 / 10, 1 - 6 / 15, 0.5], rtol=1e-6)


def test_saved_and_loaded_it_goes_on_with_the_same_bits():
    source = network()
    ema = optim.EMA(source, decay=0.9)
    move(source)
    ema.update()
    other = optim.EMA(source, decay=0.9)
    other.module.load_state_dict(ema.module.state_dict())
    move(source)
    for each in (ema, other):
        each.update()
    for name, x in ema.module.state_dict().items():
        np.testing.assert_array_equal(x, other.module.state_dict()[name])


def test_a_source_that_has_become_another_module_is_refused():
    source = network()
    ema = optim.EMA(source)
    source.extra = nn.Parameter([1.0])
    with pytest.raises(ArgumentError, match=r"is not the module that it was: extra \(1,\)\n  make a new EMA"):
        ema.update()


def test_a_source_with_a_layer_of_another_size_is_refused():
    source = nn.Sequential(nn.Linear(2, 2, rng=np.random.default_rng(0), bias=False))
    ema = optim.EMA(source)
    source[0] = nn.Linear(2, 1, rng=np.random.default_rng(0), bias=False)  # would broadcast
    with pytest.raises(ArgumentError, match=r"not the module that it was: 0\.w \(2, 1\), 0\.w \(2, 2\)"):
        ema.update()


def test_an_average_on_paper_takes_no_memory():
    with on_paper():
        ema = optim.EMA(nn.Linear(10**6, 10**6, rng=np.random.default_rng(0)))
    assert ema.module.w.shape == (10**6, 10**6)
    assert repr(ema) == "EMA(Linear, decay=0.999)"
