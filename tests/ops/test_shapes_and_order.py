"""Ops of shapes, indices, order and contractions: NumPy's functions of the same names agree with them."""

from itertools import product

import numpy as np
import pytest

from rawgan import Tensor, grad, ops
from rawgan.ops.einsum import _read

X = np.random.default_rng(0).standard_normal((2, 3, 4))

CALLS = """
squeeze(x[:1, :, :1])
squeeze(x[:, :, :1], -1)
expand_dims(x, (0, -1))
swapaxes(x, 0, -1)
moveaxis(x, (0, 2), (-1, 0))
flip(x)
flip(x, (0, -1))
roll(x, -5)
roll(x, (1, -5), (0, 2))
roll(x, 2, (1, 0))
roll(x[:0], 1, 0)
roll(x, 1, ())
stack([x, -x], -2)
stack([x[0, 0, 0], x[0, 0, 1]])
split(x, 2, -1)
split(x, [1, -1, 9], 2)
split(x[:0], 3)
tile(x, (2, 1))
tile(x, (2, 1, 1, 0))
repeat(x, 2)
repeat(x, [2, 0, 1], 1)
cumsum(x)
cumsum(x, -1)
cumprod(x, -1)
cumprod(x[:0], 0)
prod(x, (0, 2))
prod(x, 1, keepdims=True)
prod(x[:0], 0)
diag(x[0, 0], -2)
diag(x[0], 2)
diag(x[0], -7)
diagonal(x, 1, 2, 0)
diagonal(x, 9, 2, 0)
diagonal(x, -3, 2, 0)
trace(x, -1, 1, 2)
trace(x, 3, 0, 2)
tril(x, -1)
tril(x, -3)
triu(x, 1)
triu(x, 3)
sort(x, 0)
sort(x[:, :0], 1)
argsort(x)
argmax(x)
argmax(x, 1, keepdims=True)
argmin(x, -1)
take(x, [[-1, 0]], 1)
take(x, [5, -5, 5], None)
take(x, [], 0)
einsum("ba", x[0])
einsum("abc->cab", x)
einsum("abc,abc", x, x)
einsum("abc,dbe->cade", x, x)
einsum("...b,...c->...bc", x, x[:, :1])
einsum("a...,ab", x, x[0, :2])
einsum("ab,bc,cd,d->a", x[0], x[0].T, x[0], x[0, 0])
einsum("abc,abd,abe->", x, x, x)
einsum("aabb->b", x[:, :2].reshape(2, 2, 2, 2))
einsum("ij,kj->ik", x[0], x[0, :, :1])
einsum("i,j->ij", x[0, 0, :0], x[0, 0])
""".strip().split("\n")


@pytest.mark.parametrize("call", CALLS)
def test_values_are_numpys(call):
    expected = eval(f"np.{call}", {"np": np, "x": X})
    found = eval(f"ops.{call}", {"ops": ops, "x": Tensor(X)})
    pairs = zip(found, expected, strict=True) if isinstance(expected, list) else [(found, expected)]
    for ours, theirs in pairs:
        array = ours.numpy() if isinstance(ours, Tensor) else ours
        assert array.shape == theirs.shape
        np.testing.assert_allclose(array, theirs, atol=1e-12)


MASK = X[0] > 0
INDICES = [
    np.s_[[1, 0, 1]],
    np.s_[..., [0, -1, 0], 1:],
    np.s_[:, [[2], [0]], [1, 1]],
    np.s_[[0, 1], :, [3, -1]],
    np.s_[[1], :, 2],
    np.s_[:, [0, 1, 1], None, [3, -1, 2]],
    np.s_[None, 1, [[0, 2]], None],
    np.s_[:, MASK],
    np.s_[[True, False], ..., ::2],
    np.s_[:, MASK.any(1), 1:],
    np.s_[X > 9],
    np.s_[True],
    np.s_[False, 0],
    np.s_[[]],
    np.s_[:, np.zeros((2, 0), int)],
    np.s_[np.uint8(1), np.array(2), [0, 0]],
]


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_indices_are_numpys_and_gradients_of_one_element_add_up(index):
    x = Tensor(X, requires_grad=True)
    y = x[index]
    np.testing.assert_array_equal(y.numpy(), X[index])
    upstream = np.random.default_rng(1).standard_normal(y.shape)
    expected = np.zeros_like(X)
    np.add.at(expected, index, upstream)
    (gx,) = grad(y, [x], [Tensor(upstream)], unconnected="zero")
    np.testing.assert_allclose(gx.numpy(), expected, atol=1e-12)


def test_indices_are_those_at_the_time_of_the_call():
    x, rows, mask = Tensor(X, requires_grad=True), np.array([0, 1]), np.array([True, False])
    y = ops.sum(x[rows] * 2) + ops.sum(x[mask]) + ops.sum(ops.gather(x, rows[:, None, None], 0))
    rows[:], mask[:] = 0, False
    (gx,) = grad(y, [x])
    np.testing.assert_array_equal(gx.numpy()[:, 0, 0], [4, 3])


def test_many_rows_are_added_block_by_block():
    numbers = np.random.default_rng(0).integers(0, 7, 70_000)
    x = Tensor(np.zeros((7, 2)), requires_grad=True)
    (gx,) = grad(ops.sum(ops.take(x, numbers)), [x])
    np.testing.assert_array_equal(gx.numpy()[:, 1], np.bincount(numbers))


def test_gather_takes_other_numbers_in_each_row():
    numbers = np.array([[[0, 1, -1, 2]], [[2, 0, 1, 1]]])
    np.testing.assert_array_equal(ops.gather(Tensor(X), numbers, 1).numpy(), np.take_along_axis(X, numbers, 1))
    first = ops.gather(Tensor(X), numbers[:1], axis=-2)  # for all samples alike
    np.testing.assert_array_equal(first.numpy(), np.take_along_axis(X, np.repeat(numbers[:1], 2, 0), 1))


def test_a_diagonal_may_be_any_number_of_steps_away():
    x = Tensor(X, requires_grad=True)
    for far in (10**30, -(10**30)):
        assert ops.diagonal(x, far).shape == (4, 0)
        assert ops.diag(x[0], far).shape == (0,)
        inside = ops.tril(x, far) if far > 0 else ops.triu(x, far)
        outside = ops.tril(x, -far) if far > 0 else ops.triu(x, -far)
        np.testing.assert_array_equal(inside.numpy(), X)
        (g,) = grad((ops.trace(x, far).sum() + inside.sum() + outside.sum()), x)
        np.testing.assert_array_equal(g.numpy(), np.ones_like(X))


# --- order -------------------------------------------------------------------------------------------------


def test_nan_is_larger_than_everything():
    x = Tensor([1.0, np.nan, np.inf, -np.inf])
    np.testing.assert_array_equal(ops.sort(x).numpy(), [-np.inf, 1, np.inf, np.nan])
    np.testing.assert_array_equal(ops.sort(x, descending=True).numpy(), [np.nan, np.inf, 1, -np.inf])
    values, numbers = ops.topk(x, 2)
    np.testing.assert_array_equal(values.numpy(), [np.nan, np.inf])
    assert numbers.tolist() == [1, 2]
    assert (ops.argmax(x), ops.argmin(x)) == (1, 1)  # as in NumPy, whose extremes are NaN, too


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_equal_elements_keep_their_order_and_the_first_gets_the_gradient(dtype):
    x = Tensor(np.array([2, 1, 2, 1, 2], dtype), requires_grad=True)
    assert ops.argsort(x).tolist() == [1, 3, 0, 2, 4]
    assert ops.argsort(x, descending=True).tolist() == [0, 2, 4, 1, 3]
    values, numbers = ops.topk(x, 2)
    assert numbers.tolist() == [0, 2]
    (gx,) = grad(values, [x], [Tensor(np.array([1, 10], dtype))])
    assert gx.numpy().tolist() == [1, 0, 10, 0, 0]
    assert ops.topk(x, 3, largest=False)[1].tolist() == [1, 3, 0]


def test_gradients_do_not_leak_nan_through_elements_that_are_not_chosen():
    x = Tensor([[1.0, 2.0], [np.nan, 3.0]], requires_grad=True)
    y = ops.sum(ops.topk(x[0], 1)[0]) + ops.sum(x[[[True, False], [False, False]]]) + ops.sum(ops.triu(x))
    (gx,) = grad(y, [x])
    assert y.item() == 9
    assert gx.numpy().tolist() == [[2, 2], [0, 1]]


# --- sums and products -------------------------------------------------------------------------------------


def test_long_cumulative_sums_in_float32_are_rounded_once():
    x = np.full(300_000, 0.1, "float32")
    exact = np.cumsum(x.astype("float64"))
    np.testing.assert_array_equal(ops.cumsum(Tensor(x)).numpy(), exact.astype("float32"))


def test_a_product_of_many_factors_is_numpys():
    x = np.random.default_rng(0).uniform(0.5, 2, (2, 2 * 17))
    np.testing.assert_allclose(ops.prod(Tensor(x), axis=1).numpy(), x.prod(axis=1))


@pytest.mark.parametrize("rows", [40, 400])  # by NumPy, or by keys
@pytest.mark.parametrize("descending", [False, True])
def test_float32_is_ordered_as_float64(descending, rows):
    alike = np.random.default_rng(0).integers(-2, 3, (rows, 3)).astype("float32")  # most are equal to others
    alike[::7], alike[3], alike[5], alike[6, 0] = -alike[::7] * 0, np.nan, -np.inf, -np.float32(np.nan)
    distinct = np.random.default_rng(1).permutation(rows * 3).reshape(rows, 3).astype("float32") - 50
    for x, axis in product((alike, distinct), (0, 1)):
        expected = ops.argsort(x.astype("float64"), axis, descending)
        np.testing.assert_array_equal(ops.argsort(x, axis, descending), expected)
        for k in (0, 1, 2, x.shape[axis] // 2, x.shape[axis]):
            _, numbers = ops.topk(x, k, axis, largest=descending)
            np.testing.assert_array_equal(numbers, np.take(expected, range(k), axis))


def test_products_of_zeros_have_all_derivatives():
    x = Tensor([2.0, 0.0, 3.0, 0.0], requires_grad=True)
    (gx,) = grad(ops.prod(x), [x], create_graph=True)
    assert gx.numpy().tolist() == [0, 0, 0, 0]
    (second,) = grad(gx[1], [x])
    assert second.numpy().tolist() == [0, 0, 0, 6]


def test_views_share_memory_and_copies_do_not():
    x = Tensor(X)
    for view in (ops.flip(x, 1), *ops.split(x, 2, axis=2), ops.squeeze(x[:1]), ops.moveaxis(x, 0, 2), ops.flatten(x)):
        assert np.shares_memory(view.data, x.data)
    for copy in (x[[0, 1]], ops.roll(x, 1), ops.sort(x), ops.diagonal(x)):
        assert not np.shares_memory(copy.data, x.data)


def test_einsum_contracts_in_the_cheapest_order():
    shapes = (1000, 2), (2, 1000), (1000, 3)
    assert _read("ij,jk,kl->il", shapes)[2][0] == (1, 2)  # (2, 1000) @ (1000, 3): 6000 products instead of two millions
    assert _read("ij,jk,kl->il", ((3, 1000), (1000, 2), (2, 1000)))[2][0] == (0, 1)


def test_the_numbers_of_einsum_do_not_depend_on_how_it_is_written():
    a, b = (np.random.default_rng(seed).standard_normal((3, 5, 4, 6), "float32") for seed in range(2))
    scores = ops.einsum("bqhd,bkhd->bhqk", Tensor(a), Tensor(b)).numpy()
    np.testing.assert_allclose(scores, np.einsum("bqhd,bkhd->bhqk", a, b), atol=1e-5)
    np.testing.assert_allclose(scores, ops.einsum("bkhd, bqhd -> bhqk", Tensor(b), Tensor(a)).numpy(), atol=1e-5)
