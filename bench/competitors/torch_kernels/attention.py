"""Attention and its gradients."""

from torch import Tensor

from bench.competitors.torch_kernels.counterpart import Run, aten, counterpart


@counterpart
def attention(q: Tensor, k: Tensor, v: Tensor, scale: float) -> Run:
    """Scaled dot-product attention, with what its gradient needs."""
    front = q.shape[:-2] if q.ndim != 4 else (q.shape[0], q.shape[2])
    stacked = [_with_heads(x) for x in (q, k, v)]

    def run() -> tuple[Tensor, ...]:
        y, lse = aten._scaled_dot_product_flash_attention_for_cpu(*stacked, scale=scale)
        return _without_heads(y, q.ndim), lse.reshape(*front, -1)

    return run


@counterpart
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
