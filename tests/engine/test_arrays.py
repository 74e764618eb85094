"""Arrays at the door: foreign byte orders, dtypes, layouts and classes are made plain, or refused, where they enter."""

import warnings

import numpy as np
import pytest
from fake_cupy import cupy  # noqa: F401  # a fixture

from rawgan import Tensor, grad, nn, ops, optim
from rawgan.arrays import FLOATS, integers, overlap
from rawgan.data import ImageSet
from rawgan.errors import ArgumentError, DeviceError, DTypeError, RawganError, ShapeError
from rawgan.metrics import fid

pytestmark = pytest.mark.usefixtures("each_backend")

VALUES = np.array([[1.0, -2.0], [0.5, 3.0]])


def big_endian(a):
    return a.astype(a.dtype.newbyteorder(">"))


def unaligned(a):
    room = np.zeros(a.nbytes + 1, np.uint8)
    view = room[1:].view(a.dtype).reshape(a.shape)
    view[...] = a
    assert not view.flags.aligned or a.itemsize == 1
    return view


def in_a_record(a):
    record = np.zeros(a.shape, np.dtype([("flag", "i1"), ("x", a.dtype)]))
    record["x"] = a
    return record["x"]


def matrix(a):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy discourages them
        return np.matrix(a)


class Labelled(np.ndarray):
    """An array of somebody's own, which multiplies in its own way."""

    def __mul__(self, other):
        raise AssertionError("its own multiplication was called")

    __rmul__ = __mul__


class Foreign:
    """An array of another library."""

    def __init__(self, array):
        self.array = array
        self.dtype, self.shape = "foreign.float", array.shape

    def __array__(self, dtype=None, copy=None):
        if self.array is None:
            raise RuntimeError("it is on another device")
        return self.array


def memory_map(a):
    import tempfile

    file = tempfile.NamedTemporaryFile()  # noqa: SIM115  # it lives as long as the map
    array = np.memmap(file, a.dtype, "w+", shape=a.shape)
    array[...] = a
    return array


FORMS = {
    "big-endian": big_endian,
    "unaligned": unaligned,
    "field of a record": in_a_record,
    "matrix": matrix,
    "memory map": memory_map,
    "subclass": lambda a: a.view(Labelled),
    "another library's": Foreign,
    "Fortran": np.asfortranarray,
    "reversed": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
    "stride 0": lambda a: np.broadcast_to(a, (3, *a.shape))[0],
    "read-only": lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape),
}
every_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
every_float = pytest.mark.parametrize("dtype", FLOATS)


@every_form
@every_float
def test_arrays_of_any_form_are_taken_by_every_kind_of_op(form, dtype):
    plain = VALUES.astype(dtype)
    results = []
    for array in (plain, form(plain)):
        x = Tensor(array, requires_grad=True)
        assert type(x.data) is np.ndarray
        assert x.dtype == np.dtype(dtype)
        assert x.dtype.isnative
        assert x.data.flags.aligned
        y = ops.tanh(x @ x) * x + ops.leaky_relu(x).sum(axis=0) + ops.max(x)
        loss = ops.bce_with_logits(y, 1.0) + ops.cross_entropy(y, np.array([0, 1]))
        results.append([y.data, loss.data, grad(loss, x)[0].data])
    for ours, theirs in zip(*results, strict=True):
        assert ours.tobytes() == theirs.tobytes()


@every_form
def test_arrays_of_any_form_stand_beside_tensors_and_enter_layers(form):
    array = form(VALUES.astype("float32"))
    x = Tensor(VALUES.astype("float32"))
    assert (x * array).data.tolist() == (VALUES * VALUES).tolist()
    if form not in (FORMS["another library's"], FORMS["subclass"]):  # which are asked first, and answer
        assert (array * x).data.tolist() == (VALUES * VALUES).tolist()
    assert (x == array).all()
    layer = nn.Linear(2, 1, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(layer(array).data, layer(VALUES.astype("float32")).data)
    parameter = nn.Parameter(array)
    optim.SGD([parameter], 0.5).step([Tensor(np.ones((2, 2), "float32"))])
    assert parameter.data.tolist() == (VALUES - 0.5).tolist()
    x.data = array
    assert type(x.data) is np.ndarray
    assert x.dtype.isnative


def test_plain_arrays_are_shared_and_others_are_where_they_can_be():
    for form in ("Fortran", "memory map", "matrix", "subclass"):
        array = FORMS[form](VALUES.astype("float32"))
        Tensor(array)[0, 0] = 7.0
        assert np.asarray(array)[0, 0] == 7
    for form in ("big-endian", "unaligned"):
        array = FORMS[form](VALUES.astype("float32"))
        Tensor(array)[0, 0] = 7.0
        assert array[0, 0] == 1


REFUSED = {
    "int64": (np.ones(2, int), "convert it: data.astype"),
    "uint8": (np.ones(2, np.uint8), "convert it: data.astype"),
    "bool": (np.ones(2, bool), "convert it: data.astype"),
    "float16": (np.ones(2, np.float16), "convert it: data.astype"),
    "longdouble": (np.ones(2, np.longdouble), "convert it: data.astype"),
    "complex": (np.ones(2, complex), "its real part"),
    "object": (np.ones(2, object), "holds Python objects"),
    "record": (np.ones(2, [("x", "f4"), ("y", "f4")]), "one of its fields"),
    "text": (np.array(["1.5", "2"]), "holds text"),
    "bytes": (np.array([b"1.5"]), "holds text"),
    "dates": (np.array(["2020-01-01"], "datetime64[D]"), "dates or times"),
    "durations": (np.array([1], "timedelta64[s]"), "dates or times"),
    "masked": (np.ma.array([1.0, 2.0], mask=[True, False]), "its mask would be lost"),
    "masked, of no mask": (np.ma.array([1.0, 2.0]), "its mask would be lost"),
    "rows with masks": ([np.ma.array([1.0, 2.0], mask=[True, False])], "its mask would be lost"),
    "masked constant": (np.ma.masked, "its mask would be lost"),
    "another device": (Foreign(np.ones(0)), "it is on another device"),
    "Tensors": ([Tensor([1.0]), Tensor([2.0])], "concatenate joins them"),
    "complex number": (1j, "give an array, a number"),
    "half": (np.float16(1), "convert it: data.astype"),
    "set": ({1.0}, "give an array, a number"),
    "dict": ({"x": 1.0}, "give an array, a number"),
    "generator": ((x for x in [1.0]), "give an array, a number"),
}
REFUSED["another device"][0].array = None


@pytest.mark.parametrize(("data", "text"), REFUSED.values(), ids=REFUSED)
def test_anything_but_arrays_of_floats_is_refused_everywhere(data, text):
    doors = [Tensor, nn.Parameter, nn.Buffer, lambda data: setattr(Tensor([1.0, 2.0]), "data", data)]
    for door in doors[: 3 if not hasattr(data, "dtype") else 4]:
        with pytest.raises(DTypeError, match=text):
            door(data)


def test_a_masked_array_is_refused_wherever_its_mask_would_be_lost():
    masked = np.ma.array([[1.0, 2.0], [3.0, 4.0]], "float32", mask=[[1, 0], [0, 0]])
    labels = np.ma.array([0, 1], mask=[1, 0])
    x = Tensor([[1.0, 2.0], [3.0, 4.0]])
    for call in (
        lambda: x * masked,
        lambda: masked * x,
        lambda: x * (masked > 1),
        lambda: x < masked,
        lambda: ops.take(x, labels),
        lambda: ops.cross_entropy(x, labels),
        lambda: ops.mse(x, masked),
        lambda: nn.Linear(2, 1, rng=np.random.default_rng(0))(masked),
        lambda: nn.Embedding(2, 1, rng=np.random.default_rng(0))(labels),
        lambda: fid(masked, masked),
        lambda: ImageSet(np.ma.zeros((1, 8, 8, 1), np.uint8), None, "zeros"),
    ):
        with pytest.raises(DTypeError, match="mask would be lost"):
            call()


def test_metrics_take_numbers_only():
    for points in (np.ones((3, 2), complex), np.ones((3, 2), object), np.array([["1", "2"]] * 3)):
        with pytest.raises(DTypeError, match=r"fid: y must hold numbers, but is"):
            fid(np.ones((3, 2)), points)
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(9, 2)), rng.normal(size=(9, 2))
    assert fid(big_endian(a), unaligned(b)) == fid(a, b)


def test_the_second_argument_is_no_dtype():
    for wrong in ("float64", np.float64, 1, None):
        with pytest.raises(ArgumentError, match="requires_grad must be True or False"):
            Tensor([1.0], wrong)
    assert Tensor([1.0], requires_grad=np.True_).requires_grad is True


# --- numbers ---------------------------------------------------------------------------------------------

NUMBERS = [2, 2.0, np.int64(2), np.uint8(2), np.float64(2), np.float32(2), np.float16(2), np.longdouble(2)]
SCALARS = [*NUMBERS, True + 1, np.array(2), np.array(2.0), np.array(2, ">i4")]


def kind_of(number):
    return f"{type(number).__name__} {getattr(number, 'dtype', '')}"


@every_float
@pytest.mark.parametrize("number", SCALARS, ids=kind_of)
def test_a_number_takes_the_dtype_of_what_stands_beside_it(number, dtype):
    x = Tensor(VALUES.astype(dtype), requires_grad=True)
    two = VALUES * 0 + 2
    for got, expected in [
        (x + number, VALUES + 2),
        (number + x, VALUES + 2),
        (x - number, VALUES - 2),
        (number - x, 2 - VALUES),
        (x * number, VALUES * 2),
        (number * x, VALUES * 2),
        (x / number, VALUES / 2),
        (number / x, 2 / VALUES),
        (ops.maximum(x, number), np.maximum(VALUES, 2)),
        (ops.maximum(number, x), np.maximum(VALUES, 2)),
        (x**number, VALUES**2),
        (ops.mse(x, number, reduction="none"), (VALUES - 2) ** 2),
        (ops.l1(x, x, weight=number, reduction="none"), VALUES * 0),
    ]:
        assert got.dtype == np.dtype(dtype)
        np.testing.assert_allclose(got.data, expected, rtol=1e-6)
    np.testing.assert_array_equal(x == number, two == VALUES)
    (g,) = grad((x**number).sum(), x)
    np.testing.assert_allclose(g.data, 2 * VALUES, rtol=1e-6)


@every_float
def test_masks_labels_and_lists_take_the_dtype_of_the_tensor_beside_them(dtype):
    x = Tensor(VALUES.astype(dtype))
    for other in (
        np.array([True, False]),
        np.array([1, 0]),
        np.array([1, 0], ">u2"),
        np.array([1, 0], np.int8),
        [1, 0],
        (1.0, 0.0),
        [True, False],
        [np.int64(1), 0.0],
    ):
        for got in (x * other, other * x):
            assert got.dtype == np.dtype(dtype)
            assert got.data.tolist() == (VALUES * [1, 0]).tolist()
    targets = VALUES > 0
    assert ops.bce_with_logits(x, targets).item() == ops.bce_with_logits(x, targets.astype(dtype)).item()
    assert ops.mse(x, x + 1, weight=targets, reduction="sum").item() == targets.sum()
    assert (x * np.True_).data.tolist() == VALUES.tolist()
    with pytest.raises(DTypeError, match="the inputs are of two dtypes"):
        x * VALUES.astype("float32" if dtype == "float64" else "float64")
    for op in (ops.matmul, ops.linear):  # pixels as bytes are not silently taken for numbers
        with pytest.raises(DTypeError, match="data is uint8"):
            op(np.ones((2, 2), np.uint8), x)


def test_an_array_of_integers_is_no_array_of_floats_by_itself():
    for call in (
        lambda: ops.add(np.ones(2, int), 1),
        lambda: ops.tanh(np.ones(2, int)),
        lambda: ops.mse(np.ones(2, bool), 0),
    ):
        with pytest.raises(DTypeError, match="only float32 and float64 have gradients"):
            call()


def test_numbers_of_numpy_are_tensors_like_those_of_python():
    for number in (3, np.int64(3), np.uint8(3), np.True_ + np.int8(2)):
        assert (Tensor(number).dtype, Tensor(number).item()) == (np.dtype("float32"), 3)
    assert Tensor(np.True_).item() == 1
    assert Tensor(np.float64(3)).dtype == np.float64


def test_options_of_ops_and_layers_may_be_numbers_of_numpy():
    """Of 8 bits, so that whatever computes with them as they are overflows."""
    n, rng = np.uint8, np.random.default_rng
    x = Tensor(np.arange(400, dtype="float32").reshape(1, 10, 10, 4))
    for ours, theirs in [
        (ops.upsample_nearest(x, n(30)), ops.upsample_nearest(x, 30)),
        (ops.upsample_bilinear(x, n(30)), ops.upsample_bilinear(x, 30)),
        (ops.pixel_shuffle(x, n(2)), ops.pixel_shuffle(x, 2)),
        (ops.avg_pool2d(x, n(2), n(2), n(1)), ops.avg_pool2d(x, 2, 2, 1)),
        (ops.max_pool2d(x, n(3), n(2), (n(1), n(2))), ops.max_pool2d(x, 3, 2, (1, 2))),
        (ops.reflection_pad2d(x, n(2)), ops.reflection_pad2d(x, 2)),
        (ops.sum(x, n(1)), ops.sum(x, 1)),
        (ops.mean(x, (n(1), n(2))), ops.mean(x, (1, 2))),
        (ops.max(x, axis=np.int8(-1), keepdims=np.True_), ops.max(x, axis=-1, keepdims=True)),
        (ops.reshape(x, (n(20), n(20))), ops.reshape(x, (20, 20))),
        (ops.transpose(x, (n(0), n(3), n(1), n(2))), ops.transpose(x, (0, 3, 1, 2))),
        (ops.broadcast_to(x[:, :1], (n(1), n(10), n(10), n(4))), ops.broadcast_to(x[:, :1], (1, 10, 10, 4))),
        (ops.concatenate([x, x], n(1)), ops.concatenate([x, x], 1)),
        (ops.pad(x, ((n(1), n(0)),) * 4), ops.pad(x, ((1, 0),) * 4)),
        (x[n(0), n(1) :], x[0, 1:]),
        (ops.leaky_relu(x, np.float64(0.2)), ops.leaky_relu(x, 0.2)),
        (ops.layer_norm(x, x[0, 0, 0], x[0, 0, 0], eps=np.float64(1e-5)), ops.layer_norm(x, x[0, 0, 0], x[0, 0, 0])),
        (nn.Upsample(n(2))(x), nn.Upsample(2)(x)),
        (nn.Reshape(n(20), n(20))(x), nn.Reshape(20, 20)(x)),
        (nn.MinibatchStd(n(4))(x), nn.MinibatchStd(4)(x)),
        (
            nn.Conv2d(n(4), n(8), n(3), stride=n(2), padding=n(1), groups=n(2), rng=rng(0))(x),
            nn.Conv2d(4, 8, 3, stride=2, padding=1, groups=2, rng=rng(0))(x),
        ),
    ]:
        assert ours.dtype == np.float32
        assert ours.shape == theirs.shape
        assert ours.data.tobytes() == theirs.data.tobytes()


@every_float
def test_single_numbers_without_axes_have_gradients_of_their_own_kind(dtype):
    """NumPy makes scalars, not arrays, of what it computes from them."""
    for function, slope in [
        (lambda x: ops.maximum(x, 1.0), 1),
        (lambda x: ops.maximum(1.0, x) * x, 4),
        (lambda x: abs(-x) * x, 4),
        (lambda x: ops.max(x) * x, 4),
        (lambda x: ops.relu(x) * ops.leaky_relu(x), 4),
        (lambda x: ops.bce_with_logits(x, 1.0) * x, 0.12692801 - 2 * 0.11920292),
        (lambda x: ops.tanh(x) * x, 0.96402758 + 2 * 0.07065082),
        (lambda x: ops.sigmoid(x) * x, 0.88079708 + 2 * 0.10499359),
        (lambda x: ops.softplus(x) * x, 2.12692801 + 2 * 0.88079708),
        (lambda x: x * ops.sqrt(x / 2) / ops.exp(x - 2), 1 + 0.5 - 2),
    ]:
        x = Tensor(np.array(2.0, dtype), requires_grad=True)
        y = function(x)
        (g,) = grad(y, x, create_graph=True)
        for array in (y.data, g.data, (g * x).data):
            assert type(array) is np.ndarray
            assert (array.shape, array.dtype) == ((), np.dtype(dtype))
        assert g.item() == pytest.approx(slope, rel=1e-5)
        (alone,) = grad(function(x), x)
        assert alone.item() == pytest.approx(slope, rel=1e-5)


# --- integers --------------------------------------------------------------------------------------------

INTEGERS = [np.int8, np.uint8, ">i2", "<u4", ">i8", np.uint64]


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_indices_and_labels_may_be_integers_of_any_kind(dtype):
    x = Tensor(np.random.default_rng(0).normal(size=(200, 3)), requires_grad=True)
    rows, labels = np.array([3, 100, 3]), np.arange(200) % 3
    for form in (lambda a: a, unaligned, lambda a: a[::-1].copy()[::-1]):
        indices = form(rows.astype(dtype))
        y = ops.take(x, indices)
        np.testing.assert_array_equal(y.data, x.data[rows])
        (g,) = grad(y.sum(), x)
        np.testing.assert_array_equal(g.data.sum(axis=1), 3 * np.bincount(rows, minlength=200))
        loss = ops.cross_entropy(x, form(labels.astype(dtype)))
        assert loss.item() == ops.cross_entropy(x, labels).item()
        embedding = nn.Embedding(200, 2, rng=np.random.default_rng(0))
        np.testing.assert_array_equal(embedding(indices).data, embedding.w.data[rows])
        np.testing.assert_array_equal(embedding(Foreign(indices)).data, embedding.w.data[rows])


def test_integers_that_number_nothing_are_refused():
    x = Tensor(np.zeros((4, 3)))
    for indices in (np.array([2**63], np.uint64), np.array([-5]), np.array([4], ">u2")):
        with pytest.raises(ArgumentError, match=r"take: indices must lie in -4 … 3, but go from"):
            ops.take(x, indices)
    for indices in (np.array([1.0]), np.array([None]), np.array([1 + 0j]), np.array(["1"]), [0.5], Tensor([1.0])):
        with pytest.raises(DTypeError, match="take: indices must be integers, but are"):
            ops.take(x, indices)
    with pytest.raises(DTypeError, match=r"of a mask, np\.flatnonzero"):
        ops.take(x, np.array([True, False, True, False]))


# --- dtypes by name --------------------------------------------------------------------------------------


def test_a_dtype_may_be_named_as_numpy_names_it():
    x = Tensor([1.0])
    for name in ("float64", np.float64, float, np.dtype("f8"), ">f8", "d"):
        assert x.astype(name).dtype == np.float64
        assert x.astype(name).dtype.isnative
    for name in (None, "float16", int, "flaot64", 3):
        with pytest.raises(ArgumentError, match=r"astype: dtype is .*; choose float32 or float64"):
            x.astype(name)


def test_a_dtype_in_the_place_of_a_device_is_explained():
    hint = r"did you mean x.astype\('float64'\), or .* \.to\(dtype='float64'\)\?"
    for call in (Tensor([1.0]).to, nn.Sequential(nn.BatchNorm(2)).to):
        for name in ("float64", np.float64):
            with pytest.raises(DeviceError, match=hint):
                call(name)
    with pytest.raises(DeviceError) as raised:
        Tensor([1.0]).to("tpu")
    assert "did you mean" not in str(raised.value)


def test_one_number_is_asked_of_one_number():
    for call, text in [
        (lambda: Tensor([1.0, 2.0]).item(), r"item: a Tensor of 2 numbers is not one\n  x \(2,\)"),
        (lambda: float(Tensor(np.zeros((0, 3)))), r"item: a Tensor of 0 numbers"),
        (lambda: int(Tensor([[1.0, 2.0]])), r"item: a Tensor of 2 numbers"),
        (lambda: len(Tensor(1.0)), "len: a Tensor without axes is one number"),
        (lambda: list(Tensor(1.0)), "len: a Tensor without axes is one number"),
    ]:
        with pytest.raises(ShapeError, match=text) as raised:
            call()
        assert isinstance(raised.value, RawganError)


# --- memory ----------------------------------------------------------------------------------------------


def test_overlap_is_what_numpy_finds_pair_by_pair():
    rng = np.random.default_rng(0)
    base = np.zeros(24)
    for _ in range(300):
        views = []
        for _ in range(3):
            start, step, count = rng.integers(0, 6), rng.integers(1, 4), rng.integers(1, 7)
            view = base[start::step][:count]
            views.append(view[::-1] if rng.random() < 0.5 else view)
        expected = any(np.shares_memory(a, b) for i, a in enumerate(views) for b in views[:i])
        assert (overlap(views) is not None) == expected


def test_integers_move_to_the_gpu_and_not_back_in_silence(cupy):  # noqa: F811  # the fixture
    on_gpu, here = cupy.asarray(np.zeros(2)), np.zeros(2)
    assert isinstance(integers(np.array([1], ">i2"), "labels", on_gpu), cupy.ndarray)
    with pytest.raises(DeviceError, match="labels are on a GPU"):
        integers(cupy.asarray(np.array([1])), "labels", here)
