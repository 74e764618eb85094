"""Graphs that were released, or whose Tensors were written to, are refused."""

import numpy as np
import pytest
from graphs import leaf

from rawgan import Tensor, grad, nn, no_grad, ops, optim
from rawgan.errors import GraphError


def test_a_graph_is_released_when_walked():
    x = leaf(2.0)
    y = x * x
    y.backward()
    with pytest.raises(GraphError, match="this graph was walked before and its arrays are released"):
        y.backward()
    assert x.grad.item() == 4


def test_a_graph_walked_with_create_graph_can_be_walked_again():
    x = leaf(2.0)
    y = x * x
    assert [grad(y, x, create_graph=True)[0].item() for _ in range(2)] == [4, 4]
    y.backward()
    assert x.grad.item() == 4


def test_a_part_of_a_released_graph_says_so():
    x = leaf(2.0)
    shared = x * x
    (shared * 3).backward()
    with pytest.raises(GraphError, match="released"):
        (shared * 4).backward()


def write_by_data(w):
    w.data += 1


def write_in_place(w):
    w.data[...] = w.data - 0.5


def write_by_index(w):
    w[0] = 7.0


def write_by_ellipsis(w):
    w[...] = Tensor(np.zeros(4))


def write_by_optimizer(w):
    optim.SGD([w], lr=0.1).step([Tensor(np.ones(4))])


def write_by_detached(w):
    w.detach()[1] = 7.0


def write_by_reshaped(w):
    w.detach().reshape(2, 2)[0, 0] = 7.0


def write_by_slice(w):
    w.detach()[1:][0] = 7.0


def write_by_transposed(w):
    w.detach().transpose()[0] = 7.0


def write_by_no_grad_view(w):
    with no_grad():
        w[2:][0] = 7.0


def write_by_the_same_device(w):
    w.to("cpu")[0] = 7.0


WRITES = [
    write_by_data,
    write_in_place,
    write_by_index,
    write_by_ellipsis,
    write_by_optimizer,
    write_by_detached,
    write_by_reshaped,
    write_by_slice,
    write_by_transposed,
    write_by_no_grad_view,
    write_by_the_same_device,
]


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize(
    "through", [lambda w: w, lambda w: w.reshape(2, 2), lambda w: w[None]], ids=["", "view", "new"]
)
def test_a_graph_whose_arrays_were_written_to_is_refused(write, through):
    w, x = leaf(1.0, 2.0, 3.0, 4.0), leaf(1.0, 1.0, 1.0, 1.0)
    y = (through(w) * through(x)).sum()
    write(w)
    with pytest.raises(GraphError, match=r"^Mul: a \(.*\) was written to after the forward pass used it"):
        y.backward()
    assert x.grad is None


def test_a_write_to_a_result_that_the_backward_needs_is_refused():
    x = leaf(1.0)
    y = ops.tanh(x)
    y.detach()[0] = 0.0
    with pytest.raises(GraphError, match=r"^Tanh: its result \(1,\) was written to"):
        y.backward()


def test_a_write_to_what_the_backward_does_not_need_is_fine():
    x, b = leaf(1.0), leaf(2.0)
    y = x * 3 + b
    b[0] = 5.0
    y.backward()
    assert (x.grad.item(), b.grad.item()) == (3, 1)


def test_a_write_before_the_forward_pass_is_fine():
    w = leaf(1.0)
    w[0] = 4.0
    (w * w).backward()
    assert w.grad.item() == 8


def test_results_cannot_be_written_to():
    x = leaf(1.0)
    with pytest.raises(
        GraphError, match=r"^Mul: its result cannot be written to, only leaves can; detach\(\) it first$"
    ):
        (x * x)[0] = 3.0


def test_a_training_step_that_reuses_an_old_forward_pass_is_refused():
    """The classic: the discriminator steps, then the generator uses the discriminator's old output."""
    rng = np.random.default_rng(0)
    d, g = nn.Linear(3, 1, rng=rng), nn.Linear(2, 3, rng=rng)
    fake = g(Tensor(np.ones((4, 2), "float32")))
    logits = d(fake)
    d_step = optim.SGD(d.parameters(), lr=0.1)
    d_step.step(grad(ops.bce_with_logits(d(fake.detach()), 0.0), d.parameters()))
    with pytest.raises(GraphError, match="take the gradient before the optimiser steps, or run the forward pass again"):
        grad(ops.bce_with_logits(logits, 1.0), g.parameters())
    grad(ops.bce_with_logits(d(fake), 1.0), g.parameters())
