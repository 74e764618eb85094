"""Sequential, ModuleList and ModuleDict: changed like lists and dicts, with the names that follow."""

import copy

import numpy as np
import pytest

from rawgan import Tensor, nn
from rawgan.errors import ArgumentError


def linear(inputs, outputs):
    return nn.Linear(inputs, outputs, rng=np.random.default_rng(inputs))


def names(module):
    return [name for name, _ in module.named_parameters()]


CHANGES = [
    lambda row, new: row.append(new),
    lambda row, new: row.insert(-1, new),
    lambda row, new: row.extend([new, linear(7, 7)]),
    lambda row, new: row.__setitem__(-1, new),
    lambda row, new: row.__setitem__(slice(1, 3), [new]),
    lambda row, new: row.pop(1),
    lambda row, new: row.pop(),
    lambda row, new: row.__delitem__(0),
    lambda row, new: row.insert(99, new),
    lambda row, new: row.__delitem__(slice(1, None)),
]


@pytest.mark.parametrize("kind", [nn.Sequential, lambda *layers: nn.ModuleList(layers)], ids=["Sequential", "list"])
def test_layers_are_changed_as_in_a_list(kind):
    first, second = linear(1, 1), linear(2, 2)
    row, expected = kind(first, second), [first, second]
    for change in CHANGES:
        new = linear(3, 3)
        change(row, new)
        change(expected, new)
        sizes = [(each.w.shape, each.w.data.tolist()) for each in expected]
        assert [(each.w.shape, each.w.data.tolist()) for each in row] == sizes
        assert names(row) == [f"{i}.{name}" for i in range(len(expected)) for name in ("w", "b")]
    row.extend([first, second])
    assert [row[-1], *row[::-1], *(row + [first])] == [second, second, first, row[0], *row, first]  # noqa: RUF005
    assert row.append(second) is row.extend([]) is row.insert(0, first) is row


def test_a_slice_shares_layers_and_is_in_the_same_mode():
    network = nn.Sequential(linear(3, 2), nn.Tanh(), linear(2, 1)).eval()
    head = network[:2]
    assert type(head) is nn.Sequential
    assert head.training is False
    assert head[0] is network[0]
    x = np.ones((1, 3), "float32")
    np.testing.assert_array_equal(network[2:](head(x)).data, network(x).data)


def test_a_derived_container_gives_slices_without_what_it_adds():
    class Named(nn.Sequential):
        def __init__(self, extra):
            super().__init__(linear(1, 1), nn.Tanh())
            self.extra = extra

    assert names(Named(linear(2, 2))) == ["0.w", "0.b", "extra.w", "extra.b"]
    assert names(Named(linear(2, 2))[:1]) == ["0.w", "0.b"]


def test_a_loop_over_layers_goes_on_with_those_that_it_began_with():
    row = nn.ModuleList([nn.Tanh(), nn.ReLU()])
    for each in row:
        row.append(each)
    assert len(row) == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda row: row.append(nn.Tanh), r"^ModuleList: layer 1 is the class Tanh\n  make one of it: Tanh\(…\)"),
        (lambda row: row.append(3), "layer 1 must be a Module, but is int$"),
        (lambda row: row.extend(Tensor(1.0)), "several modules are needed, in a list, but this is Tensor"),
        (lambda row: row.extend(nn.Tanh()), "several modules are needed, in a list, but this is Tanh"),
        (lambda row: row.append(nn.Sequential(row)), "layer 1 is, or holds, this ModuleList itself"),
        (lambda row: row["0"], "a position must be an integer or a slice, but is '0'"),
        (lambda row: row.__setitem__(slice(0, 1), nn.Tanh()), "several modules are needed"),
        (lambda row: nn.ModuleDict({"a.b": nn.Tanh()}), "a name must be a text without dots"),
        (
            lambda row: nn.ModuleDict([nn.Tanh()]),
            r"^ModuleDict: modules and their names are needed, but this is list\n",
        ),
        (lambda row: nn.ModuleDict(Tensor(1.0)), "modules and their names are needed, but this is Tensor"),
        (lambda row: nn.ModuleDict([([], nn.Tanh())]), r"a name must be a text without dots, .* is \[\]"),
        (lambda row: nn.ModuleDict({3: nn.Tanh()}), "a name must be a text without dots"),
        (lambda row: nn.ModuleDict(a := {"a": nn.Tanh()}).update({"b": a}), "'b' must be a Module"),
    ],
)
def test_what_is_no_module_is_refused_and_nothing_is_changed(change, message):
    row = nn.ModuleList([nn.Tanh()])
    with pytest.raises(ArgumentError, match=message):
        change(row)
    assert len(row) == 1


@pytest.mark.parametrize(
    "change", [lambda row: row[1], lambda row: row.pop(-2), lambda row: row.__setitem__(1, row[0])]
)
def test_a_position_that_there_is_not(change):
    with pytest.raises(IndexError, match=r"ModuleList has no layer (1|-2): it has 1"):
        change(nn.ModuleList([nn.Tanh()]))


def test_a_dict_of_modules():
    table = nn.ModuleDict([("up", linear(1, 2)), ("down", linear(2, 1))])
    assert names(table) == ["up.w", "up.b", "down.w", "down.b"]
    assert (list(table), len(table), "up" in table) == (["up", "down"], 2, True)
    assert list(table.keys()) == [name for name, _ in table.items()] == [name for name, _ in table.children()]
    taken = table.pop("up")
    assert table.get("up") is None
    table.update({"last": taken})
    table["down"] = nn.Tanh()
    assert list(table.values())[1] is table["last"] is taken
    del table["down"]
    with pytest.raises(KeyError, match="ModuleDict has no 'down': it has 'last'"):
        table["down"]
    assert repr(table).splitlines()[0] == "ModuleDict()"


@pytest.mark.parametrize("made", [lambda: nn.ModuleList([linear(2, 2)]), lambda: nn.ModuleDict({"0": linear(2, 2)})])
def test_a_container_is_saved_loaded_and_copied(made):
    row, twin = made(), copy.deepcopy(made())
    twin.load_state_dict({name: x + 1 for name, x in row.state_dict().items()})
    assert list(row.state_dict()) == ["0.w", "0.b"]
    assert not np.array_equal(row.state_dict()["0.w"], twin.state_dict()["0.w"])
    with pytest.raises(NotImplementedError, match=r"Module(List|Dict) has no forward"):
        row(np.ones((1, 2), "float32"))
