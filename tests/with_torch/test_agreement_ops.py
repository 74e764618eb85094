"""Every op with a namesake in PyTorch: value, first and second derivatives, in float64.

Both get the same arrays, images as NHWC; the PyTorch side of a case turns them into NCHW, so that its derivatives come
out in rawgan's layout again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn import functional

import rawgan
from rawgan import Tensor, ops

Array = NDArray[np.float64]
TOLERANCE = 1e-10  # of the largest number in the array


@dataclass(frozen=True)
class Case:
    """The same function twice, and the shapes of its arguments."""

    name: str
    ours: Callable[..., Tensor]
    theirs: Callable[..., torch.Tensor]
    shapes: tuple[tuple[int, ...], ...]
    scale: float = 1.0

    def __str__(self) -> str:
        return self.name


def nchw(x: torch.Tensor) -> torch.Tensor:
    """Shapes: (N, H, W, C) → (N, C, H, W)"""
    return x.permute(0, 3, 1, 2)


def nhwc(x: torch.Tensor) -> torch.Tensor:
    """Shapes: (N, C, H, W) → (N, H, W, C)"""
    return x.permute(0, 2, 3, 1)


def conv_case(size: int | tuple[int, int], kernel: tuple[int, int], channels: tuple[int, int], **options: Any) -> Case:
    """A conv2d with bias. `channels` are (in, out)."""
    h, w = (size, size) if isinstance(size, int) else size
    inputs, outputs = channels
    padding = options.get("padding", 0)

    def theirs(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        images, others = nchw(x), dict(options)
        if isinstance(padding, tuple) and isinstance(padding[0], tuple):  # PyTorch pads both sides alike
            (top, bottom), (left, right) = padding
            images, others["padding"] = functional.pad(images, (left, right, top, bottom)), 0
        return nhwc(functional.conv2d(images, w.permute(3, 2, 0, 1), b, **others))

    return Case(
        f"conv2d {h}x{w} {kernel} {channels} {options}",
        lambda x, w, b: ops.conv2d(x, w, b, **options),
        theirs,
        ((2, h, w, inputs), (*kernel, inputs // options.get("groups", 1), outputs), (outputs,)),
    )


def transposed_case(size: int, kernel: tuple[int, int], channels: tuple[int, int], **options: Any) -> Case:
    """A conv_transpose2d with bias. `channels` are (in, out)."""
    inputs, outputs = channels
    return Case(
        f"conv_transpose2d {size}x{size} {kernel} {channels} {options}",
        lambda x, w, b: ops.conv_transpose2d(x, w, b, **options),
        lambda x, w, b: nhwc(functional.conv_transpose2d(nchw(x), w.permute(3, 2, 0, 1), b, **options)),
        ((2, size, size, inputs), (*kernel, outputs // options.get("groups", 1), inputs), (outputs,)),
    )


def bce_cases(reduction: str) -> list[Case]:
    """Cross-entropy on logits with a target in [0, 1] that has a gradient too; moderate and very sure logits."""

    def ours(x: Tensor, t: Tensor, weight: Tensor) -> Tensor:
        return ops.bce_with_logits(x, ops.sigmoid(t), ops.sigmoid(weight), reduction)

    def theirs(x: torch.Tensor, t: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        # PyTorch's own weight has no gradient
        losses = functional.binary_cross_entropy_with_logits(x, t.sigmoid(), reduction="none") * weight.sigmoid()
        return losses if reduction == "none" else getattr(losses, reduction)()

    def constant(weight: Array) -> tuple[Callable[[Tensor], Tensor], Callable[[torch.Tensor], torch.Tensor]]:
        return (
            lambda x: ops.bce_with_logits(x, 1.0, weight, reduction),
            lambda x: functional.binary_cross_entropy_with_logits(
                x, torch.ones_like(x), torch.from_numpy(weight), reduction=reduction
            ),
        )

    weight = np.linspace(0.1, 2, 12).reshape(3, 4)
    return [
        Case(f"bce_with_logits {reduction}", ours, theirs, ((3, 4), (3, 4), (3, 4))),
        Case(f"bce_with_logits {reduction} weight", *constant(weight), ((3, 4),)),
        Case(f"bce_with_logits {reduction} sure", *constant(weight), ((3, 4),), scale=300.0),
    ]


LABELS = np.array([0, 4, 2, 2])
POOLS = (
    {"kernel": 2},
    {"kernel": 3, "stride": 2, "padding": 1},
    {"kernel": (2, 3), "stride": (1, 2)},
)


def pool(function: Callable[..., torch.Tensor], options: dict[str, Any]) -> Callable[[torch.Tensor], torch.Tensor]:
    """A pooling of PyTorch over NHWC images."""
    return lambda x: nhwc(
        function(nchw(x), options["kernel"], options.get("stride"), padding=options.get("padding", 0))
    )


CASES = [
    conv_case(5, (3, 3), (2, 3)),
    conv_case(8, (4, 4), (2, 3), stride=2, padding=1),
    conv_case((7, 6), (3, 2), (2, 3), stride=(2, 1), padding=(1, 0)),
    conv_case(6, (3, 3), (2, 3), padding=((0, 2), (1, 0))),
    conv_case(8, (3, 3), (2, 3), dilation=2, padding=2),
    conv_case(9, (2, 3), (2, 3), dilation=(3, 2), stride=(1, 2)),
    conv_case(6, (3, 3), (4, 6), groups=2, padding=1),
    conv_case(6, (3, 3), (4, 4), groups=4, stride=2, padding=1, dilation=2),
    conv_case(6, (4, 3), (2, 3), padding="same"),
    conv_case(5, (1, 1), (3, 2)),
    transposed_case(4, (3, 3), (2, 3)),
    transposed_case(4, (4, 4), (3, 2), stride=2, padding=1),
    transposed_case(4, (3, 3), (2, 3), stride=2, padding=1, output_padding=1),
    transposed_case(3, (3, 2), (2, 3), stride=(3, 2), output_padding=(2, 0), padding=(0, 1)),
    transposed_case(4, (3, 3), (2, 3), dilation=2, stride=2, padding=1, output_padding=1),
    transposed_case(4, (4, 4), (4, 6), groups=2, stride=2, padding=1),
    transposed_case(1, (4, 4), (5, 3)),
    Case(
        "linear",
        ops.linear,
        lambda x, w, b: functional.linear(x, w.T, b),
        ((3, 4), (4, 5), (5,)),
    ),
    *(
        Case(
            f"batch_norm {shape}",
            lambda x, gamma, beta: ops.batch_norm(x, gamma, beta, training=True, eps=1e-3),
            lambda x, gamma, beta: functional.batch_norm(
                x.movedim(-1, 1), None, None, gamma, beta, training=True, eps=1e-3
            ).movedim(1, -1),
            (shape, (3,), (3,)),
        )
        for shape in ((6, 3), (4, 2, 3, 3))
    ),
    Case(
        "layer_norm (3,)",
        ops.layer_norm,
        lambda x, gamma, beta: functional.layer_norm(x, (3,), gamma, beta),
        ((4, 5, 3), (3,), (3,)),
    ),
    Case(
        "layer_norm (5, 3)",
        lambda x, gamma, beta: ops.layer_norm(x, gamma, beta, eps=0.1),
        lambda x, gamma, beta: functional.layer_norm(x, (5, 3), gamma, beta, eps=0.1),
        ((4, 5, 3), (5, 3), (5, 3)),
    ),
    Case(
        "instance_norm",
        ops.instance_norm,
        lambda x, gamma, beta: nhwc(functional.instance_norm(nchw(x), weight=gamma, bias=beta)),
        ((2, 3, 4, 5), (5,), (5,)),
    ),
    *(case for reduction in ("mean", "sum", "none") for case in bce_cases(reduction)),
    *(
        Case(
            f"softmax_cross_entropy {reduction}",
            lambda x, reduction=reduction: ops.softmax_cross_entropy(x, LABELS, reduction=reduction),
            lambda x, reduction=reduction: functional.cross_entropy(x, torch.from_numpy(LABELS), reduction=reduction),
            ((4, 5),),
            scale=3.0,
        )
        for reduction in ("mean", "sum", "none")
    ),
    Case(
        "softmax_cross_entropy weight",
        lambda x, weight: ops.softmax_cross_entropy(x, LABELS, weight),
        lambda x, weight: (functional.cross_entropy(x, torch.from_numpy(LABELS), reduction="none") * weight).mean(),
        ((4, 5), (4,)),
    ),
    Case("mse", ops.mse, functional.mse_loss, ((3, 4), (3, 4))),
    Case("l1", ops.l1, functional.l1_loss, ((3, 4), (3, 4))),
    Case("leaky_relu", lambda x: ops.leaky_relu(x, 0.3), lambda x: functional.leaky_relu(x, 0.3), ((3, 4),)),
    Case("relu", ops.relu, functional.relu, ((3, 4),)),
    Case("tanh", ops.tanh, torch.tanh, ((3, 4),)),
    Case("sigmoid", ops.sigmoid, torch.sigmoid, ((3, 4),), scale=3.0),
    Case("softplus", ops.softplus, functional.softplus, ((3, 4),), scale=3.0),
    *(
        Case(
            f"upsample_nearest {factor}",
            lambda x, factor=factor: ops.upsample_nearest(x, factor),
            lambda x, factor=factor: nhwc(functional.interpolate(nchw(x), scale_factor=factor, mode="nearest")),
            ((2, 3, 4, 2),),
        )
        for factor in (2, 3)
    ),
    *(
        Case(
            f"upsample_bilinear {factor}",
            lambda x, factor=factor: ops.upsample_bilinear(x, factor),
            lambda x, factor=factor: nhwc(
                functional.interpolate(nchw(x), scale_factor=factor, mode="bilinear", align_corners=False)
            ),
            ((2, 3, 4, 2),),
        )
        for factor in (2, 3)
    ),
    *(
        Case(
            f"pixel_shuffle {factor}",
            lambda x, factor=factor: ops.pixel_shuffle(x, factor),
            lambda x, factor=factor: nhwc(functional.pixel_shuffle(nchw(x), factor)),
            ((2, 3, 4, 2 * factor**2),),
        )
        for factor in (2, 3)
    ),
    *(
        Case(
            f"avg_pool2d {options}",
            lambda x, options=options: ops.avg_pool2d(x, **options),
            pool(functional.avg_pool2d, options),
            ((2, 6, 7, 3),),
        )
        for options in POOLS
    ),
    *(
        Case(
            f"max_pool2d {options}",
            lambda x, options=options: ops.max_pool2d(x, **options),
            pool(functional.max_pool2d, options),
            ((2, 6, 7, 3),),
        )
        for options in POOLS
    ),
]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")  # of PyTorch: it copies
@pytest.mark.parametrize("case", CASES, ids=str)
def test_value_and_derivatives(case: Case) -> None:
    """Two scalars are differentiated: Σ u · y, and the same of the gradients, by all arguments and by u."""
    rng = np.random.default_rng(1)
    arrays = [case.scale * rng.standard_normal(shape) for shape in case.shapes]
    upstream = rng.standard_normal(case.ours(*map(Tensor, arrays)).shape)
    second = [rng.standard_normal(shape) for shape in case.shapes]

    xs = [Tensor(array, requires_grad=True) for array in (*arrays, upstream)]
    y = case.ours(*xs[:-1])
    gradients = rawgan.grad((y * xs[-1]).sum(), xs, create_graph=True)
    curvature = sum(((g * Tensor(v)).sum() for g, v in zip(gradients[:-1], second, strict=True)), Tensor(np.zeros(())))
    found = [y, *gradients, *rawgan.grad(curvature, xs, unconnected="zero")]

    ts = [torch.from_numpy(array).requires_grad_() for array in (*arrays, upstream)]
    ty = case.theirs(*ts[:-1])
    expected_gradients = torch.autograd.grad((ty * ts[-1]).sum(), ts, create_graph=True)
    pairs = zip(expected_gradients[:-1], second, strict=True)
    expected_curvature = sum((g * torch.from_numpy(v)).sum() for g, v in pairs)
    expected = [
        ty,
        *expected_gradients,
        *torch.autograd.grad(expected_curvature, ts, allow_unused=True, materialize_grads=True),
    ]
    names = ["y", *(f"g{i}" for i in range(len(xs))), *(f"gg{i}" for i in range(len(xs)))]
    compare(names, [x.numpy() for x in found], [t.numpy(force=True) for t in expected])


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(6, 3), (4, 2, 3, 3)], ids=str)
def test_batch_norm_statistics(shape: tuple[int, ...], training: bool) -> None:
    """Running mean and (unbiased) variance, moved twice in training, used and left alone in evaluation."""
    rng = np.random.default_rng(2)
    gamma, beta, mean = rng.standard_normal((3, 3))
    var = rng.uniform(0.5, 2, 3)
    ours = [Tensor(array.copy()) for array in (gamma, beta, mean, var)]
    theirs = [torch.from_numpy(array.copy()) for array in (gamma, beta, mean, var)]
    for _ in range(2):
        array, upstream = rng.standard_normal(shape) + 1, rng.standard_normal(shape)
        x, t = Tensor(array, requires_grad=True), torch.from_numpy(array).requires_grad_()
        y = ops.batch_norm(x, *ours, training=training, momentum=0.3)
        ty = functional.batch_norm(
            t.movedim(-1, 1), theirs[2], theirs[3], *theirs[:2], training=training, momentum=0.3
        ).movedim(1, -1)
        (gx,) = rawgan.grad(y, x, Tensor(upstream))
        (gt,) = torch.autograd.grad(ty, t, torch.from_numpy(upstream))
        compare(
            ["y", "gx", "running_mean", "running_var"],
            [y.numpy(), gx.numpy(), ours[2].numpy(), ours[3].numpy()],
            [ty.detach().numpy(), gt.numpy(), theirs[2].numpy(), theirs[3].numpy()],
        )
    assert np.array_equal(ours[2].numpy(), mean) is not training


def compare(names: Sequence[str], found: Sequence[Array], expected: Sequence[Array]) -> None:
    """Each array must have the other's shape and dtype, and its numbers."""
    for name, ours, theirs in zip(names, found, expected, strict=True):
        assert ours.shape == theirs.shape, name
        assert ours.dtype == theirs.dtype, name
        scale = max(1.0, float(np.abs(theirs).max(initial=0)))
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=TOLERANCE * scale, err_msg=name)
