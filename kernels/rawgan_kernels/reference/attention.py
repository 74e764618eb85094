"""Scaled dot-product attention, a block of queries at a time, so that the scores never take L · S numbers of memory."""

from collections.abc import Iterator
from typing import Any

from rawgan_kernels.arrays import array_module
from rawgan_kernels.dispatch import implements

QUERIES = 128
"""Queries whose scores are in memory at a time."""


@implements
def attention(q: Any, k: Any, v: Any, scale: float) -> tuple[Any, Any]:
    """softmax(s) is e^(s − m) / Σ e^(s − m) with the largest score m, so that no exponential overflows."""
    xp = array_module(q)
    y, lse = xp.empty((*q.shape[:-1], v.shape[-1]), q.dtype), xp.empty(q.shape[:-1], q.dtype)
    for rows in _blocks(q):
        s = _scores(q[..., rows, :], k, scale)
        highest = s.max(-1, keepdims=True)
        highest[highest == -float("inf")] = 0  # −∞ − −∞ would be NaN
        p = xp.exp(s - highest)
        total = p.sum(-1, keepdims=True)
        y[..., rows, :] = (p @ v) / total
        lse[..., rows] = (highest + xp.log(total))[..., 0]
    return y, lse


@implements
def attention_grad(q: Any, k: Any, v: Any, y: Any, lse: Any, gy: Any, scale: float) -> tuple[Any, Any, Any]:
    xp = array_module(q)
    gq, gk, gv = xp.empty(q.shape, q.dtype), xp.zeros(k.shape, k.dtype), xp.zeros(v.shape, v.dtype)
    for rows in _blocks(q):
        q_rows, gy_rows = q[..., rows, :], gy[..., rows, :]
        p = xp.exp(_scores(q_rows, k, scale) - lse[..., rows, None])
        gv += _turned(p) @ gy_rows
        gs = p * (gy_rows @ _turned(v) - (gy_rows * y[..., rows, :]).sum(-1, keepdims=True))
        gq[..., rows, :] = scale * (gs @ k)
        gk += scale * (_turned(gs) @ q_rows)
    return gq, gk, gv


def _blocks(q: Any) -> Iterator[slice]:
    return (slice(start, start + QUERIES) for start in range(0, q.shape[-2], QUERIES))


def _scores(q: Any, k: Any, scale: float) -> Any:
    """(…, L, D) @ (…, D, S) → (…, L, S)"""
    return scale * (q @ _turned(k))


def _turned(x: Any) -> Any:
    return x.swapaxes(-1, -2)
