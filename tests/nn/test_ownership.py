"""Parameters and buffers of a Module are found, or refused, but never lost in silence."""

import copy
from collections import OrderedDict, UserDict, UserList, defaultdict, deque, namedtuple
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from rawgan import Tensor, nn, no_grad, ops, optim
from rawgan.errors import ArgumentError, ConfigError


def p(number=1.0):
    return nn.Parameter([number])


def linear(seed=0):
    return nn.Linear(2, 1, rng=np.random.default_rng(seed))


class Holder(nn.Module):
    """A module with one attribute."""

    def __init__(self, **attributes: Any) -> None:
        for name, value in attributes.items():
            setattr(self, name, value)


@dataclass
class Pair:
    one: Any
    two: Any


Point = namedtuple("Point", "x y")

# --- found -----------------------------------------------------------------------------------------------

FOUND = {
    "list": (lambda a, b: [a, b], ["held.0", "held.1"]),
    "tuple": (lambda a, b: (a, b), ["held.0", "held.1"]),
    "namedtuple": (lambda a, b: Point(a, b), ["held.0", "held.1"]),
    "deque": (lambda a, b: deque([a, b]), ["held.0", "held.1"]),
    "UserList": (lambda a, b: UserList([a, b]), ["held.0", "held.1"]),
    "dict": (lambda a, b: {"one": a, "two": b}, ["held.one", "held.two"]),
    "OrderedDict": (lambda a, b: OrderedDict(one=a, two=b), ["held.one", "held.two"]),
    "defaultdict": (lambda a, b: defaultdict(list, {1: a, None: b}), ["held.1", "held.None"]),
    "UserDict": (lambda a, b: UserDict(one=a, two=b), ["held.one", "held.two"]),
    "proxy": (lambda a, b: MappingProxyType({"one": a, "two": b}), ["held.one", "held.two"]),
    "values": (lambda a, b: {"one": a, "two": b}.values(), ["held.0", "held.1"]),
    "dataclass": (lambda a, b: Pair(a, b), ["held.one", "held.two"]),
    "nested": (lambda a, b: [{"in": Pair((a,), [])}, deque([b])], ["held.0.in.one.0", "held.1.0"]),
}


@pytest.mark.parametrize(("holder", "names"), FOUND.values(), ids=FOUND)
def test_parameters_in_containers_are_found_in_their_order(holder, names):
    a, b = p(), p()
    module = Holder(held=holder(a, b))
    assert [name for name, _ in module.named_parameters()] == names
    assert [id(x) for x in module.parameters()] == [id(a), id(b)]
    module = Holder(held=holder(linear(0), linear(1)))
    assert [name for name, _ in module.children()] == names
    assert list(module.state_dict()) == [f"{name}.{x}" for name in names for x in "wb"]


def test_modules_in_an_array_of_objects_are_found():
    module = Holder(held=np.array([linear(0), None, linear(1)]))
    assert list(module.state_dict()) == ["held.0.w", "held.0.b", "held.2.w", "held.2.b"]


def test_parameters_that_are_added_later_are_found():
    module = Holder(held=[], table={})
    module.held.append(p())
    module.table["new"] = nn.Buffer([1.0])
    vars(module).update(late=p())
    setattr(module, "a b", p())
    assert list(module.state_dict()) == ["held.0", "late", "a b", "table.new"]
    del module.late
    assert list(module.state_dict()) == ["held.0", "a b", "table.new"]


def test_a_list_that_holds_itself_is_searched_once():
    held = [p()]
    held += [held, {"again": held}]
    module = Holder(held=held)
    assert [name for name, _ in module.named_parameters()] == ["held.0"]


def test_a_module_may_know_its_parent():
    child = linear()
    child.parent = parent = nn.Sequential(child, nn.ReLU())
    assert list(child.state_dict()) == ["w", "b"]
    assert list(parent.state_dict()) == ["0.w", "0.b"]
    assert [name for name, _ in parent.modules()] == ["", "0", "1"]
    parent.eval()
    assert not child.training
    with parent.in_training():
        assert child.training
    assert not child.training
    assert str(parent).splitlines()[2:] == [
        "    parent: Sequential, as above",
        "  1: ReLU()",
        "3 parameters in 2 arrays",
    ]
    assert "parent: Sequential" in str(child)
    parent.to(dtype="float64").load_state_dict(parent.state_dict())
    twin = copy.deepcopy(parent)
    assert twin.layers[0].parent is twin
    np.testing.assert_array_equal(parent(np.ones((1, 2))).data, twin(np.ones((1, 2))).data)


def test_networks_may_be_deeper_than_the_stack():
    network = inner = Holder(w=p())
    for _ in range(3000):
        network = Holder(inner=network)
    assert network.parameters()[0] is inner.w
    assert not inner.training or (network.eval() and not inner.training)


# --- refused ---------------------------------------------------------------------------------------------

REFUSED = {
    "set": (lambda: {p()}, r"Holder.held is a set, .*\n  keep them in a list or a dict"),
    "frozenset of modules": (lambda: frozenset([linear()]), "Holder.held is a set"),
    "set in a list": (lambda: [1, {"sets": {p()}}], r"Holder.held.1.sets is a set"),
    "tuple in a set": (lambda: {(p(), 1)}, r"Holder.held is a set"),
    "set of buffers": (lambda: {nn.Buffer([1.0])}, r"Holder.held is a set"),
    "generator": (lambda: (linear(i) for i in range(2)), r"Holder.held: generator .* only once\n  make it a list"),
    "map": (lambda: map(linear, range(2)), "Holder.held: map can be searched only once"),
    "Tensor": (lambda: Tensor([1.0], requires_grad=True), r"Holder.held: a Tensor .* wrap it: nn.Parameter"),
    "Tensors in a list": (lambda: [Tensor([1.0], requires_grad=True)], r"Holder.held.0: a Tensor that requires"),
    "Tensors in a dict": (lambda: {"w": Tensor([1.0], requires_grad=True)}, r"Holder.held.w: a Tensor that requires"),
    "result": (lambda: p() * 2, r"Holder.held: a result, of Mul, .*\n.*keep it in a list: self.held = \[y\]"),
}


@pytest.mark.parametrize(("value", "text"), REFUSED.values(), ids=REFUSED)
def test_attributes_that_would_be_lost_are_refused_when_they_are_set(value, text):
    module = Holder()
    with pytest.raises(ArgumentError, match=f"(?s)^{text}"):
        module.held = value()
    assert not hasattr(module, "held")


def test_a_set_that_is_filled_later_is_refused_when_it_is_searched():
    module = Holder(held=set(), fine={1, "two", (3,)})
    assert module.parameters() == []
    module.held.add(p())
    for search in (module.parameters, module.state_dict, module.eval, lambda: Holder(inner=module).parameters()):
        with pytest.raises(ArgumentError, match=r"Holder.held is a set"):
            search()


@pytest.mark.parametrize(
    "name", ["parameters", "train", "eval", "forward", "children", "modules", "to", "state_dict", "named_buffers"]
)
def test_attributes_do_not_take_the_place_of_methods(name):
    for value in ([1], p(), linear(), None):
        with pytest.raises(ArgumentError, match=rf"^Holder.{name}: every Module has a method {name}\(\)"):
            Holder(**{name: value})
    Holder(training=False, buffers_frozen=True)
    assert Holder(forward=lambda x: x + 1)(Tensor([1.0])).item() == 2  # a function in the place of another


def test_parameters_are_not_replaced_by_what_is_none():
    """`layer.w -= step` under no_grad puts a plain Tensor there, which nobody would train or save."""
    module = Holder(w=p(), mean=nn.Buffer([1.0]))
    w, mean = module.w, module.mean
    for name, value in [
        ("w", Tensor([1.0])),
        ("w", np.ones(1, "float32")),
        ("w", 3.0),
        ("w", [p()]),
        ("mean", Tensor([2.0])),
        ("mean", np.ones(1)),
    ]:
        kind = type(vars(module)[name]).__name__
        with pytest.raises(
            ArgumentError, match=rf"^Holder.{name}: {type(value).__name__} in place of the {kind} \(1,\)"
        ):
            setattr(module, name, value)
    with no_grad(), pytest.raises(ArgumentError, match=r"write into it, as in layer.w.data"):
        module.w -= 0.5
    with no_grad(), pytest.raises(ArgumentError, match=r"write into it, as in layer.mean.data"):
        module.mean = module.mean * 0.9
    assert (module.w, module.mean) == (w, mean)
    module.w.data -= 0.5
    module.w, module.mean = p(2.0), None
    assert [x.item() for x in module.parameters()] == [2]
    module.w = linear()
    assert list(module.state_dict()) == ["w.w", "w.b"]


def test_parameters_of_the_class_are_refused_when_it_is_made():
    for value in (p(), linear(), [p()], nn.Buffer([1.0]), {"a": (linear(),)}):
        with pytest.raises(
            ArgumentError, match=r"Shared.w.*: a \w+ of the class is not found.*\n.*__init__: self.w = "
        ):
            type("Shared", (nn.Module,), {"w": value})
    with pytest.raises(ArgumentError, match="__slots__"):
        type("Slotted", (nn.Module,), {"__slots__": ("w",)})
    type("Fine", (nn.Module,), {"w": None, "activation": staticmethod(ops.tanh), "sizes": [1, 2]})


# --- names -----------------------------------------------------------------------------------------------


def sequential_with_zero():
    network = nn.Sequential(linear(0))
    setattr(network, "0", linear(1))
    return network


COLLISIONS = {
    "an attribute and a position": (sequential_with_zero, "0.w"),
    "a key with a dot": (lambda: Holder(held={"a.b": p(), "a": {"b": p()}}), "held.a.b"),
    "1 and '1'": (lambda: Holder(held={1: p(), "1": p()}), "held.1"),
    "True and 'True'": (lambda: Holder(held={True: linear(), "True": linear()}), "held.True.w"),
    "an attribute with a dot": (lambda: Holder(**{"a.w": p(), "a": linear()}), "a.w"),
    "a buffer and a parameter": (lambda: Holder(held={1: p(), "1": nn.Buffer([2.0])}), "held.1"),
    "one deeper": (lambda: nn.Sequential(Holder(held={1: p(), "1": p()})), "0.held.1"),
}


@pytest.mark.parametrize(("make", "name"), COLLISIONS.values(), ids=COLLISIONS)
def test_two_arrays_of_one_name_are_refused(make, name):
    module = make()
    for ask in (module.state_dict, module.parameters, lambda: module.load_state_dict({}), lambda: module.to("cpu")):
        with pytest.raises(ArgumentError, match=rf"two arrays, \(.*\) and \(.*\), are both called '{name}'"):
            ask()


def test_names_that_only_look_alike_are_fine():
    module = Holder(held={"": p(), 1: linear()}, **{"a.b": p(), "a": {"c": p()}})
    assert len(module.state_dict()) == len(module.parameters()) == 5
    shared = p()
    assert list(Holder(held={1: shared, "1": shared}).state_dict()) == ["held.1"]


# --- loading ---------------------------------------------------------------------------------------------


class Foreign:
    """An array of another library."""

    def __init__(self, array):
        self.array, self.shape = array, array.shape

    def __array__(self, dtype=None, copy=None):
        if self.array.dtype == object:
            raise RuntimeError("it is on another device")
        return self.array


ACCEPTED = {
    "Tensor": lambda a: Tensor(a),
    "Parameter": lambda a: nn.Parameter(a),
    "list": lambda a: a.tolist(),
    "foreign": Foreign,
    "float64": lambda a: a.astype("float64"),
    "float16": lambda a: a.astype("float16"),
    "longdouble": lambda a: a.astype("longdouble"),
    "big-endian": lambda a: a.astype(">f8"),
    "read-only": lambda a: np.broadcast_to(a, a.shape),
    "Fortran": np.asfortranarray,
    "reversed": lambda a: a[::-1].copy()[::-1],
    "not finite": lambda a: np.where(a == 2, [np.nan], a).astype("float32"),
}


@pytest.mark.parametrize("given", ACCEPTED.values(), ids=ACCEPTED)
def test_weights_come_in_many_forms(given):
    network = nn.Sequential(linear(0), nn.BatchNorm(1))
    state = {name: np.full(x.shape, 1.5, "float32") for name, x in network.state_dict().items()}
    state["0.w"] = np.array([[1.5], [2.0]], "float32")
    sent = {name: given(array) for name, array in state.items()}
    network.load_state_dict(sent)
    for name, x in network.state_tensors().items():
        assert type(x.data) is np.ndarray
        assert x.dtype == np.float32
        assert x.data.flags.writeable
        np.testing.assert_array_equal(x.data[~np.isnan(x.data)], state[name][~np.isnan(x.data)])
    optim.SGD(network.parameters(), 0.1).step([Tensor(np.ones(x.shape, "float32")) for x in network.parameters()])
    np.testing.assert_array_equal(np.asarray(_plain(sent["0.w"]), "float32")[0], [1.5])  # what was given is not shared


def _plain(value):
    return value.data if isinstance(value, Tensor) else value


UNFIT = {
    "integers": (lambda a: np.ones(a.shape, int), r"1.b should be floats, not int64"),
    "bool": (lambda a: np.ones(a.shape, bool), r"1.b should be floats, not bool"),
    "complex": (lambda a: a + 1j, r"1.b should be floats, not complex64"),
    "objects": (lambda a: a.astype(object), r"1.b should be floats, not object"),
    "text": (lambda a: "weights", r"1.b its value is str; give an array"),
    "None": (lambda a: None, r"1.b its value is NoneType; give an array"),
    "ragged": (lambda a: [[1.0], [1.0, 2.0]], r"1.b its value is list; give an array"),
    "masked": (lambda a: np.ma.array(a), r"1.b its value is a masked array, and its mask would be lost"),
    "foreign": (
        lambda a: Foreign(a.astype(object)),
        r"1.b its value is test_ownership.Foreign, .*\n  it is on another",
    ),
    "shape": (lambda a: a[None], r"1.b \(1, 1\) should be \(1,\)"),
    "list of another length": (lambda a: [1.0, 2.0], r"1.b \(2,\) should be \(1,\)"),
    "too large": (lambda a: np.full(a.shape, 1e300), r"1.b has numbers that are too large for float32"),
}


@pytest.mark.parametrize(("given", "text"), UNFIT.values(), ids=UNFIT)
def test_nothing_is_loaded_if_one_array_does_not_fit(given, text):
    network = nn.Sequential(
        nn.Linear(2, 2, rng=np.random.default_rng(0)), nn.Linear(2, 1, rng=np.random.default_rng(1))
    )
    before, kept = network.state_dict(), {name: x.data for name, x in network.state_tensors().items()}
    state = {name: array + 1 for name, array in before.items()}
    state["1.b"] = given(state["1.b"])
    with pytest.raises(ConfigError, match=f"(?s)^Sequential: the weights do not fit this network\n  {text}"):
        network.load_state_dict(state)
    for name, array in network.state_dict().items():
        np.testing.assert_array_equal(array, before[name])
        assert network.state_tensors()[name].data is kept[name]


def test_a_state_that_is_none_is_refused():
    network = linear()
    for state in (None, [], [("w", 1)], "weights.npz", 3, list(network.state_dict().values())):
        with pytest.raises(ConfigError, match="must be a dict of arrays, as state_dict"):
            network.load_state_dict(state)
    strange = {**network.state_dict(), 3: np.ones(1), ("a", 1): "text", "new\n": None}
    with pytest.raises(ConfigError, match=r"  3 \(1,\) is unknown\n  \('a', 1\) is unknown\n  new\\n is unknown$"):
        network.load_state_dict(strange)
    network.load_state_dict(MappingProxyType(network.state_dict()))


def test_a_conversion_that_fails_half_way_changes_nothing():
    network = nn.Sequential(linear(0), linear(1))
    kept = network.layers[0].w.data
    network.layers[1].b.take_over(np.array(["x"]))  # something that cannot be converted
    with pytest.raises(ValueError, match="could not convert"):
        network.to(dtype="float64")
    assert network.layers[0].w.data is kept


# --- buffers ---------------------------------------------------------------------------------------------


def test_buffers_and_parameters_have_arrays_of_their_own():
    array = np.ones(2, "float32")
    array.flags.writeable = False
    for x in (nn.Buffer(array), nn.Parameter(array)):
        x.data += 1
    assert array.tolist() == [1, 1]


def read_only(x):
    x.data = np.broadcast_to(x.data, x.shape)
    return x


def test_statistics_that_are_read_only_are_refused_before_anything_is_moved():
    x = np.random.default_rng(0).normal(size=(8, 2)).astype("float32")
    norm = nn.BatchNorm(2)
    read_only(norm.running_var)
    with pytest.raises(ArgumentError, match=r"^batch_norm: running_var \(2,\) is read-only.*\n.*running_var.data.copy"):
        norm(x)
    assert norm.running_mean.data.tolist() == [0, 0]
    with norm.frozen_buffers():
        norm(x)
    norm.eval()(x)
    norm.running_var.data = norm.running_var.data.copy()
    norm.train()(x)
    assert (norm.running_mean.data != 0).all()

    layer = nn.SpectralNorm(nn.Linear(2, 3, rng=np.random.default_rng(0)), rng=np.random.default_rng(0))
    read_only(layer.u)
    with pytest.raises(ArgumentError, match=r"^SpectralNorm: u \(3,\) is read-only"):
        layer(x)
    layer.eval()(x)


def test_an_average_that_is_read_only_is_refused_before_anything_is_moved():
    from rawgan.gan import ImageSpec, build

    gan = build("dcgan", ImageSpec(8), width=2, average_decay=0.9)
    before = gan.average.state_dict()
    for x in gan.generator.parameters():
        x.data += 1
    read_only(list(gan.average.state_tensors().values())[-1])
    with pytest.raises(ArgumentError, match=r"^the average: .* is read-only"):
        gan.update_average(0)
    for name, array in gan.average.state_dict().items():
        np.testing.assert_array_equal(array, before[name])
