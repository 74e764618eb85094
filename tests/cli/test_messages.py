"""Errors as newcomers meet them: each says where, what, and the way out.

`test_errors*.py` have the texts in full, `test_every_argument.py` calls everything with everything wrong.
"""

import pickle

import numpy as np
import pytest

from rawgan import Tensor, nn, ops
from rawgan.errors import DTypeError, RawganError, ShapeError
from rawgan.nn import init


def ones(*shape: int, dtype: str = "float32") -> Tensor:
    return Tensor(np.ones(shape, dtype))


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def message(act) -> str:
    with pytest.raises(RawganError) as caught:
        act()
    return str(caught.value)


# --- which layer -------------------------------------------------------------------------------------------------


class Body(nn.Module):
    def __init__(self):
        self.blocks = [nn.Sequential(nn.ReLU(), nn.Linear(3, 4, rng=rng()))]
        self.head = nn.Linear(5, 1, rng=rng())

    def forward(self, x):
        return self.head(self.blocks[0](x))


def test_an_error_names_its_layer_by_its_place():
    network = nn.Sequential(nn.Linear(3, 4, rng=rng()), nn.ReLU(), nn.Linear(5, 2, rng=rng()))
    with pytest.raises(ShapeError) as caught:
        network(ones(2, 3))
    assert str(caught.value) == (
        "linear: x has 4 features but w takes 5\n"
        "  x (2, 4), laid out (N, in)   w (5, 2), laid out (in, out)\n"
        "  in layer 2: Linear(5 → 2)"
    )
    assert (caught.value.path, caught.value.layer) == (("2",), "Linear(5 → 2)")
    assert f"{caught.value}" == str(caught.value)


@pytest.mark.parametrize(
    ("network", "x", "place"),
    [
        (nn.Linear(3, 2, rng=rng()), ones(2, 4), "in Linear(3 → 2)"),
        (
            nn.Sequential(nn.Sequential(nn.ReLU(), nn.Linear(3, 2, rng=rng()))),
            ones(2, 4),
            "in layer 0.1: Linear(3 → 2)",
        ),
        (
            nn.Sequential(nn.ReLU(), nn.Residual(nn.Sequential(nn.ReLU(), nn.Linear(3, 2, rng=rng())))),
            ones(2, 4),
            "in layer 1.main.1: Linear(3 → 2)",
        ),
        (
            nn.Sequential(nn.Branches(nn.ReLU(), nn.Sequential(nn.BatchNorm(3)))),
            ones(2, 4),
            "in layer 0.branches.1.0: BatchNorm(3)",
        ),
        (Body(), ones(2, 3), "in layer head: Linear(5 → 1)"),
        (Body(), ones(2, 4), "in layer blocks.0.1: Linear(3 → 4)"),
        (nn.Sequential(nn.Flatten(), Body()), ones(2, 4), "in layer 1.blocks.0.1: Linear(3 → 4)"),
        (
            nn.Sequential(nn.Conv2d(3, 4, 3, rng=rng()), nn.LeakyReLU(), nn.Conv2d(5, 4, 3, rng=rng()), nn.ReLU()),
            ones(1, 8, 8, 3),
            "in layer 2: Conv2d(5 → 4, 3×3)",  # which applies what follows it
        ),
        (
            nn.Sequential(nn.ReLU(), nn.SpectralNorm(nn.Linear(3, 2, rng=rng()), rng=rng())),
            ones(2, 4),
            "in layer 1: SpectralNorm(Linear(3 → 2))",
        ),
        (nn.Sequential(nn.Reshape(2, 2), nn.Tanh()), ones(2, 5), "in layer 0: Reshape(2, 2)"),
        (nn.Sequential(nn.ReLU(), nn.Embedding(3, 2, rng=rng())), ones(2, 4), "in layer 1: Embedding(3 → 2)"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_the_place_is_the_path_that_leads_there(network, x, place):
    for _ in range(2):  # and there is only one of it, however often a network fails
        assert message(lambda: network(x)).splitlines()[-1] == f"  {place}"
        assert message(lambda: network(x)).count("  in ") == 1


def test_a_layer_that_is_there_twice_is_named_by_where_it_failed():
    layer = nn.Linear(3, 4, rng=rng())
    assert message(lambda: nn.Sequential(layer, nn.ReLU(), layer)(ones(2, 3))).endswith("in layer 2: Linear(3 → 4)")


def test_a_module_that_another_one_calls_without_owning_it_is_named_by_its_kind():
    layer = nn.Linear(3, 4, rng=rng())

    class Borrower(nn.Module):
        def forward(self, x):
            return layer(x)

    assert message(lambda: nn.Sequential(Borrower())(ones(2, 5))).endswith("in layer 0.Linear: Linear(3 → 4)")


def test_a_layer_that_cannot_describe_itself_does_not_hide_the_error():
    class Half(nn.Linear):
        def describe_options(self):
            raise RuntimeError("not yet")

    assert message(lambda: Half(3, 2, rng=rng())(ones(2, 4))).endswith("  in Half(…)")


def test_an_error_keeps_its_kind_and_what_it_knows():
    with pytest.raises(DTypeError) as caught:
        nn.Sequential(nn.ReLU(), nn.Embedding(3, 2, rng=rng()))(ones(2))
    assert isinstance(caught.value, TypeError)
    assert caught.value.args[0].startswith("Embedding: indices must be integers, but are float32\n")
    again = pickle.loads(pickle.dumps(ShapeError("a")))
    assert str(again) == "a"


def test_an_error_of_the_authors_own_passes_as_it_is():
    class Own(nn.Module):
        def forward(self, x):
            raise KeyError("mine")

    with pytest.raises(KeyError) as caught:
        nn.Sequential(Own())(ones(2))
    assert caught.value.args == ("mine",)


# --- ways out ----------------------------------------------------------------------------------------------------

NCHW = "x.shape[1] is 3: images are NHWC, so pass x.transpose(0, 2, 3, 1) if these are NCHW"
TORCH = "if w is laid out as PyTorch's, (out, in, kh, kw), pass w.transpose(2, 3, 1, 0)"
TORCH_TRANSPOSED = TORCH.replace("(out, in,", "(in, out,")


@pytest.mark.parametrize(
    ("act", "hints"),
    [
        (lambda: nn.Conv2d(3, 8, 3, rng=rng())(ones(2, 3, 32, 32)), [NCHW]),
        (lambda: nn.ConvTranspose2d(3, 8, 3, rng=rng())(ones(2, 3, 32, 32)), [NCHW]),
        (lambda: nn.BatchNorm(3)(ones(2, 3, 32, 32)), [NCHW]),
        (lambda: nn.InstanceNorm(3)(ones(2, 3, 32, 32)), [NCHW]),
        (lambda: ops.conv2d(ones(2, 8, 8, 3), ones(16, 3, 3, 3)), [TORCH]),  # its window does not fit
        (lambda: ops.conv2d(ones(2, 8, 8, 3), ones(16, 3, 5, 5)), [TORCH]),  # its channels do not
        (lambda: ops.conv2d(ones(2, 32, 32, 3), ones(16, 3, 3, 3), ones(16)), [TORCH]),  # its bias does not
        (lambda: ops.conv2d(ones(2, 3, 32, 32), ones(16, 3, 5, 5)), [TORCH]),
        (lambda: ops.conv2d(ones(2, 3, 32, 32), ones(16, 3, 3, 3)), [NCHW, TORCH]),
        (lambda: ops.conv_transpose2d(ones(2, 8, 8, 16), ones(16, 3, 5, 5)), [TORCH_TRANSPOSED]),
        (lambda: ops.conv2d(ones(2, 8, 8, 5), ones(3, 3, 4, 8)), []),
        (lambda: ops.linear(ones(4, 5), ones(2, 5)), ["if w is laid out as PyTorch's, (out, in), pass w.T"]),
        (lambda: nn.Linear(48, 1, rng=rng())(ones(2, 4, 4, 3)), ["make a vector of each sample first: nn.Flatten()"]),
        (lambda: nn.Conv2d(3, 8, 3, rng=rng())(ones(32, 32, 3)), ["one image is a batch of one: x[None]"]),
        (
            lambda: ops.cross_entropy(ones(4, 3), np.eye(4, 3, dtype=int)),
            ["turn one-hot vectors into class numbers, labels.argmax(axis=1)"],
        ),
        (
            lambda: ops.cross_entropy(ones(4, 3), np.zeros((4, 1), int)),
            ["give them these axes: labels.reshape(4)"],
        ),
        (lambda: ops.concatenate(ones(2), ones(2)), ["xs must be a list of Tensors", "write concatenate([a, b])"]),
        (lambda: ops.broadcast_to(ones(3), 3), ["shape must be a tuple of integers, but is 3; write (3,)"]),
        (lambda: nn.LeakyReLU(ones(2, 3)), ["but is Tensor (2, 3)", "then call it: LeakyReLU(…)(x)"]),
        (lambda: nn.Dropout(ones(2, 3), rng=rng()), ["then call it: Dropout(…)(x)"]),
        (lambda: nn.AvgPool2d(ones(2, 4, 4, 3)), ["then call it: AvgPool2d(…)(x)"]),
        (lambda: nn.BatchNorm(np.ones((2, 3), "float32")), ["but is ndarray (2, 3)", "then call it: BatchNorm(…)(x)"]),
        (lambda: nn.Tanh(ones(2, 3)), ["Tanh takes no options", "then call it: Tanh()(x)"]),
        (lambda: nn.ReLU(inplace=True), ["ReLU takes no options, but was given inplace=True", "leave it out: ReLU()"]),
        (lambda: nn.Sequential(nn.ReLU), ["layer 0 is the class ReLU", "make one of it: ReLU(…)"]),
        (lambda: nn.Linear(3, 2, rng=rng(), init=init.normal), ["init must be a function (shape, fan_in, "]),
        (lambda: nn.Linear(3, 2, rng=rng(), init=lambda *_: np.ones(3)), ["wanted (3, 2)   made (3,)"]),
        (lambda: nn.Residual(nn.Sequential(nn.Flatten()))(ones(2, 4, 3)), ["main (2, 12)   shortcut (2, 4, 3)"]),
        (
            lambda: ops.batch_norm(ones(4, 3, dtype="float64"), ones(3), ones(3), training=True),
            ["x (4, 3) float64   gamma (3,) float32", "batch_norm: the inputs", "convert one with .astype(dtype)"],
        ),
        (lambda: ops.conv2d(None, ones(3, 3, 3, 3)), ["data is NoneType", "as x of conv2d"]),
        (lambda: ops.mse(ones(2), 1.0, weight="much"), ["data is str", "as weight of mse"]),
    ],
    ids=lambda x: None if callable(x) else "",
)  # fmt: skip
def test_the_way_out(act, hints):
    said = message(act)
    for hint in hints:
        assert hint in said
    assert ("NCHW" in said) == (NCHW in hints)
    assert ("PyTorch" in said) == any("PyTorch" in hint for hint in hints)


def test_the_ways_out_lead_out():
    x, w = ones(2, 3, 32, 32), ones(16, 3, 5, 5)
    assert ops.conv2d(x.transpose(0, 2, 3, 1), w.transpose(2, 3, 1, 0)).shape == (2, 28, 28, 16)
    assert ops.conv_transpose2d(ones(2, 8, 8, 16), w.transpose(2, 3, 1, 0)).shape == (2, 12, 12, 3)
    assert ops.linear(ones(4, 5), ones(2, 5).T).shape == (4, 2)
    assert nn.Conv2d(3, 8, 3, rng=rng())(ones(32, 32, 3)[None]).shape == (1, 30, 30, 8)


@pytest.mark.parametrize("wrong", [0, 3, None, "seed", np.random.RandomState(0), np.random])
def test_random_numbers_come_from_a_generator(wrong):
    seed = wrong if isinstance(wrong, int) else 0
    makers = {
        "Linear": lambda: nn.Linear(3, 2, rng=wrong),
        "Conv2d": lambda: nn.Conv2d(3, 2, 3, rng=wrong),
        "ConvTranspose2d": lambda: nn.ConvTranspose2d(3, 2, 3, rng=wrong),
        "Embedding": lambda: nn.Embedding(3, 2, rng=wrong),
        "Dropout": lambda: nn.Dropout(0.5, rng=wrong),
        "SpectralNorm": lambda: nn.SpectralNorm(nn.Linear(3, 2, rng=rng()), rng=wrong),
        "dropout": lambda: ops.dropout(ones(3), 0.5, wrong),
        "glorot_uniform": lambda: init.glorot_uniform((3, 2), 3, 2, wrong),
        "he_normal": lambda: init.he_normal((3, 2), 3, 2, wrong),
        "normal": lambda: init.normal(0.02)((3, 2), 3, 2, wrong),
        "orthogonal": lambda: init.orthogonal((3, 2), 3, 2, wrong),
    }
    for name, make in makers.items():
        assert message(make).startswith(f"{name}: rng must be np.random.default_rng({seed}), say, but is ")


# --- what is taken -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("leading", [(), (4,), (2, 4), (2, 3, 4), (0, 4)])
def test_linear_takes_any_axes_before_the_last(leading):
    x = Tensor(rng().standard_normal((*leading, 3)), requires_grad=True)
    layer = nn.Linear(3, 2, rng=rng()).to(dtype="float64")
    y = layer(x)
    assert y.shape == (*leading, 2)
    np.testing.assert_allclose(y.data, x.data @ layer.w.data + layer.b.data, rtol=1e-12)
    y.sum().backward()
    rows = x.data.reshape(-1, 3)
    np.testing.assert_allclose(x.grad.data, np.broadcast_to(layer.w.data.sum(1), x.shape), rtol=1e-12)
    np.testing.assert_allclose(layer.w.grad.data, np.repeat(rows.sum(0)[:, None], 2, axis=1), rtol=1e-12)
    np.testing.assert_allclose(layer.b.grad.data, [len(rows)] * 2, rtol=1e-12)


@pytest.mark.parametrize("numbers", [[0, 2], (0, 2), [[0, 1], [2, 0]], 1, np.int64(1), [np.int32(0), 1], np.array([2])])
def test_an_embedding_takes_integers_in_any_form(numbers):
    layer = nn.Embedding(3, 2, rng=rng())
    np.testing.assert_array_equal(layer(numbers).data, layer.w.data[np.asarray(numbers)])
    assert nn.Sequential(layer, nn.Tanh())(numbers).shape == (*np.shape(numbers), 2)
    np.testing.assert_array_equal(ops.take(layer.w, numbers).data, layer(numbers).data)


@pytest.mark.parametrize("numbers", [[0.0, 1.0], [True, False], ["a"], [[0], [0, 1]], [None], 0.5])
def test_an_embedding_takes_nothing_but_integers(numbers):
    assert "Embedding" in message(lambda: nn.Embedding(3, 2, rng=rng())(numbers))


@pytest.mark.parametrize("kind", [np.int8, np.uint16, np.int64])
def test_integers_of_numpy_are_integers_everywhere(kind):
    def each(*numbers):
        return tuple(kind(n) for n in numbers)

    one, two, three = each(1, 2, 3)
    x = ones(2, 8, 8, 4)
    conv = nn.Conv2d(kind(4), kind(6), three, stride=two, padding=one, dilation=one, groups=two, rng=rng())
    up = nn.ConvTranspose2d(kind(4), kind(6), each(3, 3), stride=two, output_padding=one, groups=two, rng=rng())
    assert (conv(x).shape, up(x).shape) == ((2, 4, 4, 6), (2, 18, 18, 6))
    assert nn.Sequential(nn.AvgPool2d(two, two), nn.MaxPool2d(each(2, 2), padding=one))(x).shape == (2, 3, 3, 4)
    assert nn.Sequential(nn.Upsample(two), nn.PixelShuffle(two), nn.ReflectionPad2d(two))(x).shape == (2, 36, 36, 1)
    assert nn.Sequential(nn.Flatten(), nn.Reshape(two, kind(-1) if kind is not np.uint16 else -1))(x).shape == (
        2,
        2,
        128,
    )
    assert nn.Sequential(nn.BatchNorm(kind(4)), nn.InstanceNorm(kind(4)), nn.LayerNorm(kind(4)))(x).shape == x.shape
    assert nn.MinibatchStd(two)(x).shape == (2, 8, 8, 5)
    assert nn.Linear(kind(4), two, rng=rng())(x).shape == (2, 8, 8, 2)
    assert nn.Embedding(three, two, rng=rng())([0]).shape == (1, 2)
    assert (ops.sum(x, one).shape, ops.mean(x, each(1, 2)).shape, ops.max(x, three).shape) == (
        (2, 8, 4),
        (2, 4),
        (2, 8, 8),
    )
    assert (ops.broadcast_to(ones(1, 3), each(2, 3)).shape, ops.reshape(ones(6), each(2, 3)).shape) == ((2, 3), (2, 3))
    assert ops.transpose(x, each(0, 3, 1, 2)).shape == (2, 4, 8, 8)
    assert ops.pad(ones(2), (each(1, 2),)).shape == (5,)
    assert ops.concatenate([ones(2, 3), ones(2, 3)], axis=one).shape == (2, 6)
