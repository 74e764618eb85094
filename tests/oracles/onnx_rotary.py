"""ONNX's rotary embedding: pairs of channels are turned by an angle that grows with the position."""

from typing import Any

from onnx_graphs import Node

from rawgan import Tensor, ops


def rotary_embedding(node: Node, x: Tensor, cosines: Tensor, sines: Tensor, positions: Any = None) -> Tensor:
    """Shapes: x (N, heads, L, D) or (N, L, heads · D); cosines, sines (N, L, D/2), or rows for each position."""
    each = x.transpose(0, 2, 1, 3) if x.ndim == 4 else ops.reshape(x, (*x.shape[:2], node.get("num_heads"), -1))
    turned = node.get("rotary_embedding_dim", 0) or each.shape[-1]
    if positions is not None:
        cosines, sines = cosines[positions], sines[positions]
    cosines, sines = cosines[:, :, None, : turned // 2], sines[:, :, None, : turned // 2]
    interleaved = node.get("interleaved", 0)
    half = turned // 2
    first = each[..., 0:turned:2] if interleaved else each[..., :half]
    second = each[..., 1:turned:2] if interleaved else each[..., half:turned]
    pair = [cosines * first - sines * second, sines * first + cosines * second]
    both = ops.reshape(ops.stack(pair, -1), (*first.shape[:-1], turned)) if interleaved else ops.concatenate(pair, -1)
    y = ops.concatenate([both, each[..., turned:]], -1)
    return y.transpose(0, 2, 1, 3) if x.ndim == 4 else ops.reshape(y, x.shape)
