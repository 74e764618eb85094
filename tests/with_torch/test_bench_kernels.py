"""PyTorch's calls in `bench kernels` compute the same as rawgan's kernels."""

from dataclasses import replace

import numpy as np
import pytest

from bench.competitors.kernel_calls import ArraySpec, call_on, parse_call
from bench.competitors.kernels import Oracle, RawganKernel, TorchKernel
from bench.competitors.torch_kernels.counterpart import counterparts
from bench.cpu.kernels import PRODUCTS, tolerance_at
from rawgan_kernels import KERNELS

SHAPES = ["3x8x8x2:5", "3x7x6x2:4,kernel=3,stride=2,padding=1", "3x5x5x4:2,kernel=3,stride=1,padding=0"]
CONVOLUTIONS = [name for name in KERNELS if name.startswith("conv2d")]
OTHERS = [name for name in KERNELS if name not in (*CONVOLUTIONS, "matmul", "resample", "scan")]


def check(case, tmp_path, channels_last, precision="float32", allowed=1e-5):
    Oracle().expect(case, tmp_path)
    found = TorchKernel(channels_last, threads=1).prepare(case, tmp_path, precision)
    assert isinstance(found, float), found
    assert found < allowed
    return found


def test_every_kernel_has_a_counterpart():
    assert set(KERNELS) <= counterparts().keys()


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kernel", CONVOLUTIONS)
def test_convolutions(kernel, shape, channels_last, tmp_path):
    case = parse_call(kernel, shape)
    check(case, tmp_path, channels_last)
    parameters = KERNELS[kernel].signature.parameters
    if "slope" in parameters:
        w = case.arguments[1]
        bias = ArraySpec((w.shape[3] if kernel == "conv2d" else w.shape[2],))
        for slope in (0.0, 0.2):
            check(replace(case, arguments=(*case.arguments, bias, slope)), tmp_path, channels_last)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("shape", [(6, 5), (4, 3, 3, 5)])
@pytest.mark.parametrize("kernel", OTHERS)
def test_others(kernel, shape, channels_last, tmp_path):
    case = call_on(kernel, shape)
    check(case, tmp_path, channels_last)
    if "slope" in case.named():
        for slope in (0.0, 1.0):
            values = case.named() | {"slope": slope}
            check(replace(case, arguments=tuple(values.values())), tmp_path, channels_last)


@pytest.mark.parametrize("shape", ["2x6x6x3", "2x6x6x3:12,taps=4", "2x6x6x3:3,taps=5", "2x6x8x3:9", "2x8x6x3:3"])
def test_resample(shape, tmp_path):
    check(parse_call("resample", shape), tmp_path, channels_last=True)


@pytest.mark.parametrize("order", [(), (1, 0)])
def test_matmul(order, tmp_path):
    case = parse_call("matmul", "6x5:4")
    a, b = case.arguments
    check(replace(case, arguments=(replace(a, order=order), b)), tmp_path, channels_last=False)


@pytest.mark.parametrize("kernel", PRODUCTS)
def test_products_in_bf16(kernel, tmp_path):
    """Both sides round: by more than float32 would, and by no more than what is allowed."""
    shapes = {"matmul": "6x50:4"}
    convolves = kernel.startswith("conv2d")
    case = parse_call(kernel, SHAPES[1] if convolves else shapes.get(kernel, "2x8x16"))
    found = check(case, tmp_path, True, "bf16", tolerance_at("bf16"))
    ours = RawganKernel("reference", threads=1).prepare(case, tmp_path, "bf16")
    assert found > 1e-4
    assert 1e-4 < ours < tolerance_at("bf16")


def test_numbers_are_the_same_for_everyone():
    case = call_on("normalize", (4, 3))
    for first, second in zip(case.values().values(), case.values().values(), strict=True):
        np.testing.assert_array_equal(first, second)
