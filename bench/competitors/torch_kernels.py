"""The computation of each kernel in PyTorch: the operator that its own autograd would call.

Each entry of COUNTERPARTS takes rawgan's arguments by name, already as PyTorch's tensors (images NCHW, in the memory
format that competes; weights of convolutions (K, C, A, B) likewise). It returns a function without arguments, so that
anything PyTorch would keep from the forward pass is prepared before the clock starts.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from bench.competitors.kernel_calls import norm_of
from rawgan_kernels.resampling import Filter, Interpolation

aten = torch.ops.aten
Run = Callable[[], Any]


class NoCounterpart(Exception):
    """PyTorch has no single operator for this, or not with these options."""


def tensors(values: dict[str, Any], memory_format: torch.memory_format) -> dict[str, Any]:
    """Convert rawgan's arguments to PyTorch's tensors."""

    def converted(name: str, value: Any) -> Any:
        match value:
            case np.ndarray() if value.ndim == 4 and name == "w":
                x = torch.from_numpy(value).permute(3, 2, 0, 1)
                return x.contiguous(memory_format=memory_format)
            case np.ndarray() if value.ndim == 4:
                return torch.from_numpy(value).permute(0, 3, 1, 2).contiguous(memory_format=memory_format)
            case np.ndarray():
                return torch.from_numpy(value)
            case list():
                return [torch.from_numpy(item) for item in value]
            case _:
                return value

    return {name: converted(name, value) for name, value in values.items()}


def arrays(kernel: str, result: Any) -> tuple[np.ndarray, ...]:
    """Convert PyTorch's result to rawgan's layout."""

    def converted(x: Tensor) -> np.ndarray:
        if x.ndim != 4:
            return x.numpy()
        axes = (2, 3, 1, 0) if kernel == "conv2d_weight_grad" else (0, 2, 3, 1)
        return x.permute(axes).numpy()

    return tuple(converted(x) for x in (result if isinstance(result, tuple | list) else (result,)))


def _activate(y: Tensor, slope: float) -> Tensor:
    """Activate in place, as networks do."""
    if slope == 1.0:
        return y
    return functional.relu_(y) if slope == 0.0 else functional.leaky_relu_(y, slope)


def _geometry(window: Any) -> tuple[Any, Any, Any, int]:
    (top, bottom), (left, right) = window.padding
    if (top, left) != (bottom, right):
        raise NoCounterpart("padding that differs from side to side")
    return window.stride, (top, left), window.dilation, window.groups


def conv2d(x: Tensor, w: Tensor, window: Any, b: Tensor | None = None, slope: float = 1.0) -> Run:
    """functional.conv2d and the activation."""
    stride, padding, dilation, groups = _geometry(window)
    return lambda: _activate(functional.conv2d(x, w, b, stride, padding, dilation, groups), slope)


def conv2d_input_grad(gy: Tensor, w: Tensor, window: Any, b: Tensor | None = None, slope: float = 1.0) -> Run:
    """functional.conv_transpose2d and the activation."""
    stride, padding, dilation, groups = _geometry(window)
    without = [
        (size - 1) * s - 2 * p + d * (taps - 1) + 1
        for size, s, p, d, taps in zip(window.output, stride, padding, dilation, window.kernel, strict=True)
    ]
    extra = [size - found for size, found in zip(window.size, without, strict=True)]
    return lambda: _activate(functional.conv_transpose2d(gy, w, b, stride, padding, extra, groups, dilation), slope)


def conv2d_weight_grad(x: Tensor, gy: Tensor, window: Any) -> Run:
    """The weight's part of convolution_backward, which reads only shape and layout of the weight."""
    stride, padding, dilation, groups = _geometry(window)
    w = torch.empty(gy.shape[1], x.shape[1] // groups, *window.kernel)
    if x.is_contiguous(memory_format=torch.channels_last):
        w = w.contiguous(memory_format=torch.channels_last)
    mask = (False, True, False)
    rest = (stride, padding, dilation, False, (0, 0), groups, mask)
    return lambda: aten.convolution_backward(gy, x, w, None, *rest)[1]


def resample(x: Tensor, rows: Any, columns: Any) -> Run:
    """functional.interpolate, or a depthwise convolution; filters that enlarge are transposed ones."""
    channels = x.shape[1]
    if isinstance(rows, Interpolation) and isinstance(columns, Interpolation):
        size, mode = (rows.output, columns.output), rows.mode
        return lambda: functional.interpolate(x, size, mode=mode, antialias=rows.antialias)
    if not (isinstance(rows, Filter) and isinstance(columns, Filter)):
        raise NoCounterpart("a map that is no interpolation and no filter")
    w = torch.outer(torch.tensor(rows.taps), torch.tensor(columns.taps)).to(x.dtype)
    (up, down), taps = ((rows.up, columns.up), (rows.down, columns.down)), w.shape
    w = w.expand(channels, 1, *taps).contiguous()
    pads = (*columns.padding, *rows.padding)
    if up == (1, 1):
        flipped = w.flip(2, 3)
        if pads[::2] == pads[1::2]:
            return lambda: functional.conv2d(x, flipped, None, down, pads[2::-2], 1, channels)
        return lambda: functional.conv2d(functional.pad(x, pads), flipped, None, down, 0, 1, channels)
    crop = taps[0] - 1 - rows.padding[0], taps[1] - 1 - columns.padding[0]
    extra = [
        map.output - ((map.size - 1) * map.up + k - 2 * c)
        for map, k, c in zip((rows, columns), taps, crop, strict=True)
    ]
    if down != (1, 1) or min(*crop, *extra) < 0:
        raise NoCounterpart("a filter that enlarges and shrinks, or pads")
    return lambda: functional.conv_transpose2d(x, w, None, up, crop, extra, channels)


def grid_sample(x: Tensor, grid: Tensor, padding: str, aligned: bool) -> Run:
    """functional.grid_sample; the grid has four axes, but is no image."""
    places = grid.permute(0, 2, 3, 1).contiguous()
    return lambda: functional.grid_sample(x, places, "bilinear", padding, aligned)


def grid_sample_grad(
    gy: Tensor, grid: Tensor, padding: str, aligned: bool, size: Any = None, x: Tensor | None = None
) -> Run:
    """The backward pass of grid_sample: the gradient of the grid if there are images, which PyTorch always computes,
    or that of images of this size.
    """
    places, number = grid.permute(0, 2, 3, 1).contiguous(), ("zeros", "border", "reflection").index(padding)
    images = x if x is not None else gy.new_zeros(len(gy), gy.shape[1], *size)
    wanted = (x is None, True)

    def run() -> Tensor:
        gx, ggrid = aten.grid_sampler_2d_backward(gy, images, places, 0, number, aligned, wanted)
        return gx if x is None else ggrid.permute(0, 3, 1, 2)

    return run


def no_operator(**arguments: Any) -> Run:
    """Refuse a kernel that PyTorch has no operator for.

    Raises: NoCounterpart
    """
    raise NoCounterpart("PyTorch has no operator for it")


def sample_pixels(x: Tensor, weights: Tensor, at: Tensor) -> Run:
    """embedding_bag over the pixels of all images, a bag for each place."""
    rows, bags = x.flatten(0, 1), _numbered(at, x.shape[1]).flatten(0, 1)
    given = {"mode": "sum", "per_sample_weights": weights.flatten(0, 1)}
    return lambda: functional.embedding_bag(bags, rows, **given).view(*at.shape[:2], -1)


def sample_pixels_input_grad(gy: Tensor, weights: Tensor, at: Tensor, pixels: int) -> Run:
    """index_add of the weighted gradients."""
    n, count, taps = at.shape
    numbers = _numbered(at, pixels).flatten()

    def run() -> Tensor:
        each = (weights[..., None] * gy[:, :, None]).view(n * count * taps, -1)
        return gy.new_zeros(n * pixels, gy.shape[2]).index_add_(0, numbers, each).view(n, pixels, -1)

    return run


def sample_pixels_weight_grad(x: Tensor, gy: Tensor, at: Tensor) -> Run:
    """Products of the pixels and the gradients, summed."""
    rows, numbers = x.flatten(0, 1), _numbered(at, x.shape[1])
    return lambda: (rows[numbers] * gy[:, :, None]).sum(-1)


def _numbered(at: Tensor, pixels: int) -> Tensor:
    """Numbers of pixels among those of all images."""
    return at + pixels * torch.arange(len(at))[:, None, None]


def matmul(a: Tensor, b: Tensor) -> Run:
    """torch.mm."""
    return lambda: torch.matmul(a, b)


def normalize(x: Tensor, gamma: Tensor, beta: Tensor, axes: tuple[int, ...], eps: float, slope: float = 1.0) -> Run:
    """A norm in training mode, with the statistics that it keeps for its gradient, and the activation."""
    norm, _, _ = _norm(x, gamma, beta, axes, eps)
    return lambda: _activate(norm()[0], slope)


def normalize_grad(
    x: Tensor, gy: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, var: Tensor, axes: tuple[int, ...], eps: float,
    slope: float = 1.0,
) -> Run:  # fmt: skip
    """Gradient of an activation, from its result, and of a norm, with the mean and the variance that are given."""
    _, norm_grad, arranged = _norm(x, gamma, beta, axes, eps)
    inv_std = (var + eps).rsqrt()
    y = None if slope == 1.0 else _activate(arranged(_scaled(x, mean, inv_std, gamma, beta)), slope)
    gy, statistics = arranged(gy), [each.reshape(_statistics_shape(x, gamma, axes)) for each in (mean, inv_std)]
    return lambda: norm_grad(gy if y is None else _activation_grad(y, gy, slope), *statistics)


def _scaled(x: Tensor, mean: Tensor, inv_std: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    """(x − mean) · inv_std · gamma + beta, where the last axes are those of gamma in rawgan's layout."""
    if x.ndim != 4:
        return (x - mean) * inv_std * gamma + beta
    x, mean, inv_std = (each.permute(0, 2, 3, 1) for each in (x, mean, inv_std))
    return ((x - mean) * inv_std * gamma + beta).permute(0, 3, 1, 2)


def _statistics_shape(x: Tensor, gamma: Tensor, axes: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of a mean that PyTorch's gradient takes."""
    match norm_of(x.ndim, gamma.ndim, axes):
        case "batch":
            return (-1,)
        case "layer":
            return -1, 1
        case _:
            return len(x), len(gamma)


def _norm(x: Tensor, gamma: Tensor, beta: Tensor, axes: tuple[int, ...], eps: float) -> tuple[Any, Any, Any]:
    """Forward; backward, from gy, mean and 1 / std; and the function that lays out gy as x.

    Instance norm is PyTorch's group norm with groups of one channel.
    """
    mask, kind = (True, True, True), norm_of(x.ndim, gamma.ndim, axes)
    if kind == "batch":
        return (
            lambda: torch.native_batch_norm(x, gamma, beta, None, None, True, 0.1, eps),
            lambda gy, mean, inv_std: aten.native_batch_norm_backward(
                gy, x, gamma, None, None, mean, inv_std, True, eps, mask
            ),
            lambda gy: gy,
        )
    last = x.is_contiguous(memory_format=torch.channels_last) if x.ndim == 4 else False

    def arranged(x: Tensor) -> Tensor:
        """(rows, C) for a layer norm, else images (N, C, height, width) in the layout that competes."""
        x = x.permute(0, 2, 3, 1) if x.ndim == 4 else x
        if kind == "layer":
            return x.reshape(-1, x.shape[-1])
        pixels = x.numel() // (len(x) * gamma.numel())
        height = next(each for each in range(math.isqrt(pixels), 0, -1) if pixels % each == 0)
        images = x.reshape(len(x), height, -1, gamma.numel()).permute(0, 3, 1, 2)
        return images.contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)

    groups = len(gamma)
    x, gamma, beta = arranged(x), gamma.flatten(), beta.flatten()
    if kind == "layer":
        shape = gamma.shape
        return (
            lambda: aten.native_layer_norm(x, shape, gamma, beta, eps),
            lambda gy, mean, inv_std: aten.native_layer_norm_backward(
                gy, x, shape, mean, inv_std, gamma, beta, mask
            ),
            arranged,
        )  # fmt: skip
    sizes = (*x.shape[:2], x[0, 0].numel(), groups)
    return (
        lambda: aten.native_group_norm(x, gamma, beta, *sizes, eps),
        lambda gy, mean, inv_std: aten.native_group_norm_backward(gy, x, mean, inv_std, gamma, *sizes, mask),
        arranged,
    )


def _activation_grad(y: Tensor, gy: Tensor, slope: float) -> Tensor:
    return aten.threshold_backward(gy, y, 0) if slope == 0.0 else aten.leaky_relu_backward(gy, y, slope, True)


def leaky_relu(x: Tensor, slope: float) -> Run:
    """Leaky ReLU, not in place: neither is rawgan's."""
    return lambda: functional.relu(x) if slope == 0.0 else functional.leaky_relu(x, slope)


def leaky_relu_grad(gy: Tensor, slope: float, y: Tensor | None = None, x: Tensor | None = None) -> Run:
    """Gradient from the result or from the input, which have the same sign."""
    sign = y if y is not None else x
    return lambda: _activation_grad(sign, gy, slope)


def attention(q: Tensor, k: Tensor, v: Tensor, scale: float) -> Run:
    """Scaled dot-product attention, with what its gradient needs."""
    front = q.shape[:-2] if q.ndim != 4 else (q.shape[0], q.shape[2])
    stacked = [_with_heads(x) for x in (q, k, v)]

    def run() -> tuple[Tensor, ...]:
        y, lse = aten._scaled_dot_product_flash_attention_for_cpu(*stacked, scale=scale)
        return _without_heads(y, q.ndim), lse.reshape(*front, -1)

    return run


def attention_grad(q: Tensor, k: Tensor, v: Tensor, y: Tensor, lse: Tensor, gy: Tensor, scale: float) -> Run:
    """Gradient of the scaled dot-product attention, from its results."""
    ndim = q.ndim
    gy, q, k, v, y = (_with_heads(x) for x in (gy, q, k, v, y))
    lse = lse.reshape(q.shape[:-1])

    def run() -> tuple[Tensor, ...]:
        backward = aten._scaled_dot_product_flash_attention_for_cpu_backward
        return tuple(_without_heads(x, ndim) for x in backward(gy, q, k, v, y, lse, 0.0, False, scale=scale))

    return run


def _with_heads(x: Tensor) -> Tensor:
    """Four axes, (images, heads, rows, columns), in place of (rows, columns), (images, rows, columns) or four axes
    that were taken for those of images.
    """
    return x.permute(0, 2, 3, 1).contiguous() if x.ndim == 4 else x.reshape(-1, 1, *x.shape[-2:])


def _without_heads(x: Tensor, ndim: int) -> Tensor:
    """The inverse of `_with_heads`."""
    return x.permute(0, 3, 1, 2) if ndim == 4 else x[0, 0] if ndim == 2 else x[:, 0]


def bce_with_logits(x: Tensor, t: Tensor) -> Run:
    """Binary cross-entropy, one loss for each logit."""
    return lambda: functional.binary_cross_entropy_with_logits(x, t, reduction="none")


def bce_with_logits_grad(x: Tensor, t: Tensor, gy: Tensor) -> Run:
    """Gradient of the binary cross-entropy, by PyTorch's own formula."""
    return lambda: x.sigmoid().sub_(t).mul_(gy)


def add(a: Tensor, b: Tensor) -> Run:
    """Sum of two arrays; a b of one number for each channel is laid along PyTorch's axis of channels."""
    if b.ndim == 1 and a.ndim == 4:
        b = b.view(1, -1, 1, 1)
    return lambda: torch.add(a, b)


def channel_sum(x: Tensor) -> Run:
    """Sum over all axes but the channels', which are the second axis in PyTorch."""
    return lambda: x.sum(dim=[axis for axis in range(x.ndim) if axis != 1])


def _channels(x: Tensor) -> int:
    """The axis of PyTorch that is rawgan's last."""
    return 1 if x.ndim == 4 else x.ndim - 1


def logsumexp_grad(x: Tensor, log_sum: Tensor, glog_sum: Tensor) -> Run:
    """Gradient of torch.logsumexp, by PyTorch's own formula."""
    axis = _channels(x)
    return lambda: glog_sum.unsqueeze(axis) * (x - log_sum.unsqueeze(axis)).exp()


def gather_pixels(images: Tensor, indices: Tensor, dtype: Any) -> Run:
    """Selected images, with pixels from 0 to 255 scaled to [−1, 1]."""
    kind = torch.float64 if np.dtype(dtype) == np.float64 else torch.float32
    return lambda: images[indices].to(kind).div_(127.5).sub_(1)


def adam_update(
    w: list[Tensor], gw: list[Tensor], m: list[Tensor], v: list[Tensor],
    step: int, lr: float, beta1: float, beta2: float, eps: float, weight_decay: float, l2: float,
) -> Run:  # fmt: skip
    """torch.optim's fused AdamW, which has no `l2`."""
    optimizer = torch.optim.AdamW(_owned(w, gw), lr, (beta1, beta2), eps, weight_decay, fused=True)
    for weight, mean, square in zip(w, m, v, strict=True):
        optimizer.state[weight] = {"step": torch.tensor(float(step - 1)), "exp_avg": mean, "exp_avg_sq": square}
    return optimizer.step


def amsgrad_update(
    w: list[Tensor], gw: list[Tensor], m: list[Tensor], v: list[Tensor], v_max: list[Tensor],
    step: int, lr: float, beta1: float, beta2: float, eps: float, weight_decay: float, l2: float,
) -> Run:  # fmt: skip
    """torch.optim's fused AdamW with AMSGrad."""
    optimizer = torch.optim.AdamW(_owned(w, gw), lr, (beta1, beta2), eps, weight_decay, amsgrad=True, fused=True)
    for weight, mean, square, largest in zip(w, m, v, v_max, strict=True):
        optimizer.state[weight] = {
            "step": torch.tensor(float(step - 1)), "exp_avg": mean, "exp_avg_sq": square, "max_exp_avg_sq": largest
        }  # fmt: skip
    return optimizer.step


def adagrad_update(
    w: list[Tensor], gw: list[Tensor], total: list[Tensor], step: int, lr: float, lr_decay: float, eps: float, l2: float
) -> Run:
    """torch.optim's fused Adagrad."""
    optimizer = torch.optim.Adagrad(_owned(w, gw), lr, lr_decay, l2, eps=eps, fused=True)
    for weight, squares in zip(w, total, strict=True):
        optimizer.state[weight] = {"step": torch.tensor(float(step - 1)), "sum": squares}
    return optimizer.step


def lion_update(
    w: list[Tensor], gw: list[Tensor], m: list[Tensor], lr: float, beta1: float, beta2: float, weight_decay: float
) -> Run:
    """Lion over all tensors at once; PyTorch has none."""

    def step() -> None:
        direction = torch._foreach_mul(m, beta1)
        torch._foreach_add_(direction, gw, alpha=1 - beta1)
        torch._foreach_sign_(direction)
        torch._foreach_mul_(w, 1 - lr * weight_decay)
        torch._foreach_add_(w, direction, alpha=-lr)
        torch._foreach_lerp_(m, gw, 1 - beta2)

    return step


def sgd_update(
    w: list[Tensor], gw: list[Tensor], velocity: list[Tensor], lr: float, momentum: float, nesterov: bool, l2: float
) -> Run:
    """torch.optim's fused SGD."""
    optimizer = torch.optim.SGD(_owned(w, gw), lr, momentum, weight_decay=l2, nesterov=nesterov, fused=True)
    for weight, moment in zip(w, velocity, strict=False):
        optimizer.state[weight] = {"momentum_buffer": moment}
    return optimizer.step


def rmsprop_update(
    w: list[Tensor], gw: list[Tensor], square: list[Tensor], lr: float, rho: float, eps: float, l2: float
) -> Run:
    """torch.optim's RMSprop over all tensors at once; PyTorch has no fused one."""
    optimizer = torch.optim.RMSprop(_owned(w, gw), lr, rho, eps, l2, foreach=True)
    for weight, average in zip(w, square, strict=True):
        optimizer.state[weight] = {"step": torch.tensor(0.0), "square_avg": average}
    return optimizer.step


def _owned(w: list[Tensor], gw: list[Tensor]) -> list[Tensor]:
    for weight, gradient in zip(w, gw, strict=True):
        weight.requires_grad_(True)
        weight.grad = gradient
    return w


COUNTERPARTS: dict[str, Callable[..., Run]] = {
    "adagrad_update": adagrad_update,
    "adam_update": adam_update,
    "add": add,
    "amsgrad_update": amsgrad_update,
    "attention": attention,
    "attention_grad": attention_grad,
    "bce_with_logits": bce_with_logits,
    "bce_with_logits_grad": bce_with_logits_grad,
    "channel_sum": channel_sum,
    "conv2d": conv2d,
    "conv2d_input_grad": conv2d_input_grad,
    "conv2d_weight_grad": conv2d_weight_grad,
    "cumsum": lambda x, reverse: lambda: x.flip(1).cumsum(1).flip(1) if reverse else x.cumsum(1),
    "elu": lambda x, alpha: lambda: functional.elu(x, alpha),
    "erf": lambda x: lambda: torch.erf(x),
    "gather_pixels": gather_pixels,
    "gelu": lambda x: lambda: functional.gelu(x),
    "gelu_grad": lambda x, gy: lambda: aten.gelu_backward(gy, x),
    "grid_sample": grid_sample,
    "grid_sample_grid_grad": grid_sample_grad,
    "grid_sample_input_grad": grid_sample_grad,
    "leaky_relu": leaky_relu,
    "leaky_relu_grad": leaky_relu_grad,
    "lion_update": lion_update,
    "log_softmax": lambda x: lambda: torch.log_softmax(x, _channels(x)),
    "log_softmax_grad": lambda y, gy: lambda: aten._log_softmax_backward_data(gy, y, _channels(y), y.dtype),
    "logsumexp": lambda x: lambda: torch.logsumexp(x, _channels(x)),
    "logsumexp_grad": logsumexp_grad,
    "matmul": matmul,
    "normalize": normalize,
    "normalize_grad": normalize_grad,
    "resample": resample,
    "rmsprop_update": rmsprop_update,
    "sample_pixels": sample_pixels,
    "sample_pixels_input_grad": sample_pixels_input_grad,
    "sample_pixels_weight_grad": sample_pixels_weight_grad,
    "scan": no_operator,
    "sgd_update": sgd_update,
    "sigmoid": lambda x: lambda: torch.sigmoid(x),
    "silu": lambda x: lambda: functional.silu(x),
    "silu_grad": lambda x, gy: lambda: aten.silu_backward(gy, x),
    "softmax": lambda x: lambda: torch.softmax(x, _channels(x)),
    "softmax_grad": lambda y, gy: lambda: aten._softmax_backward_data(gy, y, _channels(y), y.dtype),
    "softplus": lambda x: lambda: functional.softplus(x),
    "tanh": lambda x: lambda: torch.tanh(x),
    "tanh_grad": lambda y, gy: lambda: aten.tanh_backward(gy, y),
}
