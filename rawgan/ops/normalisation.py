"""Normalisation: batch, layer, instance and group norm are one op that averages over different axes."""

import math
from typing import Any

import rawgan_kernels as kernels
from rawgan.autograd import Gradients, Op, is_recording
from rawgan.autograd.checks import check_alike, check_writable
from rawgan.errors import ArgumentError, DTypeError, ShapeError, described, shapes
from rawgan.ops.activation import before_activation, checked_slope, leaky_relu
from rawgan.ops.arguments import IMAGES, Axis, as_tensors, axes_of, flag, is_number, nhwc_hint, whole
from rawgan.ops.elementary import sqrt
from rawgan.ops.reduce import mean, unbroadcast
from rawgan.ops.registry import between, case, normal, op
from rawgan.ops.shape import reshape
from rawgan.tensor import Tensor
from rawgan_kernels import array_module


class Normalize(Op):
    """y = gamma · x̂ + beta with x̂ = (x − mean) / std, mean and std = √(var + eps) taken over `axes`.

    With a slope below 1, leaky_relu of that, in the pass that writes y. With `groups`, x and the scales count as arrays
    whose channels are in two axes, (groups, channels of a group), and all pixels in one: (N, pixels, groups, each).

    Shapes:   x any, gamma and beta its trailing axes → y as x
    Backward: with g = gamma · gy, all means over `axes`,
              gx     = (g − mean(g) − x̂ · mean(g · x̂)) / std
              ggamma = Σ gy · x̂
              gbeta  = Σ gy
              Mean and std depend on x, which gives the two means in gx. When the walk is recorded, the same formula
              is made of ops, and they still depend on x. With a slope, gy is first multiplied by it where y ≤ 0.
    Source:   Ioffe and Szegedy 2015
    """

    keeps_rounded = True

    statistics: list[Any]
    """Mean and variance, in the forward pass."""

    def __init__(self, axes: tuple[int, ...], eps: float, slope: float = 1.0, groups: int = 0) -> None:
        self.axes, self.eps, self.slope, self.groups = axes, float(eps), slope, groups
        self.keeps_output = slope != 1

    def forward(self, x: Any, gamma: Any, beta: Any) -> Any:
        if not self.groups:
            y, *self.statistics = kernels.normalize(x, gamma, beta, self.axes, self.eps, self.slope)
            return y
        images, scales = self._parted(x.shape)
        parted = x.reshape(images), gamma.reshape(scales), beta.reshape(scales)
        y, *self.statistics = kernels.normalize(*parted, self.axes, self.eps, self.slope)
        return y.reshape(x.shape)

    def _parted(self, shape: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Shapes of x and of the scales with the groups as an axis."""
        scales = self.groups, shape[-1] // self.groups
        return (shape[0], math.prod(shape[1:-1]), *scales), scales

    def backward(self, gy: Tensor) -> Gradients:
        x, gamma, beta = self.inputs
        if not is_recording():
            arrays: Any = x._array, gy._array, gamma._array, beta._array
            if self.groups:
                images, scales = self._parted(x.shape)
                shapes = images, images, scales, scales
                arrays = [array.reshape(shape) for array, shape in zip(arrays, shapes, strict=True)]
            options: Any = *self.statistics, self.axes, self.eps, self.slope
            gx, ggamma, gbeta = kernels.normalize_grad(*arrays, *options)
            if self.groups:
                gx, ggamma, gbeta = gx.reshape(x.shape), ggamma.reshape(-1), gbeta.reshape(-1)
            return Tensor.wrap(gx), Tensor.wrap(ggamma), Tensor.wrap(gbeta)
        gy = before_activation(self, gy)
        if not self.groups:
            return self._composed(x, gy, gamma)
        images, scales = self._parted(x.shape)
        gx, ggamma, gbeta = self._composed(reshape(x, images), reshape(gy, images), reshape(gamma, scales))
        return reshape(gx, x.shape), reshape(ggamma, gamma.shape), reshape(gbeta, beta.shape)

    def _composed(self, x: Tensor, gy: Tensor, gamma: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The gradients as functions of x, gy and gamma, made of ops."""
        centred = x - mean(x, self.axes, keepdims=True)
        std = sqrt(mean(centred * centred, self.axes, keepdims=True) + self.eps)
        x_hat = centred / std
        g = gy * gamma
        gx = (g - mean(g, self.axes, keepdims=True) - x_hat * mean(g * x_hat, self.axes, keepdims=True)) / std
        return gx, unbroadcast(gy * x_hat, gamma.shape), unbroadcast(gy, gamma.shape)


@op(
    case("training, images", normal(3, 2, 2, 3), normal(3), normal(3), training=True),
    case("training, vectors", normal(5, 3), normal(3), normal(3), training=True, eps=0.1),
    case(
        "evaluation",
        normal(3, 4),
        normal(4),
        normal(4),
        normal(4),
        between(0.5, 2, 4),
        training=False,
    ),
    case("then leaky_relu", normal(2, 2, 2, 3), normal(3), normal(3), training=True, slope=0.2),
    case("three axes, no beta", normal(2, 3, 2), normal(2), training=True),
)
def batch_norm(
    x: Tensor,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    *,
    training: bool,
    momentum: float = 0.1,
    eps: float = 1e-5,
    slope: float = 1.0,
) -> Tensor:
    """Normalise each channel over the batch, and over the pixels or whatever else is between; then scale and shift.

    In training, with the batch's own mean and biased variance; the running ones then move towards the batch's mean
    and unbiased variance by `momentum` (as in PyTorch: 0.1 here is Keras's 0.9). In evaluation, with the running ones.
    With `slope` below 1, leaky_relu is applied in the same pass.

    Shapes: x (N, C), (N, H, W, C) or any (N, …, C), gamma, beta, running_mean, running_var (C,) → as x; None for gamma
            is 1, None for beta is 0
    Raises: ShapeError if the lengths do not fit, or in training for a single value per channel, whose variance is 0;
            ArgumentError unless 0 ≤ eps < ∞ and, in training, 0 ≤ momentum ≤ 1
    Source: Ioffe and Szegedy 2015

    >>> ones, zeros = Tensor([1.0, 1.0]), Tensor([0.0, 0.0])
    >>> batch_norm(Tensor([[1.0, 4.0], [3.0, 8.0]]), ones, zeros, training=True, eps=0.0)
    Tensor([[-1., -1.],
            [ 1.,  1.]], float32)
    """
    (x,) = as_tensors(x)
    if x.ndim < 2:
        raise ShapeError(f"batch_norm: x must be (N, C) or (N, …, C)\n{shapes(x=x)}")
    _check_eps("batch_norm", eps)
    slope = checked_slope("batch_norm", slope)
    flag("batch_norm", "training", training)
    if training and not (is_number(momentum) and 0 <= momentum <= 1):
        raise ArgumentError(f"batch_norm: momentum must be a number between 0 and 1, but is {described(momentum)}")
    statistics = {"running_mean": running_mean, "running_var": running_var}
    gamma, beta = _scales("batch_norm", x, x.shape[-1:], gamma, beta, **statistics)
    if not training:
        if running_mean is None or running_var is None:
            raise ShapeError("batch_norm: evaluation needs running_mean and running_var; or pass training=True")
        check_alike("batch_norm", x=x, gamma=gamma, **statistics)
        y = (x - running_mean) * (gamma / sqrt(running_var + eps)) + beta
        return y if slope == 1 else leaky_relu(y, slope)
    count = math.prod(x.shape[:-1])
    if count < 2:
        raise ShapeError(
            "batch_norm: in training each channel needs more than one value, as the variance of one is 0\n"
            f"{shapes(x=(x, _layout(x)))}   use a larger batch, or eval()"
        )
    check_writable("batch_norm", **statistics)
    op = Normalize(tuple(range(x.ndim - 1)), eps, slope)
    y = op(x, gamma, beta)
    of_batch, var = op.statistics
    if running_mean is not None:
        _move(running_mean, of_batch, momentum)
    if running_var is not None:
        _move(running_var, var * (count / (count - 1)), momentum)
    return y


@op(
    case("last axis", normal(3, 5), normal(5), normal(5)),
    case("all but the batch", normal(2, 2, 2, 3), normal(2, 2, 3), normal(2, 2, 3)),
    case("neither gamma nor beta", normal(2, 2, 3), axis=(1, 2)),
)
def layer_norm(
    x: Tensor, gamma: Tensor | None = None, beta: Tensor | None = None, *, axis: Axis = None, eps: float = 1e-5
) -> Tensor:
    """Normalise each sample by itself, over its trailing axes; then scale and shift.

    The axes are those of gamma or beta; if both are None, `axis`, by default the last.

    Shapes: x (…, *S), gamma, beta (None for 1 and 0) S → as x
    Raises: ShapeError unless gamma and beta have the shape of x's trailing axes, or if that is a single value;
            ArgumentError for an `axis` that is not a trailing one, or not one of gamma and beta
    Source: Ba, Kiros, Hinton 2016

    >>> layer_norm(Tensor([[1.0, 3.0], [4.0, 8.0]]), Tensor([1.0, 1.0]), Tensor([0.0, 0.0]), eps=0.0)
    Tensor([[-1.,  1.],
            [-1.,  1.]], float32)
    """
    (x,) = as_tensors(x)
    _check_eps("layer_norm", eps)
    given = gamma if gamma is not None else beta
    if axis is None and given is not None:
        first = x.ndim - as_tensors(x, given)[1].ndim
    else:
        first = _first_axis(x, gamma, given, axis)
    gamma, beta = _scales("layer_norm", x, x.shape[max(first, 0) :], gamma, beta)
    if gamma.size < 2:
        raise ShapeError(
            f"layer_norm: a sample needs more than one value, as the variance of one is 0\n{shapes(x=x, gamma=gamma)}"
        )
    return Normalize(tuple(range(first, x.ndim)), eps)(x, gamma, beta)


def _first_axis(x: Tensor, gamma: Tensor | None, given: Tensor | None, axis: Axis) -> int:
    """First of the axes that layer_norm is told to average over. Raises: ArgumentError unless they are the last ones"""
    rank = None if given is None else as_tensors(x, given)[1].ndim
    axes = axes_of("layer_norm", x, -1 if axis is None else axis)
    first = x.ndim - (len(axes) if rank is None else rank)
    if axes != tuple(range(max(first, 0), x.ndim)):
        rest = shapes(x=x, axis=axis) if rank is None else shapes(x=x, axis=axis, gamma=gamma)
        raise ArgumentError(f"layer_norm: axis must be the trailing axes, those of gamma and beta\n{rest}")
    return first


@op(
    case("images", normal(2, 3, 2, 2), normal(2), normal(2)),
    case("sequences, neither gamma nor beta", normal(2, 3, 2)),
)
def instance_norm(x: Tensor, gamma: Tensor | None = None, beta: Tensor | None = None, *, eps: float = 1e-5) -> Tensor:
    """Normalise each channel of each image by itself, over its pixels; then scale and shift.

    Shapes: x (N, H, W, C) or any (N, …, C), gamma, beta (None for 1 and 0) (C,) → as x
    Raises: ShapeError if the lengths do not fit, or for a single pixel, whose variance is 0
    Source: Ulyanov, Vedaldi, Lempitsky 2016

    >>> x = Tensor([[[[1.0], [3.0]]]])
    >>> instance_norm(x, Tensor([1.0]), Tensor([0.0]), eps=0.0)
    Tensor([[[[-1.],
             [ 1.]]]], float32)
    """
    (x,) = as_tensors(x)
    if x.ndim < 3:
        raise ShapeError(f"instance_norm: x must be (N, H, W, C) or (N, …, C), with pixels between\n{shapes(x=x)}")
    _check_eps("instance_norm", eps)
    gamma, beta = _scales("instance_norm", x, x.shape[-1:], gamma, beta)
    if math.prod(x.shape[1:-1]) < 2:
        raise ShapeError(
            "instance_norm: an image needs more than one pixel, as the variance of one is 0\n"
            f"{shapes(x=(x, _layout(x)))}"
        )
    return Normalize(tuple(range(1, x.ndim - 1)), eps)(x, gamma, beta)


def _grouped(function: Any, x: Tensor, *scales: Tensor, groups: int, **options: float) -> Tensor:
    return function(x, groups, *scales, **options)


@op(
    case("images", normal(2, 2, 2, 6), normal(6), normal(6), call=_grouped, groups=3),
    case("vectors, without scales", normal(3, 4), call=_grouped, groups=2),
    case("then leaky_relu", normal(2, 3, 2, 4), normal(4), normal(4), call=_grouped, groups=2, slope=0.2),
)
def group_norm(
    x: Tensor,
    groups: int,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
    *,
    eps: float = 1e-5,
    slope: float = 1.0,
) -> Tensor:
    """Normalise each group of neighbouring channels of each image by itself, over its channels and pixels.

    One group is a layer norm with scales for each channel; groups of one channel are an instance norm. Without gamma,
    the scale is 1; without beta, nothing is added. With `slope` below 1, leaky_relu is applied in the same pass.

    Shapes: x (N, …, C), such as images (N, H, W, C); gamma, beta (C,) → as x
    Raises: ShapeError if the lengths do not fit, or for groups of a single value, whose variance is 0;
            ArgumentError unless `groups` divides C
    Source: Wu and He 2018

    >>> group_norm(Tensor([[1.0, 3.0, 4.0, 8.0]]), 2, eps=0.0)
    Tensor([[-1.,  1., -1.,  1.]], float32)
    """
    (x,) = as_tensors(x)
    if x.ndim < 2:
        raise ShapeError(f"group_norm: x must be (N, …, C), but has {x.ndim} axes\n{shapes(x=x)}")
    _check_eps("group_norm", eps)
    slope = checked_slope("group_norm", slope)
    channels, groups = x.shape[-1], whole("group_norm", "groups", groups, 1)
    if channels % groups:
        raise ArgumentError(f"group_norm: groups must divide the channels of x, but is {groups}\n{shapes(x=x)}")
    gamma, beta = _scales("group_norm", x, x.shape[-1:], gamma, beta)
    pixels, each = math.prod(x.shape[1:-1]), channels // groups
    if pixels * each < 2:
        raise ShapeError(
            f"group_norm: a group needs more than one value, as the variance of one is 0\n"
            f"{shapes(x=(x, _layout(x)), groups=groups)}"
        )
    return Normalize((1, 3), eps, slope, groups)(x, gamma, beta)


def _check_eps(op: str, eps: float) -> None:
    if not (is_number(eps) and 0 <= eps < float("inf")):
        raise ArgumentError(f"{op}: eps must be a number, at least 0 and finite, but is {described(eps)}")


def _scales(
    op: str, x: Tensor, shape: tuple[int, ...], gamma: Tensor | None, beta: Tensor | None, **others: Tensor | None
) -> tuple[Tensor, Tensor]:
    """gamma and beta as Tensors, all checked to have `shape`; ones and zeros for None."""
    if isinstance(gamma, Tensor) and isinstance(beta, Tensor) and gamma.shape == shape == beta.shape and not others:
        check_alike(op, x=x, gamma=gamma, beta=beta)
        return gamma, beta
    gamma, beta = (scale if scale is None else as_tensors(x, scale)[1] for scale in (gamma, beta))
    for name, scale in {"gamma": gamma, "beta": beta, **others}.items():
        if scale is None:
            continue
        if not isinstance(scale, Tensor):
            raise DTypeError(f"{op}: {name} must be a Tensor, but is {described(scale)}")
        if scale.shape != shape:
            layout = _layout(x) if op != "layer_norm" else "(…, *gamma)"
            raise ShapeError(
                f"{op}: {name} must have shape {shape} to fit x\n"
                f"{shapes(x=(x, layout), **{name: scale})}{nhwc_hint(x, scale.size)}"
            )
    check_alike(op, x=x, gamma=gamma, beta=beta)
    if gamma is None:
        gamma = Tensor.wrap(array_module(x._array).ones(shape, x.dtype))
    if beta is None:
        beta = Tensor.wrap(array_module(x._array).zeros(shape, x.dtype))
    return gamma, beta


def _layout(x: Tensor) -> str:
    return {2: "(N, C)", 4: IMAGES}.get(x.ndim, "(N, …, C)")


def _move(running: Tensor, batch: Any, momentum: float) -> None:
    """running ← (1 − momentum) · running + momentum · batch, in one write, so that Ctrl-C cannot leave half of it."""
    running[...] = (1 - momentum) * running._array + momentum * batch.reshape(running.shape)
