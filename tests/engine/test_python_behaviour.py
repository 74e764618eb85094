"""Tensors, modules and ops as objects of Python: formats, numbers, copies, pickles, reprs; and retained graphs."""

import copy
import pickle

import numpy as np
import pytest
from graphs import leaf

from rawgan import Op, Tensor, grad, nn, ops, optim
from rawgan.errors import ArgumentError, GraphError, ShapeError
from rawgan.nn.registry import EXAMPLES
from rawgan.optim.registry import EXAMPLES as OPTIMIZERS

# --- numbers ---------------------------------------------------------------------------------------------


def test_a_tensor_of_one_number_is_formatted_and_converted_as_one():
    loss = ops.mean(leaf(1.5, 2.0))
    assert f"{loss:.3f} {loss:>6.1f}" == "1.750    1.8"
    assert (int(loss), float(loss), bool(loss), bool(loss - 1.75)) == (1, 1.75, True, False)
    assert f"{loss}" == str(loss) == "Tensor(1.75, float64, requires_grad=True)"
    with pytest.raises(ShapeError, match="a Tensor of 2 numbers is not one"):
        format(leaf(1, 2), ".3f")


def test_powers_on_both_sides():
    x = leaf(1.0, 3.0)
    assert (2**x).numpy().tolist() == [2, 8]
    assert (x**x).numpy().tolist() == [1, 27]
    assert (np.array([3.0, 2.0]) ** x).numpy().tolist() == [3, 8]


def test_plus_round_and_transposed_matrices():
    x = leaf(1.26, -2.5)
    assert +x is x
    assert round(x).numpy().tolist() == [1, -2]
    assert round(x, 1).numpy().tolist() == [1.3, -2.5]
    assert ops.stack([x[None], x[None] + 1]).mT.shape == (2, 2, 1)
    with pytest.raises(ArgumentError, match="swapaxes"):
        _ = x.mT


# --- graphs that are walked again ------------------------------------------------------------------------


class Cubed(Op):
    """x³, with a backward pass that computes with arrays."""

    differentiable_twice = False

    def forward(self, x):
        return x**3

    def backward(self, gy):
        (x,) = self.inputs
        return (Tensor.wrap(3 * x.numpy() ** 2 * gy.numpy()),)


def test_a_retained_graph_is_walked_again_also_through_backward_passes_of_arrays():
    x = leaf(2.0)
    y = Cubed()(x * 1)
    y.backward(retain_graph=True)
    assert [grad(y, x, retain_graph=True)[0].item() for _ in range(2)] == [12, 12]
    y.backward()
    assert x.grad.item() == 24
    with pytest.raises(GraphError, match="retain_graph=True"):
        y.backward()


def test_a_recorded_walk_retains_the_graph_unless_told_otherwise():
    x = leaf(2.0)
    y = x**3
    grad(y, x, create_graph=True)
    (slope,) = grad(y, x, retain_graph=False, create_graph=True)
    assert grad(slope, x)[0].item() == 12
    with pytest.raises(GraphError, match="released"):
        y.backward()


# --- copies and pickles ----------------------------------------------------------------------------------


class Linked(nn.Module):
    """Knows the one before it, and the one behind it."""

    def __init__(self, before=None):
        self.w, self.before, self.after = nn.Parameter([1.0]), before, None

    def forward(self, x):
        return x * self.w


def pickled(x):
    return pickle.loads(pickle.dumps(x))


@pytest.mark.parametrize("twin_of", [copy.deepcopy, pickled])
def test_networks_deeper_than_the_stack_are_copied_pickled_and_printed(twin_of):
    last = Linked()
    for _ in range(3000):
        last = Linked(last)
        last.before.after = last
    twin = twin_of(last)
    assert twin.before.after is twin
    assert twin.before is not last.before
    assert len(twin.parameters()) == 3001
    assert not {id(x) for x in twin.parameters()} & {id(x) for x in last.parameters()}
    assert repr(twin).endswith("3,001 parameters in 3001 arrays")


@pytest.mark.parametrize("twin_of", [copy.deepcopy, pickled])
def test_what_is_shared_is_shared_in_the_copy(twin_of):
    shared = Linked()
    pair = nn.Sequential(shared, shared)
    w, before, twin, beside = twin_of([shared.w, shared, pair, shared])
    assert twin[0] is twin[1] is beside is before
    assert twin[0].w is w
    assert w is not shared.w


def test_a_pickle_that_failed_leaves_nothing_behind():
    network = nn.Sequential(Linked())
    network.name = lambda: None  # cannot be pickled
    for _ in range(2):
        with pytest.raises((AttributeError, pickle.PicklingError)) as kept:
            pickle.dumps(network)
    network.name = "mended"
    assert pickled(network).name == "mended"
    assert pickled(network[0]).w.item() == 1
    assert kept


class Counted(nn.Module):
    """Has a way of its own to be pickled and filled."""

    def __init__(self, times=0):
        self.times, self.inner = times, nn.ReLU()

    def __getstate__(self):
        return {"times": self.times}

    def __setstate__(self, attributes):
        self.__init__(attributes["times"] + 1)


class Remade(nn.Module):
    def __reduce__(self):
        return Counted, (7,)


def test_a_module_may_be_pickled_in_its_own_way():
    one, other = pickled(nn.Sequential(Counted(), Remade())).layers
    assert (one.times, repr(one)) == (1, repr(Counted()))
    assert (type(other), other.times) == (Counted, 7)
    assert copy.copy(Counted(3)).times == 4


def test_a_shallow_copy_has_the_same_contents():
    network = nn.Sequential(Linked())
    twin = copy.copy(network)
    assert twin is not network
    assert twin[0] is network[0]


def test_a_module_may_copy_itself_in_its_own_way():
    class Single(nn.Module):
        def __deepcopy__(self, memo):
            return self

    class Marked(nn.Module):
        def __deepcopy__(self, memo):
            twin = super().__deepcopy__(memo)
            twin.mark = True
            return twin

    one, other = copy.deepcopy([nn.Sequential(single := Single()), Marked()])
    assert one[0] is single
    assert other.mark


class Named(nn.Parameter):
    """A parameter with attributes."""


def test_a_tensor_whose_attribute_leads_back_to_it():
    x = Named([1.0])
    x.owner = {"parameter": x}
    for twin in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert twin.owner["parameter"] is twin
        assert twin.requires_grad


def test_a_recorded_op_is_neither_copied_nor_pickled():
    y = ops.sigmoid(leaf(1.0))
    for twin_of in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(GraphError, match=r"^Sigmoid: a recorded op is a part of its graph"):
            twin_of(y.op)
    assert copy.copy(Cubed()).forward(2) == 8


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_layers_are_pickled(example):
    layer = example.make()
    twin = pickle.loads(pickle.dumps(layer))
    assert repr(twin) == repr(layer)
    assert twin.state_dict().keys() == layer.state_dict().keys()


# --- identity --------------------------------------------------------------------------------------------


def test_tensors_are_told_apart_by_identity():
    x, equal = leaf(1.0), leaf(1.0)
    assert len({x, equal, x}) == 2
    assert {x: "x"}.get(equal) is None


# --- reprs -----------------------------------------------------------------------------------------------


def test_reprs_are_short():
    images = Tensor(np.zeros((128, 28, 28, 3), "float32"))
    assert repr(images) == "Tensor([0., 0., 0., ..., 0., 0., 0.], shape (128, 28, 28, 3), float32)"
    assert repr(Tensor(np.zeros((1, 1, 2)))) == "Tensor([[[0., 0.]]], float64)"
    assert repr(Tensor(np.zeros((2, 0)))) == "Tensor([], shape (2, 0), float64)"
    assert repr((leaf(1.0, 2.0) * 3.0).op) == "<Mul of (2,), ()>"
    assert repr(Cubed()) == "<Cubed>"
    optimizers = [make([nn.Parameter(np.ones(1000))], **{"lr": 0.1} | options) for make, options in OPTIMIZERS]
    for each in [*(example.make() for example in EXAMPLES), *optimizers, optim.EMA(Linked())]:
        text = repr(each)
        assert " at 0x" not in text
        assert max(map(len, text.splitlines())) <= 140
