"""PyTorch's own module samples: every one of them agrees with rawgan's layer, or says why it does not apply.

Compared are results, gradients and second derivatives with respect to inputs and parameters, and buffers after the
call, in training and in evaluation. All parameters and buffers are random: PyTorch starts with many ones and zeros.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from samples import NotApplicable, both, channels_first, channels_last, compare, judge, kernel, over_images
from torch.func import functional_call
from torch.testing._internal.common_modules import module_db

from rawgan import Tensor, nn, ops
from rawgan.nn.registry import LAYERS

TABLE = "PyTorch's module samples"
Tensors = dict[str, Tensor]
RNG = np.random.default_rng(0)  # layers want one, but their weights are replaced


@dataclass(frozen=True)
class Twin:
    """rawgan's layer with the options of a module, and how to call it in PyTorch's layout.

    `weights` are its parameters as functions of the module's, so that derivatives come out in PyTorch's layout.
    """

    layer: nn.Module
    call: Callable[[Any], Tensor]
    weights: Tensors


MODULES = {info.module_cls.__name__: info for info in module_db}
BUILDERS: dict[str, tuple[str, Callable[..., Twin]]] = {}
"""For each module of PyTorch whose samples are compared: the layer, and how to build it like a module."""


def like(layer: str, *modules: str) -> Callable[[Callable[..., Twin]], Callable[..., Twin]]:
    """Compare a layer with modules of PyTorch; the function builds it like one of them."""

    def register(build: Callable[..., Twin]) -> Callable[..., Twin]:
        BUILDERS.update(dict.fromkeys(modules, (layer, build)))
        return build

    return register


@like("Linear", "Linear")
def linear(module: Any, p: Tensors) -> Twin:
    layer = nn.Linear(module.in_features, module.out_features, rng=RNG, bias="bias" in p)
    weights = {"w": ops.transpose(p["weight"]), **bias(p)}
    return Twin(layer, lambda x: layer(x) if x.ndim == 2 else layer(x[None])[0], weights)


@like("Conv1d", "Conv1d")
def conv1d(module: Any, p: Tensors) -> Twin:
    return sequences(nn.Conv1d, module, p)


@like("ConvTranspose1d", "ConvTranspose1d")
def conv_transpose1d(module: Any, p: Tensors) -> Twin:
    return sequences(nn.ConvTranspose1d, module, p, output_padding=module.output_padding[0])


def sequences(make: Callable[..., nn.Module], module: Any, p: Tensors, **options: Any) -> Twin:
    if module.padding_mode != "zeros":
        raise NotApplicable(f"padding_mode {module.padding_mode}")
    layer = make(
        module.in_channels,
        module.out_channels,
        module.kernel_size[0],
        rng=RNG,
        stride=module.stride[0],
        padding=module.padding if module.padding == "same" else module.padding[0],
        dilation=module.dilation[0],
        groups=module.groups,
        bias="bias" in p,
        **options,
    )
    call = lambda x: channels_first(layer(channels_last(x))) if x.ndim == 3 else call(x[None])[0]  # noqa: E731
    return Twin(layer, call, {"w": ops.transpose(p["weight"]), **bias(p)})


@like("Conv2d", "Conv2d")
def conv(module: Any, p: Tensors) -> Twin:
    return convolution(nn.Conv2d, module, p)


@like("ConvTranspose2d", "ConvTranspose2d")
def conv_transpose(module: Any, p: Tensors) -> Twin:
    spatial = len(module.kernel_size)
    return convolution(nn.ConvTranspose2d, module, p, output_padding=both(module.output_padding, spatial, 0))


def convolution(make: Callable[..., nn.Module], module: Any, p: Tensors, **options: Any) -> Twin:
    spatial = len(module.kernel_size)
    layer = make(
        module.in_channels,
        module.out_channels,
        both(module.kernel_size, spatial, 1),
        rng=RNG,
        stride=both(module.stride, spatial, 1),
        padding=module.padding if module.padding == "same" else both(module.padding, spatial, 0),
        dilation=both(module.dilation, spatial, 1),
        groups=module.groups,
        bias="bias" in p,
        **options,
    )
    weights = {"w": kernel(p["weight"], spatial), **bias(p)}
    return Twin(layer, lambda x: over_images(layer, x, spatial), weights)


def bias(p: Tensors) -> Tensors:
    return {"b": p["bias"]} if "bias" in p else {}


@like("Embedding", "Embedding")
def embedding(module: Any, p: Tensors) -> Twin:
    layer = nn.Embedding(module.num_embeddings, module.embedding_dim, rng=RNG)
    return Twin(layer, layer, {"w": p["weight"]})


@like("BatchNorm", "BatchNorm1d", "BatchNorm2d", "BatchNorm3d")
def batch_norm(module: Any, p: Tensors) -> Twin:
    if module.training and module.momentum is None:
        raise NotApplicable("a running average of all batches alike")
    if not module.training and not module.track_running_stats:
        raise NotApplicable("evaluation without running statistics")
    layer = nn.BatchNorm(module.num_features, momentum=module.momentum or 0.0, eps=module.eps, affine=module.affine)

    def call(x: Tensor) -> Tensor:
        if module.training and x.size == 0:
            raise NotApplicable("training on an empty batch")
        return channels_first(layer(channels_last(x)))

    return Twin(layer, call, scales(p))


@like("LayerNorm", "LayerNorm")
def layer_norm(module: Any, p: Tensors) -> Twin:
    layer = nn.LayerNorm(tuple(module.normalized_shape), eps=module.eps, affine=module.elementwise_affine)
    return Twin(layer, layer, scales(p))


@like("InstanceNorm", "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d")
def instance_norm(module: Any, p: Tensors) -> Twin:
    if module.track_running_stats:
        raise NotApplicable("running statistics of an instance norm")
    layer = nn.InstanceNorm(module.num_features, eps=module.eps, affine=module.affine)

    def call(x: Tensor) -> Tensor:
        batch = x if x.ndim == spatial_axes(module) + 2 else x[None]
        y = channels_first(layer(channels_last(batch)))
        return y if batch is x else y[0]

    return Twin(layer, call, scales(p))


@like("GroupNorm", "GroupNorm")
def group_norm(module: Any, p: Tensors) -> Twin:
    layer = nn.GroupNorm(module.num_groups, module.num_channels, eps=module.eps, affine=module.affine)
    return Twin(layer, lambda x: channels_first(layer(channels_last(x))), scales(p))


def scales(p: Tensors) -> Tensors:
    """PyTorch's may lack either: rawgan's then stay as they are made, ones and zeros."""
    return {ours: p[theirs] for ours, theirs in (("gamma", "weight"), ("beta", "bias")) if theirs in p}


@like("LeakyReLU", "LeakyReLU")
def leaky_relu(module: Any, p: Tensors) -> Twin:
    layer = nn.LeakyReLU(module.negative_slope)
    return Twin(layer, layer, {})


@like("PReLU", "PReLU")
def prelu(module: Any, p: Tensors) -> Twin:
    """PyTorch's slopes are those of axis 1."""
    layer = nn.PReLU(module.num_parameters)
    several = module.num_parameters > 1
    call = lambda x: channels_first(layer(channels_last(x))) if several else layer(x)  # noqa: E731
    return Twin(layer, call, {"slope": p["weight"]})


@like("ELU", "ELU")
def elu(module: Any, p: Tensors) -> Twin:
    layer = nn.ELU(module.alpha)
    return Twin(layer, layer, {})


@like("GELU", "GELU")
def gelu(module: Any, p: Tensors) -> Twin:
    layer = nn.GELU(module.approximate)
    return Twin(layer, layer, {})


@like("AvgPool2d", "AvgPool1d", "AvgPool2d")
def avg_pool(module: Any, p: Tensors) -> Twin:
    if getattr(module, "divisor_override", None):
        raise NotApplicable("divisor_override")
    return pool(nn.AvgPool2d, module)


@like("MaxPool2d", "MaxPool1d", "MaxPool2d")
def max_pool(module: Any, p: Tensors) -> Twin:
    if module.return_indices:
        raise NotApplicable("indices of the largest elements")
    return pool(nn.MaxPool2d, module)


def pool(make: Callable[..., nn.Module], module: Any) -> Twin:
    spatial = spatial_axes(module)
    window, stride = (both(n, spatial, 1) for n in (module.kernel_size, module.stride))
    layer = make(window, stride, both(module.padding, spatial, 0))
    return Twin(layer, lambda x: over_images(layer, x, spatial), {})


@like("ReflectionPad2d", "ReflectionPad2d")
def reflection_pad(module: Any, p: Tensors) -> Twin:
    left, right, top, bottom = module.padding
    layer = nn.ReflectionPad2d(((top, bottom), (left, right)))
    return Twin(layer, lambda x: over_images(layer, x, 2), {})


def spatial_axes(module: Any) -> int:
    """Number of spatial axes: the digit in a module's name."""
    return int(type(module).__name__[-2])


@like("Softplus", "Softplus")
def softplus(module: Any, p: Tensors) -> Twin:
    """PyTorch's beta stretches both axes; above its threshold, where it returns x itself, float64 does, too."""
    layer, beta = nn.Softplus(), module.beta
    if module.threshold < 20:
        raise NotApplicable("a threshold above which x stands for softplus(x)")
    return Twin(layer, lambda x: layer(x * beta) / beta, {})


for _name, _layer in LAYERS.items():  # one without options, of the name of a module
    if issubclass(_layer, nn.activation.Activation) and _name in MODULES and _name not in BUILDERS:
        like(_name, _name)(lambda module, p, make=_layer: Twin(layer := make(), layer, {}))


@pytest.mark.parametrize("layer", sorted(LAYERS.keys() - {layer for layer, _ in BUILDERS.values()}))
def test_layers_that_are_not_compared_have_no_samples(layer: str, tally: Callable[..., None]) -> None:
    assert layer not in MODULES
    tally(TABLE, layer, ["PyTorch has no samples of it"], passed=0, not_applicable=0, failed=0)


@pytest.mark.parametrize("name", BUILDERS)
def test_module(name: str, tally: Callable[..., None]) -> None:
    info, (_, build) = MODULES[name], BUILDERS[name]

    def compare_sample(case: tuple[Any, bool]) -> None:
        sample, training = case
        made, given = sample.constructor_input, sample.forward_input
        module = info.module_cls(*made.args, **made.kwargs).double().train(training)
        parameters, buffers = random_state(module)

        def theirs(inputs: Any, parameters: dict[str, torch.Tensor], buffers: dict[str, torch.Tensor]) -> Any:
            args, kwargs = inputs
            return [functional_call(module, parameters | buffers, args, kwargs), *buffers.values()]

        def ours(inputs: Any, parameters: Tensors, buffers: Tensors) -> Any:
            (x,) = (*inputs[0], *inputs[1].values())
            twin = build(module, parameters)
            prepare(twin, module.training, buffers)
            return [twin.call(x), *(getattr(twin.layer, name) for name in buffers)]

        compare(ours, theirs, (given.args, given.kwargs), parameters, buffers)

    torch.manual_seed(0)
    options = {"device": "cpu", "dtype": torch.float64, "requires_grad": True}
    modes = (True, False)
    samples = [
        zip(info.module_inputs_func(info, training=training, **options), itertools.repeat(training))
        for training in modes
    ]
    outcome = judge(list(itertools.chain(*samples)), compare_sample)
    outcome.record(tally, TABLE, name)
    assert outcome.passed


def random_state(module: torch.nn.Module) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Parameters of any sign, and buffers above 0, as one is a variance. PyTorch's count of batches is left out."""
    parameters = {name: torch.randn_like(p).requires_grad_() for name, p in module.named_parameters()}
    buffers = {name: torch.rand_like(b) + 0.5 for name, b in module.named_buffers() if b.is_floating_point()}
    return parameters, buffers


def prepare(twin: Twin, training: bool, buffers: Tensors) -> None:
    """Put the weights in the place of the layer's own, which must be of the same names, shapes and dtype."""
    own = dict(twin.layer.to(dtype="float64").train(training).named_parameters())
    for name, weight in twin.weights.items():
        assert (weight.shape, weight.dtype) == (own[name].shape, own[name].dtype)
        vars(twin.layer)[name] = weight  # past the check that only a Parameter may be assigned
    for name, buffer in buffers.items():
        getattr(twin.layer, name).data = buffer.data
