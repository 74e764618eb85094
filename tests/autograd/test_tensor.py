"""The Tensor: numbers and arrays on either side of an operator, dtypes, shapes, conversions."""

import numpy as np
import pytest
from graphs import leaf

from rawgan import Tensor, grad, ops
from rawgan.errors import DTypeError

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
