"""Several walks at once over one graph: none of them leaves marks on it that would disturb another."""

import threading

import numpy as np
from graphs import leaf

from rawgan import Op, grad, ops


class Product(Op):
    """y = a · b; tells what is wanted, after it has called what the test gives."""

    def __init__(self, seen, meanwhile=lambda: None):
        self.seen, self.meanwhile = seen, meanwhile

    def forward(self, a, b):
        return a * b

    def backward(self, gy):
        self.meanwhile()
        self.seen.append(self.needs)
        a, b = self.inputs
        return gy * b if self.needs[0] else None, gy * a if self.needs[1] else None


def test_a_walk_within_a_walk_over_the_same_graph():
    """While the gradient of a is taken, another walk takes that of b, through the same op."""
    a, b, seen = leaf(2.0), leaf(5.0), []
    shared = Product(seen)(a, b)

    def inner():
        (gb,) = grad(shared * 1.0, b, create_graph=True)
        assert gb.item() == 2

    y = Product(seen, inner)(shared, leaf(3.0))
    (ga,) = grad(y, a, create_graph=True)
    assert ga.item() == 15
    assert seen == [(False, True), (True, False), (True, False)]


def test_a_walk_leaves_no_mark_on_the_graph():
    a, b = leaf(2.0, 3.0), leaf(5.0, 7.0)
    y = ops.softplus(ops.tanh(a * b).reshape(2, 1) + 1.0).sum()
    nodes, pending = [], [y.op]
    while pending:
        op = pending.pop()
        nodes.append(op)
        pending += [x.op for x in op.recorded_inputs if x.op is not None]
    before = [dict(vars(op)) for op in nodes]
    grad(y, a, create_graph=True)
    grad(y, [b, a], create_graph=True)
    assert [dict(vars(op)) for op in nodes] == before
    assert len(nodes) > 5


def test_walks_of_two_threads_over_one_graph():
    """Each waits for the other inside the walk, at an op that both pass."""
    a, b, seen, found = leaf(2.0), leaf(5.0), [], {}
    both = threading.Barrier(2, timeout=10)
    shared = Product(seen, both.wait)(a, b)
    y = shared * 3.0

    def walk(name, x):
        (g,) = grad(y, x, create_graph=True)
        found[name] = g.item()

    threads = [threading.Thread(target=walk, args=item) for item in (("a", a), ("b", b))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {"a": 15, "b": 6}
    assert sorted(seen) == [(False, True), (True, False)]


def test_outside_of_a_walk_an_op_needs_what_required_a_gradient():
    op = Product([])
    op(leaf(1.0), leaf(2.0).detach())
    assert op.needs == (True, False)
    np.testing.assert_array_equal(op.backward(leaf(10.0))[0].data, [20.0])
