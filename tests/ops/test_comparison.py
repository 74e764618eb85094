"""Comparisons of Tensors, and the places where Python and NumPy compare without being asked."""

import copy
import operator
import pickle
from unittest import mock

import numpy as np
import pytest
from fake_cupy import cupy  # noqa: F401  # a fixture

from rawgan import Tensor, grad, nn, ops
from rawgan.errors import DeviceError, DTypeError, GraphError, RawganError, ShapeError

A = np.array([[1.0, 2.0, 3.0], [2.0, 2.0, np.nan]], "float32")
RELATIONS = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]
every_relation = pytest.mark.parametrize("relation", RELATIONS, ids=lambda relation: relation.__name__)

OTHERS = {
    "int": 2,
    "float": 2.5,
    "bool": True,
    "np.float64": np.float64(2),
    "np.int64": np.int64(2),
    "np.bool_": np.True_,
    "array": np.array([[2.0, 2.0, 2.0], [1.0, 2.0, 3.0]]),
    "row": np.array([1, 2, 3]),
    "column": np.array([[1.0], [2.0]], ">f4"),
    "mask": np.array([True, False, True]),
    "no axes": np.array(2.0),
    "list": [1.0, 2.0, 2.0],
}


@every_relation
@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_comparisons_are_those_of_numpy(relation, other):
    x = Tensor(A, requires_grad=True)
    for got, expected in [
        (relation(x, other), relation(A, other)),
        (relation(other, x), relation(other, A)),
    ]:
        assert type(got) is np.ndarray
        assert got.dtype == bool
        np.testing.assert_array_equal(got, expected)


@every_relation
def test_two_tensors_are_compared_element_by_element_and_broadcast(relation):
    x, y = Tensor(A, requires_grad=True), Tensor(A[:, 1:2].copy())
    np.testing.assert_array_equal(relation(x, y), relation(A, A[:, 1:2]))
    np.testing.assert_array_equal(relation(x, Tensor(A.astype("float64"))), relation(A, A))
    assert relation(x * 2, x * 2).shape == A.shape


def test_a_number_is_compared_in_the_dtype_of_the_tensor():
    """As arithmetic takes it: x − 0.1 is 0 where x == 0.1."""
    x = Tensor([0.1, 0.2])
    for tenth in (0.1, np.float64(0.1), [0.1, 0.1]):
        assert (x == tenth).tolist() == ((x - tenth).data == 0).tolist() == [True, False]
    assert (x < 10**400).all()
    assert (x > -(10**400)).all()
    assert (x < 1e300).all()


def test_masks_choose_by_multiplication_and_let_the_gradient_through():
    x, labels = Tensor([3.0, 4.0], requires_grad=True), Tensor([1.0, 0.0])
    y = x * (labels == 1)
    assert y.data.tolist() == [3, 0]
    assert y.dtype == np.float32
    (g,) = grad((y * y).sum(), x)
    assert g.data.tolist() == [6, 0]
    assert (~(labels == 1) * x).data.tolist() == [0, 4]
    assert (x * ((x > 1) & (labels == 0))).data.tolist() == [0, 4]


def test_there_is_nothing_to_differentiate_in_a_comparison():
    x = Tensor([3.0], requires_grad=True)
    with pytest.raises(DTypeError, match="bool"):
        Tensor(x > 1).backward()


REFUSED = {
    "None": (lambda x: x == None, DTypeError, "`x is None` asks"),  # noqa: E711
    "not None": (lambda x: x != None, DTypeError, "`x is None` asks"),  # noqa: E711
    "text": (lambda x: x == "cat", DTypeError, "not with str"),
    "text first": (lambda x: x == "cat", DTypeError, "not with str"),
    "object": (lambda x: x == object(), DTypeError, "not with object"),
    "dict": (lambda x: x == {}, DTypeError, "not with dict"),
    "set": (lambda x: x < {1}, DTypeError, "not with set"),
    "texts": (lambda x: x == np.array(["a", "b"]), DTypeError, "with numbers, not with <U1"),
    "objects": (lambda x: x == np.array([None, None]), DTypeError, "with numbers, not with object"),
    "complex": (lambda x: x == np.array([1j, 2]), DTypeError, "with numbers, not with complex128"),
    "masked array": (lambda x: x == np.ma.array([1.0, 2.0], mask=[True, False]), DTypeError, "its mask would be lost"),
    "shapes": (lambda x: x == np.zeros(3), ShapeError, r"x \(2,\)   other \(3,\)"),
    "ragged": (lambda x: x == [[1.0], [1.0, 2.0]], DTypeError, "rows have equal lengths"),
    "several in": (lambda x: x in Tensor([[1.0, 2.0]]), ShapeError, "any\\(x is each for each in tensors\\)"),
    "array_equal": (lambda x: np.array_equal(x, x), DTypeError, "np.array_equal takes arrays"),
    "allclose": (lambda x: np.allclose(x, x), DTypeError, "np.allclose takes arrays"),
    "isin": (lambda x: np.isin(1.0, x), DTypeError, "np.isin takes arrays"),
    "np.sum": (lambda x: np.sum(x), DTypeError, "np.sum takes arrays"),
    "np.where": (lambda x: np.where(x, 1, 2), DTypeError, "np.where takes arrays"),
    "array": (lambda x: np.array([x, x]), DTypeError, "x.numpy"),
    "testing": (lambda x: np.testing.assert_array_equal(x, x), DTypeError, "x.numpy"),
}


@pytest.mark.parametrize(("call", "error", "text"), REFUSED.values(), ids=REFUSED)
def test_calls_that_would_be_silently_wrong_are_refused(call, error, text):
    with pytest.raises(error, match=text) as raised:
        call(Tensor([1.0, 2.0]))
    assert isinstance(raised.value, RawganError)


def test_others_that_know_how_they_compare_are_asked():
    class Knows:
        def __eq__(self, other):
            return "equal"

        def __gt__(self, other):
            return "greater"

        __hash__ = None

    x = Tensor([1.0, 2.0])
    assert (x == Knows()) == "equal"
    assert (x < Knows()) == "greater"
    assert x == mock.ANY
    with pytest.raises(DTypeError):
        assert x <= Knows()


def test_many_numbers_are_neither_true_nor_false():
    x, y = Tensor([1.0, 2.0]), Tensor([1.0, 2.0])
    for question in (
        lambda: bool(x == y),
        lambda: 0 < x < 3,
        lambda: x in [y],
        lambda: max(x, y),
        lambda: (x,) == (y,),
    ):
        with pytest.raises(ValueError, match="ambiguous"):
            question()


def test_keys_and_members_of_sets_are_told_apart_by_identity():
    x, y = Tensor([1.0]), Tensor([1.0])
    assert hash(x) != hash(y)
    assert {x: "x", y: "y"}[x] == "x"
    assert len({x, y, x}) == 2
    assert y not in {x}
    assert len({nn.Parameter([1.0]), nn.Buffer([1.0])}) == 2
    assert [x, y].index(y) == 0  # a list compares values, as it does those of arrays


def test_python_asks_a_tensor_as_it_asks_an_array():
    x = Tensor([3.0, 1.0, 2.0])
    assert 2 in x
    assert np.float64(2) in x
    assert Tensor(2.0) in x
    assert 5 not in x
    assert max(x).item() == 3
    assert [each.item() for each in sorted(x)] == [1, 2, 3]
    assert int(Tensor(3.7)) == 3
    assert float(Tensor([3.5])) == 3.5
    assert np.shape(x) == (3,)
    assert np.ndim(x) == 1
    assert np.size(x) == 3


@pytest.mark.parametrize("operation", [operator.and_, operator.or_, operator.lshift])
def test_operators_of_bits_do_not_exist(operation):
    with pytest.raises(TypeError, match="unsupported operand"):
        operation(Tensor([1.0]), 2)
    with pytest.raises(TypeError, match="unsupported operand"):
        operation(np.ones(1), Tensor([1.0]))


def test_a_sum_in_place_leaves_the_other_name_alone():
    x = Tensor([1.0], requires_grad=True)
    y = x
    y += 1
    assert x.data.tolist() == [1]
    (y * y).backward()
    assert x.grad.data.tolist() == [4]


# --- copies ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("twin_of", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
@pytest.mark.parametrize("kind", [Tensor, nn.Parameter, nn.Buffer])
def test_a_copy_is_a_leaf_of_the_same_kind_with_an_array_of_its_own(kind, twin_of):
    x = kind([1.0, 2.0])
    twin = twin_of(x)
    assert type(twin) is kind
    assert twin.requires_grad == x.requires_grad
    assert twin.op is None
    twin[0] = 7.0
    twin.data -= 1
    assert x.data.tolist() == [1, 2]


def test_a_copy_has_a_gradient_of_its_own_and_outdates_no_graph():
    x = Tensor([1.0, 2.0], requires_grad=True)
    (x * x).sum().backward()
    y = (x * x).sum()
    twin = copy.deepcopy(x)
    assert twin.grad.data.tolist() == [2, 4]
    assert twin.grad is not x.grad
    twin.data -= 1
    y.backward()
    assert x.grad.data.tolist() == [4, 8]
    assert twin.grad.data.tolist() == [2, 4]


@pytest.mark.parametrize("twin_of", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_copy_of_a_result_would_be_without_its_graph(twin_of):
    y = Tensor([1.0], requires_grad=True) * 2
    with pytest.raises(GraphError, match=r"^Mul: to (copy|pickle) its result would cut the graph"):
        twin_of(y)
    assert twin_of(y.detach()) is not None


def test_a_module_that_keeps_results_can_be_copied():
    """Its copy has their values: the graph, which may be thousands of ops deep, stays with the original."""

    class Remembers(nn.Module):
        def __init__(self):
            self.w, self.seen = nn.Parameter([1.0]), []

        def forward(self, x):
            for _ in range(2000):
                x = x + self.w
            self.seen.append(x)
            return x

    module = Remembers()
    module(Tensor([0.0]))
    twin = copy.deepcopy(module)
    assert twin.seen[0].data.tolist() == [2000]
    assert not twin.seen[0].requires_grad
    assert twin.w is not module.w
    assert twin.w.requires_grad


def test_attributes_of_a_subclass_are_copied():
    class Named(nn.Parameter):
        pass

    x = Named([1.0])
    x.label = ["w"]
    twin = copy.deepcopy(x)
    assert type(twin) is Named
    assert twin.label == ["w"]
    assert twin.label is not x.label


# --- on a GPU --------------------------------------------------------------------------------------------


def test_comparisons_stay_on_the_gpu(cupy):  # noqa: F811  # the fixture
    x = Tensor(cupy.asarray(np.array([1.0, 2.0], "float32")))
    for mask in (x == 2, x == Tensor(cupy.asarray(np.full(2, 2.0))), x >= [2.0, 2.0], x == np.array(2.0)):
        assert isinstance(mask, cupy.ndarray)
        assert mask.get().tolist() == [False, True]
    assert ops.mul(x, x == 2).numpy().tolist() == [0, 2]
    for other in (Tensor([1.0, 2.0]), np.ones(2)):
        with pytest.raises(DeviceError, match="two devices"):
            assert x == other


def test_a_tensor_of_one_number_has_a_truth_value():
    assert Tensor([1.0])
    assert not Tensor([0.0])
