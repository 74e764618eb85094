"""Optimisers against textbook formulas in plain NumPy, written down independently."""

from functools import partial

import numpy as np
import pytest

from rawgan import Tensor, nn, ops, optim
from rawgan.errors import ArgumentError, GraphError
from rawgan.optim import Optimizer
from rawgan.optim.registry import EXAMPLES, OPTIMIZERS

STEPS = 7

pytestmark = pytest.mark.usefixtures("each_backend")


def arrays(dtype="float64"):
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape).astype(dtype) for shape in [(3, 2), (4,), ()]]


def gradients(step, dtype="float64"):
    rng = np.random.default_rng(100 + step)
    return [rng.standard_normal(shape).astype(dtype) for shape in [(3, 2), (4,), ()]]


# --- the textbook ----------------------------------------------------------------------------------------


def sgd(w, g, t, s, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
    g = g + weight_decay * w
    v = s["v"] = momentum * s.get("v", 0) + g
    return w - lr * (g + momentum * v if nesterov else v)


def rmsprop(w, g, t, s, lr=1e-3, rho=0.99, eps=1e-8, weight_decay=0.0):
    g = g + weight_decay * w
    s["a"] = rho * s.get("a", 0) + (1 - rho) * g**2
    return w - lr * g / (np.sqrt(s["a"]) + eps)


def adagrad(w, g, t, s, lr=1e-2, lr_decay=0.0, weight_decay=0.0, eps=1e-10):
    g = g + weight_decay * w
    s["total"] = s.get("total", 0) + g**2
    return w - lr / (1 + (t - 1) * lr_decay) * g / (np.sqrt(s["total"]) + eps)


def adamw(w, g, t, s, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2, amsgrad=False):
    s["m"] = betas[0] * s.get("m", 0) + (1 - betas[0]) * g
    s["v"] = betas[1] * s.get("v", 0) + (1 - betas[1]) * g**2
    s["largest"] = np.maximum(s.get("largest", 0), s["v"])
    m_hat, v_hat = s["m"] / (1 - betas[0] ** t), s["largest" if amsgrad else "v"] / (1 - betas[1] ** t)
    return w - lr * (m_hat / (np.sqrt(v_hat) + eps) + weight_decay * w)


def adam(w, g, t, s, weight_decay=0.0, **options):
    return adamw(w, g + weight_decay * w, t, s, weight_decay=0.0, **options)


def lion(w, g, t, s, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0):
    m = s.get("m", 0)
    s["m"] = betas[1] * m + (1 - betas[1]) * g
    return w - lr * (np.sign(betas[0] * m + (1 - betas[0]) * g) + weight_decay * w)


FORMULAS = {"SGD": sgd, "RMSprop": rmsprop, "Adagrad": adagrad, "AdamW": adamw, "Adam": adam, "Lion": lion}


def test_every_optimizer_has_a_textbook_formula():
    assert FORMULAS.keys() == OPTIMIZERS.keys()


def label(example):
    cls, options = example
    return " ".join([cls.__name__, *(f"{name}={value}" for name, value in options.items())])


@pytest.fixture(params=EXAMPLES, ids=label)
def example(request):
    return request.param


@pytest.fixture
def make(example):
    """A function that makes an optimiser of some parameters."""
    cls, options = example
    return partial(cls, **options)


@pytest.fixture
def formula(example):
    """Its textbook formula, with the same options."""
    cls, options = example
    return partial(FORMULAS[cls.__name__], **options)


def test_steps_follow_the_textbook(make, formula):
    parameters = [Tensor(array, requires_grad=True) for array in arrays()]
    optimizer = make(parameters)
    expected, states = arrays(), [{} for _ in parameters]
    for t in range(1, STEPS + 1):
        optimizer.step([Tensor(g) for g in gradients(t)])
        expected = [formula(w, g, t, s) for w, g, s in zip(expected, gradients(t), states, strict=True)]
        for p, w in zip(parameters, expected, strict=True):
            np.testing.assert_allclose(p.data, w, rtol=1e-12, atol=1e-14)
    assert optimizer.steps == STEPS


def test_float32_stays_float32_and_gradients_are_not_written_to(make, formula):
    parameters = [Tensor(array, requires_grad=True) for array in arrays("float32")]
    optimizer = make(parameters)
    expected, states = arrays(), [{} for _ in parameters]
    for t in range(1, STEPS + 1):
        gs = gradients(t, "float32")
        for g in gs:
            g.flags.writeable = False
        optimizer.step([Tensor(g) for g in gs])
        expected = [formula(w, g, t, s) for w, g, s in zip(expected, gradients(t), states, strict=True)]
    for p, w in zip(parameters, expected, strict=True):
        assert p.dtype == np.float32
        np.testing.assert_allclose(p.data, w, rtol=1e-5, atol=1e-5)
    for moments in optimizer.state.values():
        assert [m.dtype for m in moments] == [np.float32] * 3


def test_parameters_are_updated_in_place_and_graphs_know(make):
    p = Tensor(np.array([1.0, 2.0]), requires_grad=True)
    array, view = p.data, p.detach()
    y = (p * p).sum()
    make([p]).step([Tensor(np.ones(2))])
    assert p.data is array
    np.testing.assert_array_equal(view.data, p.data)
    with pytest.raises(GraphError, match="was written to after the forward pass used it"):
        y.backward()
    own = nn.Parameter([1.0, 2.0])  # whose array nobody holds, so that its graph depends on being told
    y = (own * own).sum()
    make([own]).step([Tensor([1.0, 1.0])])
    with pytest.raises(GraphError, match="was written to after the forward pass used it"):
        y.backward()


def test_parameters_without_a_gradient_are_left_alone(make):
    used, unused = (Tensor(np.array([1.0, 2.0]), requires_grad=True) for _ in range(2))
    optimizer = make([unused, used])
    (used * 3).sum().backward()
    optimizer.step()
    assert unused.data.tolist() == [1, 2]
    assert (used.data != [1, 2]).all()
    for moments in optimizer.state.values():
        assert moments[0].tolist() == [0, 0]
    optimizer.step([Tensor(np.ones(2)), None])
    assert (unused.data != [1, 2]).all()


def test_step_takes_grads_and_zero_grad_forgets_them():
    p = Tensor(np.array([1.0]), requires_grad=True)
    optimizer = optim.SGD([p], lr=0.5)
    (p * 3).backward()
    optimizer.step()
    assert p.data.tolist() == [-0.5]
    assert p.grad.item() == 3  # a step does not clear it
    optimizer.zero_grad()
    assert p.grad is None
    optimizer.step([Tensor(np.array([1.0]))])
    assert p.data.tolist() == [-1.0]
    assert p.grad is None


def test_a_step_that_does_not_fit_changes_nothing():
    a, b = Tensor(np.array([1.0]), requires_grad=True), Tensor(np.array([1.0, 2.0]), requires_grad=True)
    optimizer = optim.Adam([a, b])
    with pytest.raises(ValueError, match="gradient 1 is unlike its parameter"):
        optimizer.step([Tensor(np.array([1.0])), Tensor(np.array([1.0]))])
    assert (a.data.tolist(), optimizer.steps) == ([1.0], 0)


def test_the_learning_rate_may_change_between_steps():
    p = Tensor(np.array([1.0]), requires_grad=True)
    optimizer = optim.SGD(iter([p]), lr=0.5)
    optimizer.lr = 0.25
    optimizer.step([Tensor(np.array([1.0]))])
    assert p.data.tolist() == [0.75]


def test_an_optimizer_without_update_says_so():
    class Lazy(Optimizer):
        pass

    with pytest.raises(NotImplementedError, match=r"^Lazy has no update$"):
        Lazy([Tensor([1.0], requires_grad=True)], lr=0.1).step([Tensor([1.0])])


def test_zero_is_a_legal_value_of_what_may_be_zero():
    p = [Tensor([1.0], requires_grad=True)]
    optim.RMSprop(p, rho=0.0)
    optim.AdamW(p, betas=(0.0, 0.0), weight_decay=0.0)
    with pytest.raises(ArgumentError):
        optim.SGD(p, lr=0.0)


def test_a_small_network_learns():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((64, 2)).astype("float32")
    target = (x[:, :1] * x[:, 1:] > 0).astype("float32")  # not linear
    network = nn.Sequential(nn.Linear(2, 16, rng=rng), nn.LeakyReLU(), nn.Linear(16, 1, rng=rng))
    optimizer = optim.Adam(network.parameters(), lr=0.02)
    for _ in range(200):
        ops.bce_with_logits(network(x), target).backward()
        optimizer.step()
        optimizer.zero_grad()
    assert ((network(x).data > 0) == (target > 0.5)).mean() > 0.95


def test_each_parameter_counts_its_own_steps():
    """One that had no gradient for a while takes its first step as if it were the first: Adam's is lr · sign(g)."""
    busy, late = nn.Parameter([1.0]), nn.Parameter([1.0])
    adam = optim.Adam([busy, late], lr=0.1)
    for _ in range(20):
        adam.step([Tensor([1.0]), None])
    assert late.item() == 1
    adam.step([Tensor([1.0]), Tensor([5.0])])
    assert late.item() == pytest.approx(0.9, abs=1e-6)
    assert adam.counts == [21, 1]
    assert adam.steps == 21


# --- arrays that must not be written to -----------------------------------------------------------------


def read_only(array):
    array.flags.writeable = False
    return array


def memory_map(folder, mode):
    np.save(folder / "w.npy", np.ones(4, "float32"))
    return np.load(folder / "w.npy", mmap_mode=mode)


def test_read_only_arrays_are_refused_when_the_optimiser_is_made(make, tmp_path):
    """Compiled kernels write through addresses: into a frozen array in silence, into a memory map until a SIGSEGV."""
    for array in (
        read_only(np.ones(4, "float32")),
        memory_map(tmp_path, "r"),
        np.frombuffer(bytes(16), "float32"),
        np.broadcast_to(np.float32(1), 4),
        read_only(np.ones((4, 2), "float32"))[:, 0],
    ):
        with pytest.raises(ArgumentError, match=r"parameter 1 \(4,\) is read-only, .*\n  give it an array of its own"):
            make([nn.Parameter([1.0]), Tensor(array, requires_grad=True)])


def test_arrays_that_became_read_only_are_refused_before_anything_is_written(make):
    first, second = nn.Parameter([1.0]), nn.Parameter([1.0, 2.0])
    optimizer = make([first, second])
    gradients = [Tensor([1.0]), Tensor([1.0, 1.0])]
    moments = [arrays[1] for arrays in optimizer.state.values()]
    for array, title in [(second.data, "parameter 1"), *((m, "of parameter 1") for m in moments)]:
        read_only(array)
        with pytest.raises(ArgumentError, match=rf"\.step: .*{title} \(2,\) is read-only"):
            optimizer.step(gradients)
        assert (first.data.tolist(), second.data.tolist(), optimizer.steps) == ([1], [1, 2], 0)
        optimizer.step([gradients[0], None])  # the others may be stepped
        optimizer.counts[0], first.data = 0, np.ones(1, "float32")
        array.flags.writeable = True
    second.data = read_only(np.ones(2, "float32"))
    with pytest.raises(ArgumentError, match="read-only"):
        optimizer.step(gradients)
    second.data = second.data.copy()  # the way out that the error names
    optimizer.step(gradients)
    assert (second.data < 1).all()


def test_a_memory_map_that_may_be_written_to_is_trained(tmp_path):
    for mode, left in (("r+", 0.5), ("c", 1.0)):
        w = Tensor(memory_map(tmp_path, mode), requires_grad=True)
        optim.SGD([w], lr=0.5).step([Tensor(np.ones(4, "float32"))])
        assert w.data.tolist() == [0.5] * 4
        assert np.load(tmp_path / "w.npy").tolist() == [left] * 4


def test_arrays_that_share_memory_are_refused(make):
    base = np.zeros(8, "float32")
    once = np.zeros(1, "float32")
    repeated = np.lib.stride_tricks.as_strided(once, (3,), (0,))
    windows = np.lib.stride_tricks.as_strided(base, (3, 2), (4, 4))
    for arrays, text in [
        ([base[:4], base[4:], base[3:5]], r"parameter 0 \(4,\) and parameter 2 \(2,\) share memory"),
        ([base, base[::-1]], r"parameter 0 \(8,\) and parameter 1 \(8,\) share memory"),
        ([once, repeated], r"parameter 1 \(3,\) repeats elements in memory"),
        ([windows], r"parameter 0 \(3, 2\) repeats elements in memory"),
    ]:
        with pytest.raises(ArgumentError, match=text):
            make([Tensor(array, requires_grad=True) for array in arrays])
    whole = base.reshape(2, 4)
    apart = [base[:0], base[0::2], base[1::2]]
    for arrays in (apart, [whole[:, :2], whole[:, 2:]], [whole.T[::-1]], [np.zeros((0, 3), "float32")]):
        make([Tensor(array, requires_grad=True) for array in arrays])
    p, q = nn.Parameter([1.0, 2.0]), nn.Parameter([1.0, 2.0])
    optimizer = make([p, q])
    q.data = p.data
    with pytest.raises(ArgumentError, match="share memory"):
        optimizer.step([Tensor([1.0, 1.0])] * 2)


def test_parameters_may_lie_anyhow_in_memory(make):
    """Transposed, strided, reversed: a step is that of a contiguous one, and the elements between stay as they are."""
    base = arrays()[0]
    for view in (lambda a: a.T, lambda a: a[::2], lambda a: a[::-1, ::-1], lambda a: a[:, 1]):
        strided, plain = base.copy(), view(base).copy()
        expected = base.copy()
        ours, theirs = (Tensor(array, requires_grad=True) for array in (view(strided), plain))
        for _ in range(2):
            make([ours]).step([Tensor(np.ones(ours.shape))])
            make([theirs]).step([Tensor(np.ones(theirs.shape))])
        view(expected)[...] = plain
        np.testing.assert_array_equal(strided, expected)


def test_moments_that_do_not_fit_are_refused(make):
    """A moment that is too short would have the compiled kernel write behind its end."""
    for moment in make([nn.Parameter([1.0])]).state:
        for wrong, text in [
            (np.zeros(1, "float32"), "has another shape"),
            (np.zeros(2), "was moved after the optimiser was made"),
            ([0.0, 0.0], "is list, not an array"),
        ]:
            p = nn.Parameter([1.0, 2.0])
            optimizer = make([p])
            optimizer.state[moment][0] = wrong
            with pytest.raises((TypeError, ValueError), match=text):
                optimizer.step([Tensor([1.0, 1.0])])
            assert p.data.tolist() == [1, 2]
        optimizer.state[moment] = []
        with pytest.raises(ArgumentError, match=rf"state\['{moment}'\] has 0 arrays for 1 parameters"):
            optimizer.step([Tensor([1.0, 1.0])])


def test_parameters_that_were_added_or_exchanged_need_another_optimiser():
    p, q = nn.Parameter([1.0]), nn.Parameter([1.0])
    optimizer = optim.Adam([p])
    optimizer.parameters.append(q)
    with pytest.raises(ArgumentError, match="1 then, 2 now\n  make a new optimiser"):
        optimizer.step([Tensor([1.0])] * 2)
    optimizer.parameters[:] = [q]
    with pytest.raises(ArgumentError, match="not those that it was made for"):
        optimizer.step([Tensor([1.0])])


def test_a_schedule_may_give_numbers_of_numpy_and_nothing_else():
    for rate in (np.float64(0.25), np.float32(0.25), np.int64(0)):
        p = nn.Parameter([1.0])
        optimizer = optim.SGD([p], lr=np.float64(0.5), momentum=np.float32(0.5))
        optimizer.lr = rate
        optimizer.step([Tensor([1.0])])
        assert p.data.tolist() == [1 - float(rate)]
        for wrong in ("a", float("nan"), -0.1, None, Tensor(0.1), np.array([0.1])):
            optimizer.lr = wrong
            with pytest.raises(ArgumentError, match=r"^SGD.step: lr must be"):
                optimizer.step([Tensor([1.0])])
        assert p.data.tolist() == [1 - float(rate)]


def test_numbers_of_numpy_give_the_bits_that_pythons_give():
    ps = [nn.Parameter([1.0, 0.3]) for _ in range(2)]
    for p, kind in zip(ps, (float, np.float64), strict=True):
        options = {"betas": (kind(0.9), kind(0.99)), "eps": kind(1e-7), "weight_decay": kind(0.1)}
        optim.AdamW([p], lr=kind(0.1), **options).step([Tensor([0.7, -0.3])])
    assert ps[0].data.tobytes() == ps[1].data.tobytes()
