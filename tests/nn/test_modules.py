"""Modules: names, modes, saving, printing."""

import numpy as np
import pytest

from rawgan import Tensor, nn, optim
from rawgan.errors import ConfigError, DTypeError


def rng(seed=0):
    return np.random.default_rng(seed)


def images(*shape, seed=1):
    return rng(seed).standard_normal(shape).astype("float32")


class Block(nn.Module):
    """Two convolutions, one of them used twice, and a buffer."""

    def __init__(self, seed=0):
        self.entry = nn.Conv2d(1, 2, 3, padding=1, rng=rng(seed))
        self.shared = nn.Conv2d(2, 2, 3, padding=1, bias=False, rng=rng(seed + 1))
        self.again = self.shared
        self.norm = nn.BatchNorm(2)
        self.scale = nn.Parameter([1.5])
        self.counter = nn.Buffer([0.0])

    def forward(self, x):
        return self.norm(self.again(self.shared(self.entry(x)))) * self.scale


NAMES = ["scale", "entry.w", "entry.b", "shared.w", "norm.gamma", "norm.beta"]
BUFFERS = ["counter", "norm.running_mean", "norm.running_var"]

# --- contents -----------------------------------------------------------------------------------------


def test_names_follow_attributes_and_a_shared_parameter_is_named_once():
    block = Block()
    assert [name for name, _ in block.named_parameters()] == NAMES
    assert [name for name, _ in block.named_buffers()] == BUFFERS
    assert [id(p) for p in block.parameters()] == [id(p) for _, p in block.named_parameters()]
    assert [name for name, _ in block.modules()] == ["", "entry", "shared", "norm"]  # each once
    assert list(block.state_dict()) == NAMES + BUFFERS
    optim.SGD(block.parameters(), lr=0.1)  # refuses parameters that are listed twice


def test_names_inside_a_sequence_are_positions():
    network = nn.Sequential(Block(), nn.Tanh(), nn.Sequential(nn.Flatten(), nn.Linear(4, 2, rng=rng())))
    names = [f"0.{name}" for name in NAMES] + ["2.1.w", "2.1.b"]
    assert [name for name, _ in network.named_parameters()] == names
    assert len(network) == 3
    assert isinstance(network[1], nn.Tanh)


def test_parameters_want_gradients_and_buffers_do_not():
    block = Block()
    assert all(p.requires_grad for p in block.parameters())
    assert not any(b.requires_grad for _, b in block.named_buffers())


def test_a_module_without_forward_says_so():
    class Nothing(nn.Module):
        pass

    with pytest.raises(NotImplementedError, match=r"^Nothing has no forward$"):
        Nothing()(np.ones(1, "float32"))


def test_modules_and_parameters_in_lists_are_found():
    class Blocks(nn.Module):
        def __init__(self):
            rng = np.random.default_rng(0)
            self.blocks = [nn.Linear(2, 2, bias=False, rng=rng), "no module", nn.Linear(2, 2, bias=False, rng=rng)]
            self.scales = (nn.Parameter([1.0]), nn.Parameter([2.0]))

    network = Blocks()
    assert list(network.state_dict()) == ["scales.0", "scales.1", "blocks.0.w", "blocks.2.w"]
    network.eval()
    assert not network.blocks[2].training


def test_moving_a_module_drops_gradients_and_outdates_its_optimizer():
    layer = nn.Linear(2, 1, rng=np.random.default_rng(0))
    adam = optim.Adam(layer.parameters(), 0.1)
    layer(np.ones((3, 2), "float32")).sum().backward()
    layer.to(dtype="float64")
    assert [p.grad for p in layer.parameters()] == [None, None]
    layer(np.ones((3, 2))).sum().backward()
    with pytest.raises(DTypeError) as caught:
        adam.step()
    assert str(caught.value) == (
        "Adam.step: parameter 0 was moved after the optimiser was made\n"
        "  parameter (2, 1) float64 cpu   m float32 cpu\n"
        "  call Module.to() first, then make the optimiser"
    )


def test_a_module_may_take_several_inputs_and_options():
    class Scaled(nn.Module):
        def forward(self, x, y, *, factor):
            return (x + y) * factor

    found = Scaled()(np.ones(2, "float32"), Tensor([1.0, 2.0]), factor=3)
    np.testing.assert_array_equal(found.data, [6, 9])


def test_integers_pass_through_a_sequential_to_its_embedding():
    network = nn.Sequential(nn.Embedding(5, 3, rng=rng()), nn.ReLU())
    assert network(np.array([1, 4])).shape == (2, 3)


def test_a_sequential_keeps_what_a_subclass_adds():
    class WithHead(nn.Sequential):
        def __init__(self):
            super().__init__(nn.Linear(2, 2, bias=False, rng=rng()))
            self.head = nn.Linear(2, 1, bias=False, rng=rng())

    assert list(WithHead().state_dict()) == ["0.w", "head.w"]


def test_modules_in_dicts_and_nested_lists_are_found():
    module = nn.Module()
    module.towers = {"left": [nn.Linear(1, 1, bias=False, rng=rng())], "right": nn.Parameter([1.0])}
    assert sorted(module.state_dict()) == ["towers.left.0.w", "towers.right"]


def test_a_parameter_owns_its_array():
    array = np.ones(2, "float32")
    nn.Parameter(array).data += 1
    np.testing.assert_array_equal(array, [1, 1])


def test_evaluating_gives_each_module_its_own_mode_back():
    network = nn.Sequential(nn.ReLU(), nn.ReLU())
    network[1].eval()
    with network.evaluating():
        assert [module.training for _, module in network.modules()] == [False, False, False]
    assert [module.training for _, module in network.modules()] == [True, True, False]


# --- modes --------------------------------------------------------------------------------------------


def test_modes_reach_every_module():
    network = nn.Sequential(Block(), nn.Dropout(rng=rng()))
    assert all(m.training for _, m in network.modules())
    assert network.eval() is network
    assert not any(m.training for _, m in network.modules())
    assert network.train() is network
    assert all(m.training for _, m in network.modules())
    network[0].eval()
    assert network.training
    assert not network[0].norm.training
    assert nn.BatchNorm(2).training  # one module's mode is not another's


def test_frozen_buffers_stay_and_thaw_again():
    block = Block()
    x = images(4, 3, 3, 1)
    before = {name: array for name, array in block.state_dict().items() if name in BUFFERS}
    with block.frozen_buffers():
        frozen = block(x)
        with block.norm.frozen_buffers():
            block(x)
        block(x)  # the inner block has not thawed the outer
        with pytest.raises(ZeroDivisionError), block.frozen_buffers():
            raise ZeroDivisionError
        block(x)
    for name, array in before.items():
        np.testing.assert_array_equal(block.state_dict()[name], array)
    np.testing.assert_array_equal(block(x).data, frozen.data)  # the batch's own statistics, frozen or not
    assert (block.state_dict()["norm.running_mean"] != before["norm.running_mean"]).all()


# --- saving -------------------------------------------------------------------------------------------


def test_a_state_comes_back():
    trained, fresh = Block(0), Block(5)
    trained(images(4, 3, 3, 1))  # moves the running statistics
    state = trained.state_dict()
    x = images(2, 3, 3, 1, seed=2)
    fresh.load_state_dict(state)
    np.testing.assert_array_equal(fresh.eval()(x).data, trained.eval()(x).data)


def test_a_state_is_a_copy_in_both_directions():
    block = Block()
    state = block.state_dict()
    state["scale"][0] = 9.0
    assert block.scale.item() == 1.5
    block.load_state_dict(state)
    state["scale"][0] = 7.0
    assert block.scale.item() == 9.0


def test_loading_keeps_identity_and_dtype():
    block = Block()
    parameters = block.parameters()
    block.load_state_dict({name: array.astype("float64") + 1 for name, array in block.state_dict().items()})
    assert all(a is b for a, b in zip(block.parameters(), parameters, strict=True))
    assert {p.dtype for p in parameters} == {np.dtype("float32")}
    assert block.scale.item() == 2.5


def test_nothing_is_loaded_if_anything_does_not_fit():
    block = Block()
    before = block.state_dict()
    bad = {name: array + 1 for name, array in before.items() if name != "entry.b"}
    bad["norm.gamma"] = np.zeros(3)
    bad["extra"] = np.zeros((2, 2))
    with pytest.raises(ConfigError) as error:
        block.load_state_dict(bad)
    assert str(error.value) == (
        "Block: the weights do not fit this network\n"
        "  entry.b (2,) is missing\n"
        "  extra (2, 2) is unknown\n"
        "  norm.gamma (3,) should be (2,)"
    )
    for name, array in block.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_conversion_keeps_identity_and_values():
    block = Block()
    parameters, before = block.parameters(), block.state_dict()
    y = block(images(2, 3, 3, 1)).sum()
    assert block.to(dtype="float64") is block
    for name, array in block.state_dict().items():
        assert array.dtype == np.float64
        if "running" not in name:
            np.testing.assert_array_equal(array, before[name])
    assert all(a is b for a, b in zip(block.parameters(), parameters, strict=True))
    assert all(p.requires_grad and p.op is None for p in parameters)
    with pytest.raises(ValueError, match="was written to after the forward pass used it"):
        y.backward()
    assert block(images(2, 3, 3, 1).astype("float64")).dtype == np.float64


# --- printing -----------------------------------------------------------------------------------------


def test_repr_in_full():
    network = nn.Sequential(
        nn.Linear(4, 36, bias=False, rng=rng()),
        nn.Reshape(3, 3, 4),
        nn.BatchNorm(4),
        nn.ReLU(),
        nn.ConvTranspose2d(4, 6, 4, stride=2, padding=1, groups=2, rng=rng()),
        nn.InstanceNorm(6),
        nn.LeakyReLU(0.1),
        nn.Upsample(2, "bilinear"),
        nn.Sequential(nn.Conv2d(6, 8, (3, 5), padding="same", dilation=2, bias=False, rng=rng()), nn.PixelShuffle()),
        nn.MaxPool2d(),
        nn.AvgPool2d(3, 2),
        nn.Tanh(),
        nn.Sigmoid(),
        nn.Dropout(0.3, rng=rng()),
        nn.Flatten(),
        nn.LayerNorm((8, 2)),
        nn.Embedding(10, 3, rng=rng()),
    )
    assert repr(network) == REPR
    assert repr(nn.Tanh()) == "Tanh()"


REPR = """\
Sequential()
  0: Linear(4 → 36, no bias)                                 w (4, 36)
  1: Reshape(3, 3, 4)
  2: BatchNorm(4)                                            gamma (4,)  beta (4,)
  3: ReLU()
  4: ConvTranspose2d(4 → 6, 4×4, stride 2, padding 1, groups 2) w (4, 4, 3, 4)  b (6,)
  5: InstanceNorm(6)                                         gamma (6,)  beta (6,)
  6: LeakyReLU(0.1)
  7: Upsample(×2, bilinear)
  8: Sequential()
    0: Conv2d(6 → 8, 3×5, padding same, dilation 2, no bias)   w (3, 5, 6, 8)
    1: PixelShuffle(×2)
  9: MaxPool2d(2, stride 2)
  10: AvgPool2d(3, stride 2)
  11: Tanh()
  12: Sigmoid()
  13: Dropout(0.3)
  14: Flatten()
  15: LayerNorm(8, 2)                                        gamma (8, 2)  beta (8, 2)
  16: Embedding(10 → 3)                                      w (10, 3)
1,144 parameters in 11 arrays"""
