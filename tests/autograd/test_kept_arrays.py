"""Arrays that an op keeps beside its inputs, such as indices: a write to one before the walk back is noticed."""

import numpy as np
import pytest
from graphs import leaf

from rawgan import Op, Tensor, grad, nn, ops
from rawgan.errors import GraphError

WRITTEN = r"^Picked: its attribute '{}' \({}\) was written to after the forward pass used it"


class Picked(Op):
    """y = x[indices], as an author might write it."""

    def __init__(self, indices):
        self.indices = indices

    def forward(self, x):
        return x[self.indices]

    def backward(self, gy):
        gx = np.zeros(self.shapes[0])
        np.add.at(gx, self.indices, gy.data)
        return (Tensor(gx),)


def test_a_write_to_an_index_array_is_refused():
    x, indices = leaf(1.0, 2.0, 3.0), np.array([0, 2])
    y = Picked(indices)(x).sum()
    indices[0] = 1
    with pytest.raises(GraphError, match=WRITTEN.format("indices", "2,")):
        y.backward()
    assert x.grad is None


def test_the_same_numbers_written_to_an_index_array_are_no_fault():
    x, indices = leaf(1.0, 2.0, 3.0), np.array([0, 2])
    y = Picked(indices)(x).sum()
    indices[:] = [0, 2]
    y.backward()
    assert x.grad.numpy().tolist() == [1, 0, 1]


def test_a_write_to_an_index_array_before_the_call_is_no_fault():
    x, indices = leaf(1.0, 2.0, 3.0), np.array([0, 2])
    op = Picked(indices)
    indices[0] = 1
    op(x).sum().backward()
    assert x.grad.numpy().tolist() == [0, 1, 1]


def test_an_index_array_of_a_released_graph_may_be_written_to():
    x, indices = leaf(1.0, 2.0, 3.0), np.array([0, 2])
    Picked(indices)(x).sum().backward()
    indices[0] = 1
    Picked(indices)(x).sum().backward()
    assert x.grad.numpy().tolist() == [1, 1, 2]


class Careless(Picked):
    """Keeps what it was given, or what it returns, as attributes of its own, instead of asking for self.inputs."""

    def __init__(self, keep):
        self.keep = keep

    def forward(self, x):
        y = x * x
        self.kept = {"input": x, "part": x[:1], "result": y, "view of the result": y[None], "own": 2 * x}[self.keep]
        return y

    def backward(self, gy):
        return (gy,)


@pytest.mark.parametrize("keep", ["input", "part", "result", "view of the result", "own"])
def test_a_write_to_what_is_kept_in_an_attribute_is_refused(keep):
    x = leaf(1.0, 2.0)
    y = Careless(keep)(x)
    written = x if keep in ("input", "part", "own") else y.detach()
    written[0] = 7.0
    if keep == "own":  # made by forward, so nobody else can write to it
        y.sum().backward()
    else:
        with pytest.raises(GraphError, match=r"^Careless: its attribute 'kept' .* was written to after the forward"):
            y.sum().backward()


def test_a_write_beside_the_part_that_is_kept_in_an_attribute_is_no_fault():
    x = leaf(1.0, 2.0)
    y = Careless("part")(x)
    x[1] = 7.0
    y.sum().backward()
    assert x.grad.numpy().tolist() == [1, 1]


def test_arrays_that_forward_makes_are_not_copied():
    """Batch norm keeps a mean and a variance, which nobody else holds."""
    y = nn.BatchNorm(2)(Tensor(np.ones((3, 2), "float32")))
    assert len(y.op.statistics) == 2
    assert not y.op._saved[-1]


def test_arrays_that_cannot_be_written_to_are_not_copied_again():
    """`where` and `take` have made such a copy of what they are called with."""
    y = ops.where(np.array([True, False]), leaf(1.0, 2.0), 0.0)
    assert y.op._saved[-1] == []
    given = np.array([0])
    y = ops.take(leaf(1.0, 2.0), given)
    (kept,) = y.op.indices
    assert y.op._saved[-1] is None  # a tuple, and no array, is among its attributes
    assert not kept.flags.writeable
    assert not np.shares_memory(kept, given)


def test_index_and_label_arrays_may_be_used_again():
    """Rawgan's own ops have copies of what they are called with."""
    indices, x = np.array([0, 2]), leaf(1.0, 2.0, 3.0)
    y = ops.take(x, indices).sum()
    indices[:] = 1
    y.backward()
    assert x.grad.numpy().tolist() == [1, 0, 1]
    labels, logits = np.array([0]), Tensor(np.zeros((1, 2)), requires_grad=True)
    y = ops.cross_entropy(logits, labels)
    labels[0] = 1
    y.backward()
    assert logits.grad.numpy().tolist() == [[-0.5, 0.5]]


def test_masks_may_be_used_again():
    x, mask = leaf(1.0, 2.0, 3.0), np.array([True, False, True])
    y = (x * mask).sum()
    mask[:] = True
    y.backward()
    assert x.grad.numpy().tolist() == [1, 0, 1]


def test_an_array_as_the_bound_of_a_slice_may_be_used_again():
    x, stop = leaf(1.0, 2.0, 3.0), np.array(2)
    y = x[:stop].sum()
    stop[...] = 1
    (g,) = grad(y, x)
    assert g.numpy().tolist() == [1, 1, 0]


def test_an_array_as_an_exponent_may_be_used_again():
    x, exponent = leaf(3.0), np.array(2.0)
    y = x**exponent
    exponent[...] = 3.0
    (g,) = grad(y, x)
    assert g.item() == 6


@pytest.mark.parametrize("create_graph", [False, True])
def test_weights_of_a_loss_are_noticed_as_tensors_are(create_graph):
    x, weight = leaf(1.0, 2.0), np.array([1.0, 3.0])
    y = ops.mse(x, 0.0, weight=weight)
    weight[0] = 5.0
    with pytest.raises(GraphError, match="was written to after the forward pass used it"):
        grad(y, x, create_graph=create_graph)
