"""Recording and walking graphs: order, accumulation, staleness, release, pruning."""

import contextlib
import gc
import threading
import weakref

import numpy as np
import pytest
from graphs import Faulty, leaf

import rawgan_kernels as kernels
from rawgan import Op, Tensor, grad, nn, no_grad, ops, optim
from rawgan.autograd import is_recording
from rawgan.errors import DTypeError, GraphError, ShapeError

# --- the walk ------------------------------------------------------------------------------------------


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


def test_diamonds_add_up_each_op_once(monkeypatch):
    calls = []
    monkeypatch.setattr(Squared, "calls", calls)
    x = leaf(3.0)
    shared = Squared()(x)
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

    calls: list = []  # noqa: RUF012

    def forward(self, x):
        return x * x

    def backward(self, gy):
        self.calls.append(self)
        (x,) = self.inputs
        return (2 * x * gy,)


# --- backward() and .grad ------------------------------------------------------------------------------


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


# --- grad() --------------------------------------------------------------------------------------------


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


def test_grad_of_an_intermediate_result_goes_no_further(monkeypatch):
    monkeypatch.setattr(Squared, "calls", [])
    middle = Squared()(leaf(2.0))
    (g,) = grad(middle * 5, middle)
    assert g.item() == 5
    assert Squared.calls == []


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


# --- recording or not ----------------------------------------------------------------------------------


def test_no_grad_records_nothing_and_ends_with_its_block():
    x = leaf(2.0)
    with no_grad():
        y = x * x
        with pytest.raises(ZeroDivisionError), no_grad():
            raise ZeroDivisionError
        assert not is_recording()
    assert is_recording()
    assert y.op is None
    assert not y.requires_grad
    assert (x * x).requires_grad


def test_an_error_in_no_grad_switches_recording_on_again():
    with pytest.raises(ZeroDivisionError), no_grad():
        raise ZeroDivisionError
    assert is_recording()


def test_a_walk_that_fails_puts_recording_back():
    recorded = Faulty(lambda gy: ())(leaf(1.0))
    for create_graph in (False, True):
        with no_grad(), pytest.raises(ShapeError):
            recorded.backward(create_graph=create_graph)
        assert is_recording()


def test_gradients_can_be_taken_inside_no_grad():
    x = leaf(3.0)
    y = x * x
    with no_grad():
        (g,) = grad(y, x, create_graph=True)  # create_graph decides, not the block around
        assert g.requires_grad
        assert not is_recording()


def test_no_grad_holds_in_its_own_thread_alone():
    inside, outside, seen = threading.Event(), threading.Event(), []

    def other():
        inside.wait(5)
        seen.append((leaf(2.0) * 2).requires_grad)
        outside.set()

    thread = threading.Thread(target=other)
    thread.start()
    with no_grad():
        inside.set()
        assert outside.wait(5)
        assert not (leaf(2.0) * 2).requires_grad
    thread.join()
    assert seen == [True]


def test_detach_shares_the_array_and_stops_the_gradient():
    x = leaf(2.0)
    y = x * x
    stopped = y.detach()
    assert stopped.data is y.data
    assert not stopped.requires_grad
    (g,) = grad(stopped * x, x)
    assert g.item() == 4


def test_what_requires_no_gradient_is_not_recorded():
    y = Tensor([1.0]) * Tensor([2.0])
    assert (y.op, y.requires_grad) == (None, False)


# --- released and stale graphs -------------------------------------------------------------------------


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


# --- what is computed: nothing that nobody wants -------------------------------------------------------


@pytest.fixture
def count(monkeypatch):
    """How often each kernel of the conv triple runs."""
    counts = {}

    def counting(name, kernel):
        def counted(*args):
            counts[name] = counts.get(name, 0) + 1
            return kernel(*args)

        return counted

    for name in ("conv2d", "conv2d_input_grad", "conv2d_weight_grad"):
        monkeypatch.setattr(kernels, name, counting(name, getattr(kernels, name)))
    return counts


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


# --- memory --------------------------------------------------------------------------------------------


@pytest.fixture
def no_collector():
    """With the cycle collector off, only what is in no cycle is freed."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def small_network(x, w, gamma):
    y = ops.tanh(ops.conv2d(x, w, padding=1))
    y = ops.batch_norm(y, gamma, gamma * 0, training=True)
    return ops.leaky_relu(ops.max_pool2d(y)), y


def test_the_arrays_of_a_graph_are_freed_by_the_walk(no_collector):
    x, w, gamma = (Tensor(np.random.default_rng(0).standard_normal(s), True) for s in [(2, 4, 4, 1), (3, 3, 1, 2), 2])
    y, middle = small_network(x, w, gamma)
    loss = y.mean()
    array = weakref.ref(middle.data)
    del y, middle
    assert array() is not None  # the graph needs it
    loss.backward()
    assert array() is None  # though `loss` is still here


def test_a_graph_that_is_never_walked_is_freed_with_its_result(no_collector):
    x, w, gamma = (Tensor(np.random.default_rng(0).standard_normal(s), True) for s in [(2, 4, 4, 1), (3, 3, 1, 2), 2])
    y, middle = small_network(x, w, gamma)
    refs = [weakref.ref(t) for t in (y, middle)] + [weakref.ref(middle.data)]
    del y, middle
    assert [ref() for ref in refs] == [None] * 3


def test_graphs_of_gradients_are_in_no_cycle(no_collector):
    x, w, gamma = (Tensor(np.random.default_rng(0).standard_normal(s), True) for s in [(2, 4, 4, 1), (3, 3, 1, 2), 2])
    y, middle = small_network(x, w, gamma)
    gs = grad(y.mean(), [x, w, gamma], create_graph=True)
    refs = [weakref.ref(t) for t in (y, middle, *gs)]
    grad(gs[0].sum(), w)
    del y, middle, gs
    assert [ref() for ref in refs] == [None] * len(refs)


def test_a_failed_walk_is_in_no_cycle(no_collector):
    x = leaf(1.0)
    y = Faulty(lambda gy: ())(x)
    ref = weakref.ref(y)
    with contextlib.suppress(ShapeError):
        y.backward()
    del y
    assert ref() is None


# --- dtypes, numbers, arrays ---------------------------------------------------------------------------

OPERATIONS = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "maximum": ops.maximum,
}


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
@pytest.mark.parametrize("number", [2, 0.1, True, np.float64(0.1), np.float32(0.1), np.int64(3)], ids=repr)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_take_the_tensors_dtype_on_either_side(operation, number, dtype):
    x = leaf(1.0, 3.0, dtype=dtype)
    value = np.array(float(number), dtype)
    for result, expected in (
        (operation(x, number), operation(x.detach(), Tensor(value))),
        (operation(number, x), operation(Tensor(value), x.detach())),
    ):
        assert result.dtype == dtype
        np.testing.assert_array_equal(result.data, expected.data)
        assert grad(result.sum(), x)[0].dtype == dtype


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_arrays_of_the_same_dtype_go_on_either_side(operation):
    x, array = leaf(1.0, 3.0, dtype="float32"), np.array([[2.0, 4.0], [5.0, 6.0]], "float32")
    for result, expected in (
        (operation(x, array), operation(x.data, array) if operation is not ops.maximum else np.maximum(x.data, array)),
        (operation(array, x), operation(array, x.data) if operation is not ops.maximum else np.maximum(x.data, array)),
    ):
        assert isinstance(result, Tensor)
        assert result.requires_grad
        np.testing.assert_array_equal(result.data, expected)


def test_numbers_alone_are_float32_unless_one_of_them_says_otherwise():
    assert ops.add(1, 2.5).dtype == np.float32
    assert ops.add(1, np.float64(2.5)).dtype == ops.add(np.float64(1), 2.5).dtype == np.float64


def test_matrix_products_and_powers_by_operator():
    a, b = np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]])
    assert (Tensor(a) @ b).data.tolist() == (a @ Tensor(b)).data.tolist() == [[11.0]]
    assert (Tensor(a) ** 2).data.tolist() == [[1.0, 4.0]]
    assert (-Tensor(a)).data.tolist() == [[-1.0, -2.0]]
    assert (leaf(2.0, dtype="float32") ** np.float64(0.5)).dtype == np.float32
    x = Tensor(np.arange(6.0).reshape(2, 3))
    assert x.max(axis=0).data.tolist() == [3, 4, 5]
    assert x.mean(1, keepdims=True).data.tolist() == [[1], [4]]
    assert x.T.data.tolist() == x.transpose().data.tolist() == x.data.T.tolist()
    assert x.transpose(1, 0).data.tolist() == x.transpose((1, 0)).data.tolist() == x.data.T.tolist()
    assert x.reshape(3, -1).shape == x.reshape((3, 2)).shape == (3, 2)
    assert x.sum(axis=np.int64(1)).data.tolist() == [3, 12]


def test_the_zeroth_power_is_a_constant_at_zero_too():
    x = leaf(0.0, 2.0)
    y = x**0
    (g,) = grad(y.sum(), x, unconnected="zero")
    assert (y.data.tolist(), g.data.tolist()) == ([1, 1], [0, 0])  # 0 · 0⁻¹ is not a number


def test_the_largest_of_what_is_not_a_number_is_not_a_number():
    x, y = leaf(1.0, np.nan, 3.0), Tensor(np.array([2.0, 2.0, np.nan]))
    np.testing.assert_array_equal(ops.maximum(x, y).data, [2, np.nan, np.nan])
    largest = ops.max(x)
    assert np.isnan(largest.item())
    largest.backward()  # without a warning that something was divided by zero


def test_dtypes_are_not_mixed_in_silence():
    single, double = leaf(1.0, dtype="float32"), leaf(1.0)
    for mixed in (
        lambda: single + double,
        lambda: double * np.ones(1, "float32"),
        lambda: np.ones(1) - single,
        lambda: ops.concatenate([single, double]),
        lambda: ops.matmul(single.reshape(1, 1), double.reshape(1, 1)),
        lambda: ops.bce_with_logits(single, double),
    ):
        with pytest.raises(DTypeError, match="the inputs are of two dtypes"):
            mixed()
    (single.astype("float64") + double).backward()
    assert (single.grad.dtype, double.grad.dtype) == (np.float32, np.float64)


# --- the Tensor itself ---------------------------------------------------------------------------------


def test_arrays_are_shared_and_numbers_become_float32():
    array = np.zeros(3)
    x = Tensor(array)
    x[1] = 5.0
    assert array.tolist() == [0, 5, 0]
    assert x.numpy() is array
    assert (x.shape, x.ndim, x.size, x.dtype, x.device, len(x)) == ((3,), 1, 3, np.float64, "cpu", 3)
    assert Tensor([[1, 2], [3, 4]]).dtype == Tensor(3).dtype == Tensor(True).dtype == np.float32
    assert Tensor(np.float64(2)).shape == ()
    assert Tensor(2.5).item() == 2.5


def test_tensors_are_iterated_by_rows():
    x = leaf(1.0, 2.0)
    first, second = x
    assert (first.item(), second.item()) == (1, 2)
    assert grad(second, x)[0].data.tolist() == [0, 1]
    assert [row.shape for row in Tensor(np.zeros((3, 2)))] == [(2,)] * 3


def test_to_the_same_device_changes_nothing():
    x = leaf(1.0)
    y = (x * 2).to("cpu")
    y.backward()
    assert x.grad.item() == 2


def test_repr_says_what_it_is():
    assert repr(leaf(1.0)) == "Tensor([1.], float64, requires_grad=True)"
    assert repr(Tensor(np.zeros((100, 100)))).count("...") > 0


def test_abs_and_float():
    assert abs(leaf(-2.0)).item() == float(leaf(2.0)) == 2.0
