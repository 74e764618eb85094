"""ONNX's attention as rawgan's or, with masks, by softmax; any number of heads, which share keys or not."""

from typing import Any

import numpy as np
from onnx_graphs import Node

from rawgan import Tensor, ops


def attention(
    node: Node, query: Tensor, key: Tensor, value: Tensor, mask: Any = None, past_key: Tensor | None = None,
    past_value: Tensor | None = None, lengths: Any = None,
) -> Any:  # fmt: skip
    """Heads lie side by side in the channels where there are 3 axes; each head of keys is shared by a group."""
    flat = query.ndim == 3
    if flat:
        of_queries, of_keys = node.get("q_num_heads"), node.get("kv_num_heads")
        query, key, value = apart(query, of_queries), apart(key, of_keys), apart(value, of_keys)
    key = key if past_key is None else ops.concatenate([past_key, key], 2)
    value = value if past_value is None else ops.concatenate([past_value, value], 2)
    n, heads, length, _ = query.shape
    grouped = ops.reshape(query, (n, key.shape[1], -1, length, query.shape[-1]))
    allowed = allowed_pairs(node, length, key.shape[2], past_key, lengths)
    scores = None
    if mask is None and allowed is None and not node.get("softcap", 0.0) and node.results < 4:
        y = ops.attention(grouped, key[:, :, None], value[:, :, None], scale=node.get("scale"))
    else:
        shares, scores = weights(node, grouped, key, mask, allowed)
        y = ops.einsum("ngrqk,ngkd->ngrqd", ops.reshape(shares, (*grouped.shape[:-1], -1)), value)
    y = ops.reshape(y, (n, heads, length, -1))
    if flat:
        y = ops.reshape(ops.transpose(y, (0, 2, 1, 3)), (n, length, -1))
    return (y, key, value, scores)[: node.results]


def weights(node: Node, grouped: Tensor, key: Tensor, mask: Any, allowed: Any) -> tuple[Tensor, Tensor]:
    """Shares of the keys, and the scores that ONNX asks for. Shapes: (N, heads, queries, keys)."""
    scale = node.get("scale", 1 / np.sqrt(key.shape[-1]))
    n, groups, each, length, _ = grouped.shape
    scores = ops.einsum("ngrqd,ngkd->ngrqk", float(scale) * grouped, key)
    scores = ops.reshape(scores, (n, groups * each, length, key.shape[2]))
    if node.get("softcap", 0.0):
        scores = node.get("softcap") * ops.tanh(scores / node.get("softcap"))
    seen, biased = np.asarray(True if allowed is None else allowed), scores
    if mask is not None:
        missing = [(0, 0)] * (mask.ndim - 1) + [(0, key.shape[2] - mask.shape[-1])]
        if isinstance(mask, Tensor):
            mask = ops.pad(mask, missing, -np.inf)
            seen, biased = seen & (mask > -np.inf), scores + mask
        else:
            seen = seen & np.pad(mask, missing)
    biased = ops.where(seen, biased, -np.inf)
    shares = ops.where((biased > -np.inf).any(-1, keepdims=True), ops.softmax(ops.where(seen, biased, -1e30)), 0)
    return shares, (scores, scores, biased, shares)[node.get("qk_matmul_output_mode", 0)]


def allowed_pairs(node: Node, queries: int, keys: int, past: Tensor | None, lengths: Any) -> Any:
    """True where a query sees a key: not one that comes later, is too far away, or is padding. None for all."""
    left, right = node.get("left_window_size", -1), node.get("right_window_size", -1)
    if lengths is None and not node.get("is_causal", 0) and max(left, right) < 0:
        return None
    first = 0 if past is None else past.shape[2]
    if past is None and lengths is not None:
        first = (lengths - queries)[:, None, None, None]
    number = np.arange(keys)
    distance = np.arange(queries)[:, None] + first - number
    allowed = distance >= 0 if node.get("is_causal", 0) else np.ones_like(distance, bool)
    allowed = allowed & (distance <= left) if left >= 0 else allowed
    allowed = allowed & (-distance <= right) if right >= 0 else allowed
    return allowed if lengths is None else allowed & (number < lengths[:, None, None, None])


def apart(x: Tensor, heads: int) -> Tensor:
    """(N, L, heads · D) → (N, heads, L, D)"""
    return ops.transpose(ops.reshape(x, (*x.shape[:2], heads, -1)), (0, 2, 1, 3))
