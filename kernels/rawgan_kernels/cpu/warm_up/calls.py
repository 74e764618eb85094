"""One call of each kernel that a training step needs, to have it compiled."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rawgan_kernels.cpu import bf16
from rawgan_kernels.cpu.run import halves
from rawgan_kernels.dispatch import Backend
from rawgan_kernels.resampling import Filter
from rawgan_kernels.window import Window

Array = np.ndarray[Any, Any]
Ones = Callable[..., Array]
"""Makes an array of the shape that it is given."""

cpu = Backend("cpu")

HALVED = Window((14, 14), (4, 4), (2, 2), ((1, 1), (1, 1)))
"""The fast convolution takes this window; with one channel, the general one does."""

_IMAGES = np.zeros((99, 32, 32, 1), np.uint8)
_NUMBERS = np.arange(99)
for _array in (_IMAGES, _NUMBERS):
    _array.flags.writeable = False  # as a data set's images are: another type to Numba

_DOUBLED = Filter(8, (0.25, 0.75, 0.75, 0.25), 2, 1, (2, 1))


def _matmul(n: Ones) -> None:
    cpu.matmul(n(128, 128), n(128, 128))
    cpu.matmul(n(1024, 1024), n(1024, 1))
    cpu.matmul(n(1024, 1), n(1, 1024))


def _bce_with_logits(n: Ones) -> None:
    targets = n(1 << 16)
    cpu.bce_with_logits(n(1 << 16), targets)
    targets.flags.writeable = False  # as those are that were repeated by broadcasting
    cpu.bce_with_logits(n(1 << 16), targets)


def _attention_grad(n: Ones) -> None:
    cpu.attention_grad(n(8, 49, 4), n(8, 49, 4), n(8, 49, 16), n(8, 49, 16), n(8, 49), n(8, 49, 16), 1.0)


def _bf16(n: Ones) -> None:
    """Products of float32, as those of float64 are never rounded; chosen for the units that it can have."""
    x, w, y = (np.ones(shape, np.float32) for shape in ((32, 14, 14, 32), (4, 4, 32, 32), (32, 7, 7, 32)))
    bf16.matmul(x.reshape(196, 1024), x.reshape(1024, 196))
    bf16.conv2d(x, w, HALVED)
    bf16.conv2d_input_grad(y, w, HALVED)
    bf16.conv2d_weight_grad(x, y, HALVED)
    halves.widened(halves.narrowed(x))


CALLS: list[Callable[[Ones], Any]] = [
    lambda n: cpu.conv2d(n(4, 14, 14, 32), n(4, 4, 32, 32), HALVED),
    lambda n: cpu.conv2d_weight_grad(n(4, 14, 14, 32), n(4, 7, 7, 32), HALVED),
    lambda n: cpu.conv2d_weight_grad(n(64, 14, 14, 16), n(64, 7, 7, 16), HALVED),
    lambda n: cpu.conv2d_input_grad(n(4, 7, 7, 32), n(4, 4, 32, 32), HALVED),
    lambda n: cpu.conv2d(n(4, 14, 14, 1), n(4, 4, 1, 32), HALVED),
    lambda n: cpu.conv2d_weight_grad(n(64, 14, 14, 1), n(64, 7, 7, 32), HALVED),
    lambda n: cpu.conv2d_input_grad(n(4, 7, 7, 32), n(4, 4, 1, 32), HALVED),
    lambda n: cpu.normalize(n(4096, 64), n(64), n(64), (0,), 1e-5, 0.2),
    lambda n: cpu.normalize_grad(n(4096, 64), n(4096, 64), n(64), n(64), n(1, 64), n(1, 64), (0,), 1e-5, 0.2),
    _matmul,
    lambda n: cpu.adam_update(*([n(1 << 16)] for _ in range(4)), 1, 1e-3, 0.5, 0.9, 1e-8, 0.0, 0.0),
    lambda n: cpu.average_update([n(1 << 16)], [n(1 << 16)], 0.9),
    lambda n: cpu.channel_sum(n(4096, 64)),
    lambda n: cpu.tanh(n(1 << 16)),
    lambda n: cpu.tanh_grad(n(1 << 16), n(1 << 16)),
    lambda n: cpu.leaky_relu(n(1 << 16), 0.2),
    lambda n: cpu.leaky_relu_grad(n(1 << 16), n(1 << 16), 0.2),
    lambda n: cpu.sigmoid(n(1 << 16)),
    _bce_with_logits,
    lambda n: cpu.bce_with_logits_grad(n(1 << 16), n(1 << 16), n(1 << 16)),
    lambda n: cpu.add(n(1 << 16), n(1 << 16)),
    lambda n: cpu.gather_pixels(_IMAGES, _NUMBERS, n(1).dtype),
]
"""Kernels of the default model, most of which every model needs. The slowest to compile come first: parts are dealt out
like cards."""

EVERY_RUN = "every run"
"""Name of the group of `CALLS`."""

GROUPS: dict[str, list[Callable[[Ones], Any]]] = {
    EVERY_RUN: CALLS,
    "attention": [lambda n: cpu.attention(n(8, 49, 4), n(8, 49, 4), n(8, 49, 16), 1.0), _attention_grad],
    "resample": [lambda n: cpu.resample(n(8, 8, 8, 16), _DOUBLED, _DOUBLED)],
    "modulation": [
        lambda n: cpu.add(n(64, 16, 16, 16), n(16)),
        lambda n: cpu.add(n(64, 16, 16, 16), n(64, 16, 16, 1)),
        lambda n: cpu.scale_channels(n(8, 8, 8, 16), n(8, 16)),
        lambda n: cpu.channel_products(n(8, 8, 8, 16), n(8, 8, 8, 16)),
    ],
    "bf16": [_bf16],
}
"""Beside these, kernels that some models need, by the name that a model gives, and those of a precision."""


def calls_of(groups: Sequence[str]) -> list[Callable[[Ones], Any]]:
    """The calls of some groups, the slowest to compile first."""
    return [call for group in sorted(groups, key=[*GROUPS].index, reverse=True) for call in GROUPS[group]]


def compile_part(part: int, parts: int, dtype: str, groups: Sequence[str]) -> None:
    """Call every `parts`-th kernel of these groups, starting with number `part`."""
    for call in calls_of(groups)[part::parts]:
        call(lambda *shape: np.ones(shape, dtype))
