"""Writes to what a graph was computed from: refused if the gradient would change, by whatever way they came."""

from itertools import product

import numpy as np
import pytest
from graphs import leaf

from rawgan import Op, Tensor, grad, nn, no_grad, ops, optim
from rawgan.errors import GraphError
from rawgan.ops.registry import CASES
from rawgan.testing.functions.backward import leaves

WRITTEN = "was written to after the forward pass used it"


def into_the_data(x):
    x.data[...] += 1.0


def into_the_numpy_array(x):
    x.numpy().reshape(-1)[-1:] += 1.0


def through_another_tensor(x):
    other = Tensor(x.data)
    other[...] = other.data + 1.0


def through_a_detached_part(x):
    x.detach().reshape(-1)[-1:][...] = 7.0


def by_index(x):
    x[...] = 7.0


def by_sorting(x):
    x.data.reshape(-1)[::-1].sort()
    x.data.reshape(-1)[:1] += 1e-3


BEHIND_THE_BACK = [
    into_the_data,
    into_the_numpy_array,
    through_another_tensor,
    through_a_detached_part,
    by_index,
    by_sorting,
]


@pytest.mark.parametrize("handed", [False, True], ids=["own", "handed"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradients_are_those_of_the_forward_pass_or_refused(case, handed):
    """For each op, each of its inputs and each way of writing; arrays of one's own, and such as a Tensor hands out."""
    arrays, xs = case.arrays(), leaves(case.arrays())
    y = case.function(*xs)
    upstream = np.random.default_rng(1).standard_normal(y.shape)
    expected = [g.numpy() for g in _gradients(y, xs, upstream)]
    for index, write in product(range(len(arrays)), BEHIND_THE_BACK):
        if not arrays[index].size:
            continue
        xs = [Tensor(x.copy(), requires_grad=True) for x in arrays]
        if handed:  # memory that nobody has been given, until it is written to
            for x in xs:
                x.take_over(x.numpy())
        y = case.function(*xs)
        write(xs[index])
        try:
            found = _gradients(y, xs, upstream)
        except GraphError as error:
            if WRITTEN in str(error):
                continue
            raise
        for g, right in zip(found, expected, strict=True):
            np.testing.assert_array_equal(g.numpy(), right)


def _gradients(y, xs, upstream):
    return grad(y, xs, [Tensor(upstream)], unconnected="zero")


@pytest.mark.parametrize("write", BEHIND_THE_BACK)
def test_a_write_behind_the_back_is_refused(write):
    x = leaf(1.0, 2.0)
    y = (x * x).sum()
    write(x)
    with pytest.raises(GraphError, match=r"^Mul: [ab] \(2,\) was written to after the forward pass used it"):
        y.backward()
    assert x.grad is None


@pytest.mark.parametrize("write", BEHIND_THE_BACK)
def test_a_write_between_two_walks_is_refused(write):
    x = leaf(1.0, 2.0)
    (slope,) = grad((x * x * x).sum(), x, create_graph=True)
    write(x)
    with pytest.raises(GraphError, match=WRITTEN):
        grad(slope.sum(), x)


def test_a_write_to_the_array_that_a_tensor_was_made_from():
    a = np.array([1.0, 2.0])
    x = Tensor(a, requires_grad=True)
    y = (x * x).sum()
    a[1] = 5.0
    with pytest.raises(GraphError, match=WRITTEN):
        y.backward()


def test_a_write_to_an_array_that_only_took_part():
    weights = np.array([1.0, 2.0])
    x = leaf(3.0, 4.0)
    y = (x * weights).sum()
    weights[0] = 9.0
    with pytest.raises(GraphError, match=WRITTEN):
        y.backward()


def test_a_write_to_targets():
    targets = np.array([0.0, 1.0])
    x = leaf(3.0, 4.0)
    y = ops.bce_with_logits(x, targets)
    targets[:] = targets[::-1].copy()
    with pytest.raises(GraphError, match=WRITTEN):
        y.backward()


def test_two_inputs_cut_out_of_one_array():
    a = np.array([1.0, 2.0, 3.0, 4.0])
    left, right = Tensor(a[:3], requires_grad=True), Tensor(a[2:], requires_grad=True)
    y = (right * right).sum()
    left[2] = 7.0  # the first number of the right one
    with pytest.raises(GraphError, match=WRITTEN):
        y.backward()
    y = (right * right).sum()
    left[0] = 7.0  # not a number of the right one
    y.backward()
    assert right.grad.numpy().tolist() == [14, 8]


def test_a_write_to_another_part_is_no_fault():
    a = np.arange(6.0)
    x = Tensor(a, requires_grad=True)
    y = (x[:3] * x[:3]).sum()
    a[4] = 9.0
    x[5] = 9.0
    x.data[3] = 9.0
    y.backward()
    assert x.grad.numpy().tolist() == [0, 2, 4, 0, 0, 0]
    y = (x[:3] * x[:3]).sum()
    x[2] = 9.0
    with pytest.raises(GraphError, match=WRITTEN):
        y.backward()


@pytest.mark.parametrize(
    "cut",
    [lambda x: x[::2, ::-1], lambda x: x.T[1:], lambda x: x[:, 1], lambda x: x[1:].T[None, :-1]],
    ids=["steps", "transposed", "column", "several"],
)
@pytest.mark.parametrize(
    "layout",
    [np.copy, np.asfortranarray, lambda a: a[::-1].copy()[::-1], lambda a: np.repeat(a, 2, 1)[:, ::2]],
    ids=["rows", "columns", "reversed", "gaps"],
)
def test_exactly_the_numbers_of_a_part_count(cut, layout):
    """Each number is written to in turn: refused if it is one of the part. Arrays with gaps are compared as a whole."""
    places = np.arange(12.0).reshape(3, 4)
    has_gaps = not (layout(places).flags.forc or layout(places)[::-1].flags.forc)
    counting = places if has_gaps else cut(places)
    for number in range(12):
        x = Tensor(layout(places), requires_grad=True)
        part = cut(x)
        y = (part * part).sum()
        x[number // 4, number % 4] = -1.0
        if number in counting:
            with pytest.raises(GraphError, match=WRITTEN):
                y.backward()
        else:
            y.backward()


def test_a_view_belongs_to_the_input_that_it_lies_in():
    class First(Op):
        view_of = 0

        def forward(self, x, other):
            return x[:2]

        def backward(self, gy):
            return ops.pad(gy, ((0, 1),)), None

    a = np.arange(6.0)
    for x, other in [(a[:3], a[2:]), (a[3:], a[:4])]:
        x, other = Tensor(x, requires_grad=True), Tensor(other)
        part = First()(x, other)
        assert part.shares_memory(x)
        y = (part * part).sum()
        other[-1 if x.numpy()[0] == 0 else 0] = 9.0  # nothing of the part
        y.backward()
        y = (First()(x, other) * 1.0).sum() * 0 + (part.detach() * x[:2]).sum()
        x[0] = 7.0
        with pytest.raises(GraphError, match=WRITTEN):
            y.backward()


def test_the_same_numbers_written_again_are_no_fault():
    x = leaf(1.0, np.nan)
    y = (x * x).sum()
    x.data[...] = x.data.copy()
    x[0] = 1.0
    y.backward()
    assert x.grad.numpy()[0] == 2


def test_a_write_to_what_backward_does_not_use_is_no_fault():
    w, x = leaf(2.0), Tensor(np.array([3.0]))
    y = w * x  # the gradient of w needs x alone
    w[0] = 5.0
    y.backward()
    assert w.grad.item() == 3
    layer = nn.Linear(2, 1, rng=np.random.default_rng(0))
    y = layer(np.ones((4, 2), "float32")).sum()  # images want no gradient, for which w would be needed
    optim.SGD(layer.parameters(), lr=0.1).step([Tensor(np.ones_like(p.data)) for p in layer.parameters()])
    y.backward()
    assert layer.w.grad.numpy().ravel().tolist() == [4, 4]


def test_the_shape_of_what_was_written_to_may_be_used():
    class Spread(Op):
        def forward(self, x):
            return x.sum()

        def backward(self, gy):
            (x,) = self.inputs
            assert (x.shape, x.ndim, x.size, x.dtype, x.device) == ((2,), 1, 2, np.float64, "cpu")
            return (ops.broadcast_to(gy, x.shape),)

    x = leaf(1.0, 2.0)
    y = Spread()(x)
    x[0] = 9.0
    y.backward()
    assert x.grad.numpy().tolist() == [1, 1]


def test_an_array_put_in_place_leaves_parts_of_the_old_one_alone():
    w = leaf(1.0, 2.0)
    y = (w.reshape(2, 1) * w.reshape(2, 1)).sum()  # by views of the old array, which still holds what it did
    w.data = np.array([9.0, 9.0])
    y.backward()
    assert w.grad.numpy().tolist() == [2, 4]


def test_another_array_in_the_place_of_one_that_nobody_held():
    w = nn.Parameter([1.0, 2.0])
    y = (w * w).sum()
    w.data = np.array([9.0, 9.0], "float32")
    with pytest.raises(GraphError, match=WRITTEN):
        y.backward()


def test_results_cannot_be_given_another_array():
    x = leaf(1.0)
    y = x * 2
    with pytest.raises(GraphError, match=r"^Mul: its result cannot be written to, only leaves can;"):
        y.data = np.array([7.0])
    z = y * y
    with pytest.raises(GraphError, match="its result cannot be written to"):
        y.data += 1.0
    with pytest.raises(GraphError, match=WRITTEN):  # NumPy had added before the Tensor was asked
        z.backward()


def test_a_result_that_its_op_needs_again():
    x = leaf(1.0)
    y = ops.tanh(x)
    y.numpy()[0] = 0.0
    with pytest.raises(GraphError, match=r"^Tanh: its result \(1,\) was written to"):
        y.backward()


def test_an_upstream_gradient_of_a_recorded_walk():
    """The gradient's graph depends on it."""
    v, x = np.array([1.0]), leaf(3.0)
    (slope,) = grad(x * x, x, Tensor(v), create_graph=True)
    v[0] = 2.0
    with pytest.raises(GraphError, match=WRITTEN):
        grad(slope, x)


def test_a_write_that_was_noticed_once_is_noticed_for_later_graphs_too():
    a = np.array([1.0])
    x = Tensor(a, requires_grad=True)
    early = x * x
    a[0] = 2.0
    late = x * x
    with pytest.raises(GraphError, match=WRITTEN):
        early.backward()
    late.backward()
    assert x.grad.item() == 4


def test_weights_keep_their_copies_to_themselves():
    """Nobody holds a layer's arrays, so nothing is copied in training."""
    layer = nn.Linear(2, 1, rng=np.random.default_rng(0))
    adam = optim.Adam(layer.parameters())
    loss = layer(np.ones((4, 2), "float32")).sum()
    adam.step(grad(loss, adam.parameters))
    layer.load_state_dict(layer.state_dict())
    assert not any(p.memory.exposed for p in layer.parameters())


def test_samples_are_not_copied():
    """Nothing is recorded under no_grad, so an array handed out there needs no copy."""
    with no_grad():
        y = leaf(1.0) * 2
        y.numpy()[0] = 5.0
    assert y.memory.contents is None


def test_copies_go_with_the_graph():
    x = Tensor(np.array([1.0]), requires_grad=True)
    y = x * x
    op = y.op
    y.backward()
    assert op._saved is None
