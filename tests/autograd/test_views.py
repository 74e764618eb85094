"""Views: an op declares that its result is one, and then a write to either is noticed by graphs of the other."""

import numpy as np
import pytest
from graphs import leaf

from rawgan import Op, Tensor, no_grad, ops
from rawgan.errors import GraphError
from rawgan.ops.registry import CASES
from rawgan.testing.functions.backward import leaves


def op_with(forward, **attributes):
    backward = lambda self, gy: tuple(None for _ in self.shapes)  # noqa: E731
    return type("Mine", (Op,), {"forward": forward, "backward": backward, **attributes})()


VIEWS = {
    "the input itself": lambda x: x,
    "some rows": lambda x: x[1:],
    "another shape": lambda x: x.reshape(-1),
    "another order": lambda x: x[::-1].T,
    "repetitions": lambda x: np.broadcast_to(x, (2, *x.shape)),
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("position", [0, 1])
def test_an_undeclared_view_is_refused(view, position):
    inputs = [Tensor(np.ones((3, 2))), Tensor(np.ones((4, 2)))]
    with pytest.raises(GraphError) as caught:
        op_with(lambda self, a, b: view((a, b)[position]))(*inputs)
    assert str(caught.value) == (
        f"Mine.forward returned a view of {'ab'[position]}, through which writes would go unnoticed\n"
        f"  say view_of = {position} in the class, or return a copy"
    )


def test_an_undeclared_view_of_a_part_of_another_array_is_refused():
    whole = np.ones((4, 2))
    with no_grad(), pytest.raises(GraphError, match=r"^Mine\.forward returned a view of x, through which"):
        op_with(lambda self, x: x[:1])(Tensor(whole[1:]))


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("position", [0, 1])
def test_a_declared_view_shares_the_memory_of_its_input(view, position):
    inputs = [leaf(1.0, 2.0), leaf(3.0, 4.0)]
    y = op_with(lambda self, *arrays: view(arrays[position]), view_of=position)(*inputs)
    assert y.shares_memory(inputs[position])
    assert not y.shares_memory(inputs[1 - position])
    z = (y * y).sum()
    inputs[position][...] = 7.0
    with pytest.raises(GraphError, match="was written to after the forward pass used it"):
        z.backward()


def test_a_reshape_that_had_to_copy_is_no_view():
    x = Tensor(np.arange(6.0).reshape(2, 3).T, requires_grad=True)
    y = x.reshape(6)
    assert not y.shares_memory(x)
    z = (y * y).sum()
    x[0, 0] = 9.0
    z.backward()
    assert x.grad.numpy().ravel().tolist() == [0, 6, 2, 8, 4, 10]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_op_declares_its_views(case):
    """Results share memory, as NumPy sees it, with just the inputs that they say they do."""
    xs = leaves(case.arrays())
    y = case.function(*xs)
    for x in xs:
        assert y.shares_memory(x) == np.may_share_memory(y.numpy(), x.numpy()) or not y.size


def test_indexing_a_number_out_is_no_view():
    x = leaf(1.0, 2.0)
    y = x[0]
    assert not y.shares_memory(x)
    z = y * y
    x[0] = 9.0
    z.backward()
    assert x.grad.numpy().tolist() == [2, 0]


def test_views_of_views_share_the_memory_of_the_first():
    x = Tensor(np.arange(24.0).reshape(2, 3, 4), requires_grad=True)
    y = ops.broadcast_to(x.transpose(2, 0, 1)[1:].reshape(3, 2, 3, 1), (3, 2, 3, 5))
    assert y.shares_memory(x.detach())
