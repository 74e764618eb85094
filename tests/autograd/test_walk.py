"""The walk back: order, accumulation, what is wanted and what is computed."""

import numpy as np
import pytest
from graphs import leaf

import rawgan_kernels as kernels
from rawgan import Op, Tensor, grad, nn, ops
from rawgan.errors import GraphError


def test_a_graph_deeper_than_the_stack():
    x = leaf(1.0)
    y = x
    for _ in range(20_000):
        y = y + x
    (g,) = grad(y, x)
    assert g.item() == 20_001
    y = x
    for _ in range(5_000):
        y = y * 1.0
    (g,) = grad(y, x, create_graph=True)
    assert g.item() == 1
    del y, g  # freeing it takes no recursion either


def test_diamonds_add_up_each_op_once():
    calls, x = [], leaf(3.0)
    shared = Squared(calls)(x)
    left, right = shared * 2, shared * shared
    y = left + right + shared  # 2x² + x⁴ + x²
    (g,) = grad(y, x)
    assert g.item() == 6 * 3 + 4 * 27
    assert len(calls) == 1  # its gradient was complete when it was asked


def test_deep_diamonds_take_linear_time():
    x = leaf(1.0)
    y = x
    for _ in range(60):
        y = y + y  # 2⁶⁰ paths
    (g,) = grad(y, x)
    assert g.item() == 2.0**60


def test_an_op_that_uses_one_tensor_twice():
    x = leaf(3.0)
    (g,) = grad(x * x, x)
    assert g.item() == 6


class Squared(Op):
    """y = x²; counts its backward calls."""

    def __init__(self, calls):
        self.calls = calls

    def forward(self, x):
        return x * x

    def backward(self, gy):
        self.calls.append(self)
        (x,) = self.inputs
        return (2 * x * gy,)


def test_backward_adds_to_the_grad_of_leaves_alone():
    x, w, fixed = leaf(2.0), leaf(3.0), Tensor(np.array([5.0]))
    middle = x * w
    (middle * fixed).sum().backward()
    assert (x.grad.item(), w.grad.item()) == (15, 10)
    assert middle.grad is None
    assert fixed.grad is None
    (x * 1).sum().backward()
    assert (x.grad.item(), w.grad.item()) == (16, 10)


def test_adding_to_grad_leaves_what_was_taken_from_it_alone():
    x = leaf(2.0)
    (x * 3).backward()
    before = x.grad
    (x * 3).backward()
    assert (before.item(), x.grad.item()) == (3, 6)


def test_grads_of_several_leaves_share_no_memory_with_each_other_or_the_argument():
    a, b, v = leaf(1.0, 2.0), leaf(3.0, 4.0), Tensor(np.array([1.0, 1.0]))
    (a + b).backward(v)
    a.grad[...] = 7.0
    np.testing.assert_array_equal(b.grad.data, [1, 1])
    np.testing.assert_array_equal(v.data, [1, 1])


def test_an_op_that_gives_two_inputs_one_gradient_does_not_tie_them():
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    ((a + b) * 2).sum().backward()
    a.grad[...] = 7.0
    np.testing.assert_array_equal(b.grad.data, [2, 2])


def test_the_gradient_of_a_sum_can_be_written_to():
    """It is one number, repeated: as a view of that number, its elements would be one."""
    x = leaf(1.0, 2.0)
    (x.sum() * 3).backward()
    x.grad[0] = 7.0
    np.testing.assert_array_equal(x.grad.data, [7, 3])


def test_backward_with_a_gradient():
    x = leaf(1.0, 2.0)
    (x * x).backward(Tensor(np.array([1.0, 10.0])))
    np.testing.assert_array_equal(x.grad.data, [2, 40])
    assert not x.grad.requires_grad


def test_backward_from_a_leaf():
    x = leaf(4.0)
    x.backward()
    assert x.grad.item() == 1


def test_backward_with_create_graph_leaves_grads_with_graphs():
    x = leaf(3.0)
    (x * x * x).backward(create_graph=True)
    (curvature,) = grad(x.grad, x)
    assert (x.grad.item(), curvature.item()) == (27, 18)
    x.grad = None  # x → grad → x is a cycle


def test_grad_touches_no_grad():
    x, w = leaf(2.0), leaf(3.0)
    kept = w.grad = Tensor(np.array([1.0]))
    gx, gw = grad(x * w, [x, w])
    assert (gx.item(), gw.item()) == (3, 2)
    assert x.grad is None
    assert w.grad is kept
    assert kept.item() == 1


def test_grad_of_intermediate_results():
    x = leaf(2.0)
    middle = x * x
    y = middle * middle
    gmiddle, gx, gy = grad(y, [middle, x, y])
    assert (gmiddle.item(), gx.item(), gy.item()) == (8, 32, 1)


def test_grad_of_an_intermediate_result_goes_no_further():
    calls = []
    middle = Squared(calls)(leaf(2.0))
    (g,) = grad(middle * 5, middle)
    assert g.item() == 5
    assert calls == []


def test_grad_of_several_outputs_is_the_sum():
    x = leaf(2.0)
    (g,) = grad([x * 3, x * x], x, [Tensor(np.array([10.0])), Tensor(np.array([1.0]))])
    assert g.item() == 34
    (g,) = grad([x * 3, x], x)
    assert g.item() == 4


def test_one_output_may_have_one_gradient_without_a_list():
    x = leaf(1.0, 2.0)
    (g,) = grad(x * x, x, Tensor(np.array([1.0, 10.0])))
    np.testing.assert_array_equal(g.data, [2, 40])


def test_gradients_of_gradients():
    x = leaf(2.0)
    y = x * x * x * x
    values = []
    for _ in range(4):
        (y,) = grad(y, x, create_graph=True)
        values.append(y.item())
    assert values == [32, 48, 48, 24]


def test_a_gradient_is_a_function_of_its_upstream_gradient():
    """Also where it is nothing but that: the gradients of a + b are copies of it, with its graph."""
    a, b, v = leaf(1.0), leaf(2.0), leaf(3.0)
    ga, gb = grad(a + b, [a, b], [v], create_graph=True)
    (gv,) = grad(ga * 5 + gb * 7, v)
    assert gv.item() == 12


def test_without_create_graph_gradients_have_no_graph():
    x = leaf(2.0)
    (g,) = grad(x * x * x, x)
    assert not g.requires_grad
    with pytest.raises(GraphError, match="the output has no graph"):
        grad(g, x)


def test_unconnected_inputs_are_an_error_or_zeros():
    x, other, fixed = leaf(2.0), leaf(1.0, 1.0), Tensor(np.array([1.0]))
    zero = grad(x * fixed, [other, x], unconnected="zero")
    np.testing.assert_array_equal(zero[0].data, [0, 0])
    assert zero[1].item() == 1
    with pytest.raises(GraphError, match="the outputs do not depend on it"):
        grad(x * fixed, other)
    with pytest.raises(GraphError, match="it does not require a gradient"):
        grad(x * fixed, fixed)


def test_a_flag_set_later_does_not_reach_into_the_past():
    """x required no gradient when x * 2 was computed, so that path is not in the graph, and half a gradient is none."""
    x, w = Tensor([1.0]), Tensor([3.0], requires_grad=True)
    z = ((x * 2) * w + x * w).sum()
    x.requires_grad = True
    with pytest.raises(GraphError, match=r"grad: inputs\[0\] \(1,\) has no gradient"):
        grad(z, x)


@pytest.fixture
def count():
    """Number of calls of each kernel of the conv triple."""
    counts = {}

    def look(name, args):
        if name.startswith("conv2d"):
            counts[name] = counts.get(name, 0) + 1

    with kernels.observe(look):
        yield counts


def networks():
    rng = np.random.default_rng(0)
    g = nn.Sequential(nn.ConvTranspose2d(2, 3, 3, rng=rng), nn.Tanh(), nn.ConvTranspose2d(3, 1, 3, rng=rng))
    d = nn.Sequential(nn.Conv2d(1, 3, 3, rng=rng), nn.LeakyReLU(), nn.Conv2d(3, 1, 3, rng=rng))
    return g, d


def test_the_generators_step_computes_no_weight_gradients_of_the_discriminator(count):
    g, d = networks()
    loss = d(g(np.ones((2, 2, 2, 2), "float32"))).mean()
    count.clear()
    grad(loss, g.parameters())
    # d: two input gradients. g: two weight gradients, and an input gradient (a conv2d) between its layers.
    assert count == {"conv2d_input_grad": 2, "conv2d_weight_grad": 2, "conv2d": 1}


def test_the_discriminators_step_computes_no_gradient_of_its_images(count):
    g, d = networks()
    loss = d(g(np.ones((2, 2, 2, 2), "float32")).detach()).mean()
    count.clear()
    loss.backward()
    assert count == {"conv2d_weight_grad": 2, "conv2d_input_grad": 1}
    assert all(p.grad is None for p in g.parameters())


def test_the_gradient_with_respect_to_images_computes_no_weight_gradients(count):
    _, d = networks()
    x = Tensor(np.ones((2, 6, 6, 1), "float32"), requires_grad=True)
    loss = d(x).mean()
    count.clear()
    grad(loss, x, create_graph=True)
    assert count == {"conv2d_input_grad": 2}


def test_the_second_derivative_of_leaky_relu_asks_for_what_is_wanted():
    x = leaf(1.0, -2.0)
    (g,) = grad((ops.leaky_relu(x, 0.5) * x).sum(), x, create_graph=True)
    (gg,) = grad(g.sum(), x)
    np.testing.assert_array_equal(gg.data, [2, 1])


def test_needs_tells_an_op_what_is_wanted():
    seen = []

    class Watching(Op):
        def forward(self, a, b):
            return a + b

        def backward(self, gy):
            seen.append(self.needs)
            return gy, gy

    a, b, fixed = leaf(1.0), leaf(1.0), Tensor(np.array([1.0]))
    grad(Watching()(a, b), a)
    grad(Watching()(a, b), b)
    grad(Watching()(a, b), [a, b])
    Watching()(fixed, b).backward()
    assert seen == [(True, False), (False, True), (True, True), (False, True)]
    assert fixed.grad is None  # though it was given one
