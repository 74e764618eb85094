"""ONNX's attention, as rawgan's: without masks, with any number of heads that share keys or not."""

from typing import Any

from onnx_graphs import Node, NotApplicable

from rawgan import Tensor, ops


def attention(
    node: Node, query: Tensor, key: Tensor, value: Tensor, mask: Any = None, past_key: Tensor | None = None,
    past_value: Tensor | None = None, lengths: Any = None,
) -> Any:  # fmt: skip
    """Heads lie side by side in the channels where there are 3 axes; each head of keys is shared by a group."""
    windows = [name for name in ("left_window_size", "right_window_size") if node.get(name, -1) >= 0]
    if mask is not None or lengths is not None or node.get("is_causal", 0) or windows:
        raise NotApplicable("a mask")
    if node.get("softcap", 0.0) or node.results > 3:
        raise NotApplicable("scores that are limited or returned")
    flat = query.ndim == 3
    if flat:
        of_queries, of_keys = node.get("q_num_heads"), node.get("kv_num_heads")
        query, key, value = apart(query, of_queries), apart(key, of_keys), apart(value, of_keys)
    key = key if past_key is None else ops.concatenate([past_key, key], 2)
    value = value if past_value is None else ops.concatenate([past_value, value], 2)
    n, heads, length, _ = query.shape
    grouped = ops.reshape(query, (n, key.shape[1], -1, length, query.shape[-1]))
    y = ops.attention(grouped, key[:, :, None], value[:, :, None], scale=node.get("scale"))
    y = ops.reshape(y, (n, heads, length, -1))
    if flat:
        y = ops.reshape(ops.transpose(y, (0, 2, 1, 3)), (n, length, -1))
    return (y, key, value)[: node.results]


def apart(x: Tensor, heads: int) -> Tensor:
    """(N, L, heads · D) → (N, heads, L, D)"""
    return ops.transpose(ops.reshape(x, (*x.shape[:2], heads, -1)), (0, 2, 1, 3))
