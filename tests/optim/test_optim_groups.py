"""Parameter groups, and states that are saved and loaded."""

import copy
import pickle
import re
from functools import partial

import numpy as np
import pytest

from rawgan import Tensor, nn, optim
from rawgan.errors import ArgumentError, ConfigError
from rawgan.optim.registry import EXAMPLES

SHAPES = ((3, 2), (4,), ())


def draw(seed):
    rng = np.random.default_rng(seed)
    return [Tensor(rng.standard_normal(shape).astype("float32")) for shape in SHAPES]


def parameters():
    return [nn.Parameter(x.numpy()) for x in draw(0)]


def bits(tensors):
    return [x.numpy().tobytes() for x in tensors]


@pytest.fixture(params=EXAMPLES, ids=lambda each: each[0].__name__)
def make(request):
    cls, options = request.param
    return partial(cls, **options)


# --- groups ----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("each_backend")
def test_groups_step_as_optimisers_of_their_own(make):
    """One group with a learning rate of its own, one with the optimiser's; a parameter that rests in between."""
    grouped, alone = parameters(), parameters()
    rates = {"lr": 0.5}
    optimizer = make([{"params": grouped[:2], **rates}, {"params": grouped[2:]}])
    apart = make([{"params": alone[:2], **rates}]), make(alone[2:])
    for step in range(1, 4):
        g = draw(step)
        if step == 2:
            g[1] = None
        optimizer.step(g)
        apart[0].step(g[:2])
        apart[1].step(g[2:])
    assert bits(grouped) == bits(alone)
    assert optimizer.counts == [3, 2, 3]


def test_options_of_a_group_may_be_changed_between_steps():
    w, b = nn.Parameter([1.0]), nn.Parameter([1.0])
    sgd = optim.SGD([{"params": [w]}, {"params": [b], "weight_decay": 1.0}], lr=0.5)
    sgd.param_groups[0]["lr"] = 0
    sgd.step([Tensor([1.0]), Tensor([1.0])])
    assert (w.item(), b.item()) == (1.0, 0.0)
    sgd.param_groups[1]["weight_decay"] = "much"
    with pytest.raises(ArgumentError, match=r"^SGD.step: group 1: weight_decay must be a number, but is 'much'$"):
        sgd.step([Tensor([1.0]), Tensor([1.0])])
    assert (w.item(), b.item()) == (1.0, 0.0)


def test_the_learning_rate_of_all_groups():
    w, b = nn.Parameter([1.0]), nn.Parameter([1.0])
    sgd = optim.SGD([{"params": [w]}, {"params": [b], "lr": 0.25}], lr=0.5)
    with pytest.raises(ArgumentError, match=r"^SGD.lr: its groups have different learning rates: 0.5, 0.25"):
        _ = sgd.lr
    with sgd.slowed(0.5):
        sgd.step([Tensor([1.0]), Tensor([1.0])])
    assert (w.item(), b.item()) == (0.75, 0.875)
    assert [group["lr"] for group in sgd.param_groups] == [0.5, 0.25]
    sgd.lr = 1.0
    assert (sgd.lr, sgd.param_groups[1]["lr"]) == (1.0, 1.0)


def test_a_moment_is_kept_for_the_groups_that_need_it():
    w, b = nn.Parameter([1.0]), nn.Parameter([1.0])
    adam = optim.Adam([{"params": [w], "amsgrad": True}, {"params": [b]}])
    adam.step([Tensor([1.0]), Tensor([1.0])])
    assert adam.state["v_max"][0].item() > 0
    assert adam.state["v_max"][1].item() == 0
    assert list(optim.Adam([w]).state) == ["m", "v"]  # names of arrays in checkpoints
    assert list(optim.SGD([w], 0.1).state) == []
    assert list(optim.SGD([w], 0.1, momentum=0.9).state) == ["velocity"]


def test_a_parameter_belongs_to_one_group_and_stays_in_it():
    w, b = nn.Parameter([1.0]), nn.Parameter([1.0])
    with pytest.raises(ArgumentError, match="a parameter is listed twice"):
        optim.Adam([{"params": [w, b]}, {"params": [w]}])
    adam = optim.Adam([{"params": [w]}, {"params": [b]}])
    adam.param_groups[0]["params"][0] = b
    with pytest.raises(ArgumentError, match="not those that it was made for: 2 then, 2 now"):
        adam.step([Tensor([1.0]), Tensor([1.0])])
    adam.param_groups.append({"params": [w]})
    with pytest.raises(ArgumentError, match="not those that it was made for: 2 then, 3 now"):
        adam.step([Tensor([1.0]), Tensor([1.0])])


@pytest.mark.parametrize("change", [lambda group: group.pop("momentum"), lambda group: group.update(momentun=0.9)])
def test_a_group_keeps_its_options_by_name(change):
    sgd = optim.SGD([nn.Parameter([1.0])], lr=0.1)
    change(sgd.param_groups[0])
    with pytest.raises(ArgumentError, match=r"options are params, lr, .*, but must be params, lr, momentum"):
        sgd.step([Tensor([1.0])])
    assert sgd.steps == 0


def test_an_optimizer_is_shown_with_its_groups():
    w = nn.Parameter([1.0])
    text = repr(optim.SGD([{"params": [w]}, {"params": [nn.Parameter([1.0])], "lr": 0.25}], lr=0.5))
    assert text == (
        "SGD(1 parameters, lr=0.5, momentum=0.0, weight_decay=0.0, nesterov=False\n"
        "  1 parameters, lr=0.25, momentum=0.0, weight_decay=0.0, nesterov=False)"
    )


# --- saved states ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("each_backend")
def test_a_loaded_state_goes_on_with_the_same_bits(make):
    """Moments, counts and options; into an optimiser whose own were others."""
    ws = parameters()
    optimizer = make([{"params": ws[:1], "lr": 0.25}, {"params": ws[1:]}])
    optimizer.step(draw(1))
    optimizer.step([draw(2)[0], None, None])
    saved = optimizer.state_dict()
    kept = pickle.loads(pickle.dumps(saved))
    copies = [nn.Parameter(w.numpy()) for w in ws]
    loaded = make([{"params": copies[:1], "lr": 0.5}, {"params": copies[1:]}])
    loaded.step(draw(3))
    for other, w in zip(copies, ws, strict=True):
        other.data = w.data.copy()
    loaded.load_state_dict(kept)
    for step in (4, 5):
        optimizer.step(draw(step))  # does not change what was saved
        loaded.step(draw(step))  # does not change what was loaded
        assert bits(ws) == bits(copies)
    for before in (saved, kept):
        np.testing.assert_equal(before, pickle.loads(pickle.dumps(saved)))
    assert before["counts"] == [2, 1, 1]
    assert loaded.counts == [4, 3, 3]


M = np.ones((2, 3), "float32")


def adam_state(**changes):
    return optim.Adam([nn.Parameter(M)]).state_dict() | changes


GROUP = {"params": [0], "lr": 0.1, "betas": (0.9, 0.99), "eps": 1e-8, "weight_decay": 0.0, "amsgrad": False}
UNFIT = {
    "not a dict": (
        [],
        "the state must be a dict of state, counts, param_groups, as state_dict() gives it, but is list",
    ),
    "a missing key": ({"state": {}}, "but is a dict of ['state']"),
    "groups": (adam_state(param_groups=[GROUP, GROUP]), "  param_groups: 2 groups instead of 1"),
    "an option": (adam_state(param_groups=[{**GROUP, "lr": -1.0}]), "  group 0: lr must be at least 0 and finite"),
    "an unknown option": (adam_state(param_groups=[{**GROUP, "rho": 0.5}]), "  group 0: 'rho' is unknown"),
    "a missing option": (adam_state(param_groups=[{"params": [0], "lr": 0.1}]), "  group 0: 'eps' is missing"),
    "places": (adam_state(param_groups=[{**GROUP, "params": [1]}]), "  group 0: its parameters are [1], but here [0]"),
    "counts": (adam_state(counts=[1, 1]), "  counts: 2 numbers for 1 parameters"),
    "negative counts": (adam_state(counts=[-1]), "  counts must be numbers of steps, but are [-1]"),
    "a missing moment": (adam_state(state={"m": [M]}), "  state: ['m'] instead of ['m', 'v']"),
    "the number of arrays": (adam_state(state={"m": [M], "v": []}), "  state['v']: 0 arrays for 1 parameters"),
    "a shape": (adam_state(state={"m": [M], "v": [M[0]]}), "  state['v'][0] (3,) should be (2, 3)"),
    "a dtype": (adam_state(state={"m": [M], "v": [M > 0]}), "  state['v'][0] should be floats, not bool"),
    "another optimiser's": (
        adam_state(param_groups=[{**GROUP, "amsgrad": True}]),
        "  state: ['m', 'v'] instead of ['m', 'v', 'v_max']",
    ),
}


@pytest.mark.parametrize("saved", UNFIT)
def test_a_state_that_does_not_fit_changes_nothing(saved):
    state, text = UNFIT[saved]
    adam = optim.Adam([nn.Parameter(M)], lr=0.5)
    adam.step([Tensor(2 * M)])
    before = adam.state_dict()
    with pytest.raises(ConfigError, match=re.escape(text)):
        adam.load_state_dict(state)
    np.testing.assert_equal(adam.state_dict(), before)


def test_a_state_of_float64_is_loaded_as_the_parameters_are():
    w = nn.Parameter(M)
    adam = optim.Adam([w])
    adam.load_state_dict(adam_state(state={"m": [M.astype("float64")], "v": [np.asfortranarray(M)]}))
    adam.step([Tensor(M)])
    assert [adam.state[moment][0].dtype for moment in ("m", "v")] == [np.float32] * 2


@pytest.mark.parametrize("twin_of", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_in_the_middle_of_training_goes_on_with_the_same_bits(make, twin_of):
    weights = parameters()
    optimizer = make([{"params": weights[:1]}, {"params": weights[1:]}])
    optimizer.step(draw(1))
    twin_weights, twin = twin_of((weights, optimizer))
    before = bits(twin_weights)
    optimizer.step(draw(2))
    assert bits(twin_weights) == before
    twin.step(draw(2))
    assert bits(twin_weights) == bits(weights)
