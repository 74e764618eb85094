"""Hooks: what they are told and may replace, that they end, and that without any nothing is other than before."""

import copy
import gc
import pickle
import threading
import traceback
import weakref

import numpy as np
import pytest

from rawgan import Op, Tensor, grad, nn, no_grad, ops
from rawgan.autograd import Observer, observing
from rawgan.errors import ArgumentError, DTypeError, ShapeError

KINDS = ["forward_pre", "forward", "full_backward_pre", "full_backward"]


class Weighted(nn.Module):
    """a · w + b² of two inputs."""

    def __init__(self):
        self.w = nn.Parameter([2.0, 3.0])

    def forward(self, a, b):
        return a * self.w + b * b


def register(module, kind, hook):
    return getattr(module, f"register_{kind}_hook")(hook)


def leaf(*numbers):
    return Tensor(np.array(numbers, "float32"), requires_grad=True)


def graph_of(y):
    names, pending = [], [y]
    while pending:
        x = pending.pop()
        if x.op is not None:
            names.append(x.op.name)
            pending += x.op.recorded_inputs
    return names


def test_hooks_are_told_all_that_passes():
    module, a, b, seen = Weighted(), leaf(1, 1), leaf(5, 7), []
    handles = [register(module, kind, lambda *given, kind=kind: seen.append((kind, *given[1:]))) for kind in KINDS]
    y = module(a, b)
    ga, gb, gw = grad(y, [a, b, module.w], Tensor(np.array([10, 100], "float32")))
    (_, inputs), (_, also, result), (_, gy), (_, gx, gy_again) = seen
    assert [kind for kind, *_ in seen] == KINDS
    np.testing.assert_array_equal([x.data for x in inputs], [a.data, b.data])
    np.testing.assert_array_equal([x.data for x in also], [a.data, b.data])
    np.testing.assert_array_equal(result.data, [27, 52])
    np.testing.assert_array_equal([gy[0].data, gy_again[0].data], [[10, 100]] * 2)
    np.testing.assert_array_equal([x.data for x in gx], [[20, 300], [100, 1400]])
    np.testing.assert_array_equal([ga.data, gb.data, gw.data], [[20, 300], [100, 1400], [10, 100]])
    for handle in handles:
        handle.remove()
        handle.remove()
    module(a, b).sum().backward()
    assert len(seen) == 4


def test_what_a_hook_returns_is_used_instead():
    module, a, b = Weighted(), leaf(1, 1), leaf(5, 7)
    with (
        module.register_forward_pre_hook(lambda module, inputs: (inputs[0] + 1, inputs[1])),
        module.register_forward_pre_hook(lambda module, inputs: (inputs[0] * 10, np.zeros(2, "float32"))),
        module.register_forward_hook(lambda module, inputs, result: result + inputs[0]),
        module.register_full_backward_pre_hook(lambda module, gy: 3 * gy[0]),
        module.register_full_backward_hook(lambda module, gx, gy: (gx[0] + 1000, gx[1])),
    ):
        y = module(a, b)
        np.testing.assert_array_equal(y.data, [60, 80])  # 20 · w + 20
        ga, gb = grad(y.sum(), [a, b], unconnected="zero")
    # The hook's own sum with its input, 1, lies outside of the module's walk back.
    np.testing.assert_array_equal(ga.data, [10 * (3 * 2 + 1000 + 3), 10 * (3 * 3 + 1000 + 3)])
    np.testing.assert_array_equal(gb.data, [0, 0])


def test_gradients_that_are_not_wanted_are_none_and_parameters_alone_are_reached():
    module, seen = Weighted(), []
    with module.register_full_backward_hook(lambda module, gx, gy: seen.append((gx, gy))):
        module(Tensor([1.0, 1.0]), leaf(5, 7)).sum().backward()
        module(Tensor([1.0, 1.0]), Tensor([1.0, 1.0])).sum().backward()
        with no_grad():
            module(leaf(1, 1), leaf(1, 1))
    (mixed, _), (none, gy) = seen
    assert mixed[0] is None
    np.testing.assert_array_equal(mixed[1].data, [10, 14])
    assert none == (None, None)
    np.testing.assert_array_equal(gy[0].data, [1, 1])


@pytest.mark.parametrize("kind", KINDS)
def test_a_hook_that_looks_on_changes_no_bit_of_any_derivative(kind):
    rng = np.random.default_rng(0)
    network = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1, rng=rng), nn.LeakyReLU(0.2), nn.BatchNorm(3), nn.SiLU())
    x = Tensor(rng.standard_normal((2, 4, 4, 2)), requires_grad=True)
    network.to(dtype="float64")

    def derivatives():
        y = network(x)
        (gx,) = grad(y, [x], Tensor(np.cos(np.arange(y.size).reshape(y.shape))), create_graph=True)
        return [y, gx, *grad((gx * gx).sum(), [x, *network.parameters()], unconnected="zero")]

    plain, calls = derivatives(), []
    for _, module in network.modules():
        register(module, kind, lambda *given: calls.append(given))
    for before, after in zip(plain, derivatives(), strict=True):
        np.testing.assert_array_equal(before.data, after.data)
    assert len({id(given[0]) for given in calls}) == 5  # the activation is not hidden in the convolution


def test_a_module_without_hooks_is_as_it_was():
    layer = nn.Tanh()
    before = dict(vars(layer))
    handle = layer.register_full_backward_hook(lambda *given: None)
    assert graph_of(layer(leaf(1))) == ["PassGradient", "Tanh", "PassGradient"]
    handle.remove()
    assert vars(layer) == before
    assert graph_of(layer(leaf(1))) == ["Tanh"]


def test_a_hook_ends_with_its_block_also_by_an_error():
    layer, calls = nn.Tanh(), []
    with pytest.raises(ZeroDivisionError), layer.register_forward_hook(lambda *given: 1 / 0):
        layer(leaf(1))
    kept = layer.register_forward_hook(lambda *given: calls.append(given))
    layer(leaf(1))
    assert len(calls) == 1
    kept.remove()


def test_copies_have_no_hooks():
    layer = nn.Linear(2, 1, rng=np.random.default_rng(0))
    layer.register_forward_hook(lambda module, inputs, result: 0 * result)
    x = np.ones((1, 2), "float32")
    for twin in (copy.deepcopy(layer), copy.copy(layer), pickle.loads(pickle.dumps(layer))):
        np.testing.assert_array_equal(twin(x).data, x @ layer.w.data)
    np.testing.assert_array_equal(layer(x).data, [[0]])
    assert list(layer.state_dict()) == ["w", "b"]


def test_observers_see_what_hooks_have_replaced():
    seen = []

    class Inputs(Observer):
        def before_layer(self, layer, inputs, options):
            seen.append(inputs[0].data.tolist())

    layer = nn.Tanh()
    with observing(Inputs()), layer.register_forward_pre_hook(lambda module, inputs: 0 * inputs[0]):
        layer(leaf(1))
    assert seen == [[0.0]]


def test_the_layer_inside_a_spectral_norm_has_its_hooks_called():
    rng = np.random.default_rng(0)
    layer = nn.SpectralNorm(nn.Linear(2, 2, rng=rng), rng=rng)
    sequence, x = nn.Sequential(layer, nn.ReLU()), np.ones((1, 2), "float32")
    with layer.layer.register_forward_hook(lambda module, inputs, result: result * 0 - 1):
        np.testing.assert_array_equal(layer(x).data, [[-1, -1]])
        np.testing.assert_array_equal(sequence(x).data, [[0, 0]])


@pytest.mark.parametrize(
    ("kind", "returned", "message"),
    [
        ("forward", np.zeros(2), r"^a forward hook of Tanh\(\) must return None or a Tensor, not ndarray \(2,\)"),
        ("full_backward_pre", (), r"given \(2,\)   returned no gradient"),
        ("full_backward", Tensor([1.0]), r"full_backward hook of Tanh\(\) must .*\n  given \(2,\)   returned \(1,\)"),
        ("full_backward", (None,), r"given \(2,\)   returned None"),
        ("full_backward", np.zeros(2), r"given \(2,\)   returned ndarray"),
    ],
)
def test_a_hook_that_returns_what_does_not_fit(kind, returned, message):
    layer = nn.Tanh()
    with register(layer, kind, lambda *given: returned), pytest.raises(ArgumentError, match=message):
        layer(leaf(1, 1)).sum().backward()


def test_inputs_of_a_hook_that_are_none():
    layer = nn.Tanh()
    with layer.register_forward_pre_hook(lambda *given: "text"), pytest.raises(DTypeError) as raised:
        layer(leaf(1))
    assert raised.value.__notes__ == ["in the inputs that a forward_pre hook of Tanh() returned"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_in_a_hook_says_where_it_was(kind):
    def broken(*given):
        raise ShapeError("broken")

    network = nn.Sequential(nn.Tanh(), nn.Linear(2, 1, rng=np.random.default_rng(0)))
    register(network[1], kind, broken)
    with pytest.raises(ShapeError) as raised:
        network(leaf(1, 1)[None]).sum().backward()
    assert f"\nin a {kind} hook of Linear(2 → 1)\n" in "".join(traceback.format_exception(raised.value))


def test_hooks_that_cannot_be():
    with pytest.raises(ArgumentError, match=r"^Tanh.register_forward_hook: a function is needed, not 3"):
        nn.Tanh().register_forward_hook(3)

    class Two(nn.Module):
        def forward(self, x):
            return x, x

    module = Two()
    module.register_full_backward_hook(lambda *given: None)
    with pytest.raises(ArgumentError, match="Two: a backward hook needs a module whose result is a Tensor"):
        module(leaf(1))


def test_a_hook_of_several_walks_is_called_in_each():
    layer, x, seen = nn.Tanh(), leaf(1), []
    layer.register_full_backward_hook(lambda module, gx, gy: seen.append(gy[0].data.tolist()))
    y = layer(x)
    for factor in (1.0, 2.0):
        grad(y * factor, [x], create_graph=True)
    assert seen == [[1.0], [2.0]]
    assert ops.sum(layer(x)).op is not None


def test_a_second_derivative_is_that_of_the_gradient_which_a_hook_returned():
    layer, x = nn.Tanh(), leaf(0.5)
    layer.register_full_backward_hook(lambda module, gx, gy: 3 * gx[0])
    (g,) = grad(layer(x), x, create_graph=True)
    t = np.tanh(0.5)
    assert g.item() == pytest.approx(3 * (1 - t**2), rel=1e-6)
    assert grad(g, x)[0].item() == pytest.approx(-6 * t * (1 - t**2), rel=1e-6)


def test_a_walk_that_ends_within_the_module_leaves_no_gradient_behind():
    layer, x, seen = nn.PReLU(), leaf(1.0), []
    layer.register_full_backward_pre_hook(lambda module, gy: seen.append(weakref.ref(gy[0]._array)))
    layer.register_full_backward_hook(lambda module, gx, gy: seen.append("left"))
    y = layer(x)
    for _ in range(3):
        grad(y * 2, layer.parameters(), retain_graph=True)
    gc.collect()
    assert [each() for each in seen] == [None] * 3
    y.backward()
    assert seen[-1] == "left"


class Twice(Op):
    """y = 2x; its backward calls what the test gives."""

    def __init__(self, meanwhile):
        self.meanwhile = meanwhile

    def forward(self, x):
        return 2 * x

    def backward(self, gy):
        self.meanwhile()
        return (2 * gy,)


def test_hooks_of_a_walk_within_a_walk_and_of_two_threads_are_told_their_own_gradients():
    class Doubled(nn.Module):
        def forward(self, x):
            return Twice(lambda: meanwhile[0]())(x)

    layer, x, seen = Doubled(), leaf(1), []
    layer.register_full_backward_hook(lambda module, gx, gy: seen.append((gx[0].item(), gy[0].item())))
    y = layer(x)

    def inner():
        meanwhile[0] = lambda: None
        grad(y * 10, x, create_graph=True)

    meanwhile = [inner]
    grad(y * 3, x, create_graph=True)
    assert seen == [(20, 10), (6, 3)]
    meanwhile[0] = threading.Barrier(2, timeout=10).wait
    threads = [threading.Thread(target=grad, args=(y * c, x), kwargs={"create_graph": True}) for c in (4, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen[2:]) == [(8, 4), (10, 5)]
