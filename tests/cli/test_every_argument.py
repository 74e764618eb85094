"""Every op and every layer, called with arguments of every wrong kind: each error is rawgan's own, with a way out."""

import inspect

import numpy as np
import pytest

from rawgan import Tensor, nn, ops
from rawgan.errors import RawganError
from rawgan.nn import init


def ones(*shape: int, dtype: str = "float32") -> Tensor:
    return Tensor(np.ones(shape, dtype))


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


WRONG = {
    "None": None, "text": "a", "'same'": "same", "3": 3, "0": 0, "-1": -1, "1.5": 1.5, "NaN": float("nan"),
    "True": True,
    "floats": [1.0, 2.0], "integers": [0, 1], "[]": [], "(1, 2)": (1, 2), "(1, 2, 3)": (1, 2, 3), "dict": {"a": 1},
    "set": {1}, "object": object(), "NumPy's 2": np.int64(2), "NumPy's 0.5": np.float32(0.5), "10³⁰": 10**30,
    "infinity": float("inf"), "bytes": b"ab", "slice": slice(0.5, None), "ellipsis": ..., "ragged": [[1.0], [1.0, 2.0]],
    "()": ones(), "(3,)": ones(3), "(4, 3)": ones(4, 3), "(2, 4, 3)": ones(2, 4, 3), "NCHW": ones(2, 3, 8, 8),
    "NHWC": ones(2, 8, 8, 3), "5 axes": ones(1, 2, 2, 2, 2), "no samples": ones(0, 3), "no features": ones(4, 0),
    "float64": ones(2, 8, 8, 3, dtype="float64"), "array": np.ones((4, 3), "float32"),
    "array of integers": np.arange(3),
    "mask": np.array([True, False, True]), "complex": np.ones(3, complex), "array of text": np.array(["a"]),
    "array of objects": np.array([None]), "class": nn.ReLU, "layer": nn.ReLU(), "function": len,
    "iterator": iter([1, 2]), "generator": rng(),
}  # fmt: skip

X, SEQUENCE, PLANE = ones(4, 3), ones(2, 8, 3), ones(2, 8, 8, 3)
LOSS = {"x": ones(4, 1), "target": ones(4, 1), "weight": None, "reduction": "mean"}
LABELS = {
    "target": np.array([0, 1, 2, 0]), "weight": None, "reduction": "mean", "axis": -1, "ignore_index": -100,
}  # fmt: skip
WINDOW = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
MODULATED = {"demodulate": True, "stride": 1, "padding": 0, "gain": 1.0, "eps": 1e-8}
POOL = {"kernel": 2, "stride": None, "padding": 0}
SCALES = {"gamma": ones(3), "beta": ones(3)}
AXES = {"axis": 0, "keepdims": False}
OPS = {
    **{name: {"x": X} for name in ops.__all__ if [*inspect.signature(getattr(ops, name)).parameters] == ["x"]},
    **{name: {"a": X, "b": X} for name in ["add", "sub", "mul", "div", "floor_divide", "remainder"]},
    **{name: {"a": X, "b": X} for name in ["maximum", "minimum"]},
    **{name: {"x": X, **AXES} for name in ["sum", "mean", "max", "min", "prod", "argmax", "argmin"]},
    **{name: {"x": X, "axis": 0} for name in ["cumsum", "cumprod", "flip"]},
    **{name: {"x": X, "k": 0} for name in ["diag", "tril", "triu"]},
    **{name: {"x": X, "offset": 0, "axis1": 0, "axis2": 1} for name in ["diagonal", "trace"]},
    **{name: {"x": X, "axis": -1, "descending": False} for name in ["sort", "argsort"]},
    "topk": {"x": X, "k": 2, "axis": -1, "largest": True},
    "squeeze": {"x": ones(4, 1, 3), "axis": 1},
    "expand_dims": {"x": X, "axis": 1},
    "flatten": {"x": X, "start_axis": 0, "end_axis": -1},
    "swapaxes": {"x": X, "axis1": 0, "axis2": 1},
    "moveaxis": {"x": X, "source": 0, "destination": 1},
    "roll": {"x": X, "shift": 1, "axis": 0},
    "stack": {"xs": [X, X], "axis": 0},
    "split": {"x": X, "indices_or_sections": 2, "axis": 0},
    "tile": {"x": X, "reps": (1, 2)},
    "repeat": {"x": X, "repeats": 2, "axis": 0},
    "gather": {"x": X, "indices": [[0], [1], [2], [0]], "axis": 1},
    **{name: {"x": X, "axis": -1} for name in ["softmax", "log_softmax"]},
    "logsumexp": {"x": X, **AXES},
    **{name: {"x": X, **AXES, "correction": 1} for name in ["var", "std"]},
    "norm": {"x": X, "ord": 2, **AXES},
    "normalize": {"x": X, "ord": 2, "axis": -1, "eps": 1e-12},
    "cosine_similarity": {"a": X, "b": X, "axis": -1, "eps": 1e-8},
    "cdist": {"a": X, "b": X, "ord": 2},
    **dict.fromkeys(["bce_with_logits", "mse", "l1"], LOSS),
    "huber": {**LOSS, "delta": 1.0},
    "hinge": {**LOSS, "margin": 1.0},
    **{name: {"x": PLANE, **POOL} for name in ["avg_pool2d", "max_pool2d"]},
    **{name: {"x": PLANE, "factor": 2} for name in ["upsample_nearest", "upsample_bilinear", "pixel_unshuffle"]},
    "resize": {
        "x": PLANE, "size": (4, 4), "mode": "bilinear", "scale_factor": None, "antialias": True, "align_corners": False,
        "a": None,
    },
    "upfirdn2d": {"x": PLANE, "f": [1.0, 2.0], "up": 1, "down": 1, "padding": 0, "flip_filter": False, "gain": 1.0},
    "affine_grid": {"theta": ones(2, 2, 3), "size": (2, 4, 4, 3), "align_corners": False},
    "grid_sample": {
        "x": PLANE, "grid": ones(2, 4, 4, 2), "mode": "bilinear", "padding_mode": "zeros", "align_corners": False,
    },
    "conv1d": {"x": SEQUENCE, "w": ones(3, 3, 5), "b": ones(5), **WINDOW, "slope": 1.0},
    "conv_transpose1d": {"x": SEQUENCE, "w": ones(3, 5, 3), "b": ones(5), "output_padding": 0, **WINDOW, "slope": 1.0},
    "conv2d": {"x": PLANE, "w": ones(3, 3, 3, 5), "b": ones(5), **WINDOW, "slope": 1.0},
    "conv_transpose2d": {"x": PLANE, "w": ones(3, 3, 5, 3), "b": ones(5), "output_padding": 0, **WINDOW, "slope": 1.0},
    "batch_norm": {
        "x": X, **SCALES, "running_mean": ones(3), "running_var": ones(3), "training": True, "momentum": 0.1,
        "eps": 1e-5, "slope": 1.0,
    },
    "layer_norm": {"x": X, **SCALES, "axis": -1, "eps": 1e-5},
    "group_norm": {"x": PLANE, "groups": 3, **SCALES, "eps": 1e-5, "slope": 1.0},
    "instance_norm": {"x": PLANE, **SCALES, "eps": 1e-5},
    "linear": {"x": X, "w": ones(3, 2), "b": ones(2)},
    "matmul": {"a": X, "b": ones(3, 2)},
    "attention": {"query": ones(2, 4, 3), "key": ones(2, 5, 3), "value": ones(2, 5, 1), "scale": None},
    "modulated_conv2d": {"x": PLANE, "w": ones(3, 3, 3, 5), "s": ones(2, 3), **MODULATED},
    "modulated_conv_transpose2d": {
        "x": PLANE, "w": ones(3, 3, 5, 3), "s": ones(2, 3), **MODULATED, "output_padding": 0,
    },
    "scale_channels": {"x": PLANE, "factors": ones(2, 3)},
    "cross_entropy": {"x": X, **LABELS, "label_smoothing": 0.1},
    "nll": {"x": X, **LABELS},
    "pixel_shuffle": {"x": ones(2, 4, 4, 4), "factor": 2},
    "reflection_pad2d": {"x": PLANE, "padding": 1},
    "dropout": {"x": X, "rate": 0.5, "rng": rng()},
    "dropout2d": {"x": PLANE, "rate": 0.5, "rng": rng()},
    "leaky_relu": {"x": X, "slope": 0.2},
    "broadcast_to": {"x": ones(1, 3), "shape": (4, 3)},
    "reshape": {"x": X, "shape": (3, 4)},
    "transpose": {"x": X, "axes": (1, 0)},
    "slice_": {"x": X, "index": 0},
    "take": {"x": X, "indices": [0, 1], "axis": 0},
    "concatenate": {"xs": [X, X], "axis": 0},
    "pad": {"x": X, "widths": ((1, 1), (0, 0)), "value": 0.0},
    "pow": {"x": X, "exponent": 2},
    "where": {"condition": X > 0, "a": X, "b": X},
    "clip": {"x": X, "min": -1, "max": X},
    "round": {"x": X, "decimals": 0},
    "elu": {"x": X, "alpha": 1.0},
    "gelu": {"x": X, "approximate": "none"},
    "prelu": {"x": X, "slope": X},
    "astype": {"x": X, "dtype": "float32"},
}  # fmt: skip

WEIGHTED = {"bias": True, "rng": rng(), "init": init.he_normal}
LAYERS = {
    "Linear": ({"inputs": 3, "outputs": 2, **WEIGHTED}, X),
    "Conv2d": ({"inputs": 3, "outputs": 4, "kernel": 3, **WINDOW, **WEIGHTED}, PLANE),
    "ConvTranspose2d": ({"inputs": 3, "outputs": 4, "kernel": 3, "output_padding": 0, **WINDOW, **WEIGHTED}, PLANE),
    "Conv1d": ({"inputs": 3, "outputs": 4, "kernel": 3, **WINDOW, **WEIGHTED}, SEQUENCE),
    "ConvTranspose1d": ({"inputs": 3, "outputs": 4, "kernel": 3, "output_padding": 0, **WINDOW, **WEIGHTED}, SEQUENCE),
    "SelfAttention": ({"channels": 3, "rng": rng()}, PLANE),
    "EqualizedLinear": ({"inputs": 3, "outputs": 2, "rng": rng(), "bias": True, "gain": 1.0, "rate": 1.0}, X),
    "EqualizedConv2d": (
        {"inputs": 3, "outputs": 4, "kernel": 3, "rng": rng(), "stride": 1, "padding": 0, "bias": True, "gain": 1.0},
        PLANE,
    ),
    "Truncation": ({"width": 3, "factor": 0.5}, X),
    "NoiseInput": ({"rng": rng()}, PLANE),
    "PixelNorm": ({"eps": 1e-8}, X),
    "Embedding": ({"count": 5, "width": 3, "rng": rng(), "init": init.he_normal}, [0, 1]),
    "BatchNorm": ({"channels": 3, "momentum": 0.1, "eps": 1e-5, "affine": True}, X),
    "InstanceNorm": ({"channels": 3, "eps": 1e-5, "affine": True}, PLANE),
    "LayerNorm": ({"shape": 3, "eps": 1e-5, "affine": True}, X),
    "GroupNorm": ({"groups": 3, "channels": 3, "eps": 1e-5, "affine": True}, PLANE),
    "LeakyReLU": ({"slope": 0.2}, X),
    "PReLU": ({"channels": 3, "slope": 0.25}, X),
    "ELU": ({"alpha": 1.0}, X),
    "GELU": ({"approximate": "none"}, X),
    "Dropout": ({"rate": 0.5, "rng": rng()}, X),
    "Dropout2d": ({"rate": 0.5, "rng": rng()}, PLANE),
    "Upsample": ({"factor": 2, "mode": "nearest"}, PLANE),
    "AvgPool2d": (POOL, PLANE),
    "MaxPool2d": (POOL, PLANE),
    "PixelShuffle": ({"factor": 1}, PLANE),
    "ReflectionPad2d": ({"padding": 1}, PLANE),
    "MinibatchStd": ({"group": 2}, PLANE),
    "SpectralNorm": ({"layer": nn.Linear(3, 2, rng=rng()), "rng": rng(), "name": "w", "axis": -1}, X),
    "WeightNorm": ({"layer": nn.Linear(3, 2, rng=rng()), "name": "w", "axis": -1}, X),
    "Residual": ({"main": nn.Sequential(nn.Linear(3, 3, rng=rng())), "shortcut": None}, X),
    **{name: ({}, X) for name, layer in nn.registry.LAYERS.items() if layer.__init__ is object.__init__},
    "GlobalAvgPool": ({}, PLANE),
}
BY_VECTORS = {"inputs": 3, "outputs": 4, "kernel": 3, "vector": 5, "rng": rng(), "up": 1, "demodulate": True}
OF_TWO = {
    "ModulatedConv2d": ({**BY_VECTORS, "bias": True, "gain": 1.0}, (PLANE, ones(2, 5))),
    "AdaIN": ({"channels": 3, "style": 5, "rng": rng(), "eps": 1e-5}, (PLANE, ones(2, 5))),
    "ConditionalBatchNorm": ({"channels": 3, "classes": 2, "momentum": 0.1, "eps": 1e-5}, (PLANE, [0, 1])),
}
"""Layers with two inputs."""
POSITIONAL = {"Reshape": (3, X), "Sequential": (nn.ReLU(), X), "Branches": (nn.ReLU(), X)}
HOLDERS = {"ModuleList": [nn.ReLU()], "ModuleDict": {"a": nn.ReLU()}}
"""Modules that hold others, and are not called."""


def attempt(act, name: str, of_parts: bool = False, **given) -> None:
    """It works, or says in words of rawgan's own what does not, naming the op or layer (or one that it is made of)."""
    said = name
    with np.errstate(all="ignore"):
        try:
            act(**given)
        except RawganError as error:
            said = str(error)
    letters = said.lower().replace("_", "").replace(" ", "")
    assert of_parts or name.lower().replace("_", "") in letters, said


def test_the_tables_are_whole():
    assert {*OPS, "einsum"} == set(ops.__all__)  # einsum takes any number of inputs; its errors have tests of their own
    assert {*LAYERS, *OF_TWO, *POSITIONAL, *HOLDERS} == {
        name for name, kind in vars(nn).items() if inspect.isclass(kind) and issubclass(kind, nn.Module)
    } - {"Module"}
    for name, good in OPS.items():
        assert isinstance(getattr(ops, name)(**good), Tensor | np.ndarray | np.int64 | list | tuple)
    for name, (good, x) in LAYERS.items():
        assert isinstance(getattr(nn, name)(**good)(x), Tensor)
    for name, (good, inputs) in OF_TWO.items():
        assert isinstance(getattr(nn, name)(**good)(*inputs), Tensor)
    for name, (one, x) in POSITIONAL.items():
        assert isinstance(getattr(nn, name)(one)(x), Tensor)


@pytest.mark.parametrize("name", OPS)
def test_an_op_refuses_what_it_cannot_take(name):
    for argument in OPS[name]:
        for wrong in WRONG.values():
            attempt(lambda given: getattr(ops, name)(**{**OPS[name], **given}), name, given={argument: wrong})


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_refuses_what_it_cannot_take(name):
    good, x = LAYERS[name]
    for option in good:
        for wrong in WRONG.values():
            attempt(lambda given: getattr(nn, name)(**{**good, **given})(x), name, given={option: wrong})
    layer = getattr(nn, name)(**good)
    for wrong in WRONG.values():
        attempt(lambda wrong: layer(wrong), name, name in ("Residual", "SelfAttention"), wrong=wrong)
        if not good:
            attempt(lambda wrong: getattr(nn, name)(wrong), name, wrong=wrong)


@pytest.mark.parametrize("name", OF_TWO)
def test_a_layer_of_two_inputs_refuses_what_it_cannot_take(name):
    good, inputs = OF_TWO[name]
    for wrong in WRONG.values():
        for option in good:
            attempt(lambda given: getattr(nn, name)(**{**good, **given})(*inputs), name, given={option: wrong})
        for given in ((wrong, inputs[1]), (inputs[0], wrong)):
            attempt(lambda given: getattr(nn, name)(**good)(*given), name, given=given)


@pytest.mark.parametrize("name", HOLDERS)
def test_a_holder_of_modules_refuses_what_it_cannot_take(name):
    getattr(nn, name)(HOLDERS[name])
    for wrong in WRONG.values():
        attempt(getattr(nn, name), name, layers=wrong)


@pytest.mark.parametrize("name", POSITIONAL)
def test_a_container_refuses_what_it_cannot_take(name):
    one, x = POSITIONAL[name]
    for wrong in WRONG.values():
        attempt(lambda wrong: getattr(nn, name)(one, wrong)(x), name, wrong=wrong)
        attempt(lambda wrong: getattr(nn, name)(one)(wrong), name, True, wrong=wrong)
