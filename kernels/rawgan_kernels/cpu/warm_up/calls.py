"""One call of each kernel that a training step needs, to have it compiled."""

from collections.abc import Callable
from typing import Any

import numpy as np

from rawgan_kernels.dispatch import Backend
from rawgan_kernels.window import Window

Array = np.ndarray[Any, Any]
Ones = Callable[..., Array]
"""Makes an array of the shape that it is given."""

cpu = Backend("cpu")

HALVED = Window((14, 14), (4, 4), (2, 2), ((1, 1), (1, 1)))
"""The fast convolution takes this window; with one channel, the general one does."""

_IMAGES = np.zeros((99, 32, 32, 1), np.uint8)
_IMAGES.flags.writeable = False  # as a data set's images are: another type to Numba


def _matmul(n: Ones) -> None:
    cpu.matmul(n(128, 128), n(128, 128))
    cpu.matmul(n(1024, 1024), n(1024, 1))
    cpu.matmul(n(1024, 1), n(1, 1024))


CALLS: list[Callable[[Ones], Any]] = [
    lambda n: cpu.conv2d(n(4, 14, 14, 32), n(4, 4, 32, 32), HALVED),
    lambda n: cpu.conv2d_weight_grad(n(4, 14, 14, 32), n(4, 7, 7, 32), HALVED),
    lambda n: cpu.conv2d_input_grad(n(4, 7, 7, 32), n(4, 4, 32, 32), HALVED),
    lambda n: cpu.conv2d(n(4, 14, 14, 1), n(4, 4, 1, 32), HALVED),
    lambda n: cpu.conv2d_weight_grad(n(64, 14, 14, 1), n(64, 7, 7, 32), HALVED),
    lambda n: cpu.conv2d_input_grad(n(4, 7, 7, 32), n(4, 4, 1, 32), HALVED),
    lambda n: cpu.normalize(n(4096, 64), n(64), n(64), (0,), 1e-5, 0.2),
    lambda n: cpu.normalize_grad(n(4096, 64), n(4096, 64), n(64), n(64), n(1, 64), n(1, 64), (0,), 1e-5, 0.2),
    _matmul,
    lambda n: cpu.adam_update(*([n(1 << 16)] for _ in range(4)), 1, 1e-3, 0.5, 0.9, 1e-8, 0.0, 0.0),
    lambda n: cpu.channel_sum(n(4096, 64)),
    lambda n: cpu.tanh(n(1 << 16)),
    lambda n: cpu.tanh_grad(n(1 << 16), n(1 << 16)),
    lambda n: cpu.leaky_relu_grad(n(1 << 16), n(1 << 16), 0.2),
    lambda n: cpu.sigmoid(n(1 << 16)),
    lambda n: cpu.bce_with_logits(n(1 << 16), n(1 << 16)),
    lambda n: cpu.bce_with_logits_grad(n(1 << 16), n(1 << 16), n(1 << 16)),
    lambda n: cpu.add(n(1 << 16), n(1 << 16)),
    lambda n: cpu.gather_pixels(_IMAGES, np.arange(99), n(1).dtype),
]
"""The slowest to compile come first: parts are dealt out like cards."""


def compile_part(part: int, parts: int, dtype: str) -> None:
    """Call every `parts`-th kernel, starting with number `part`."""
    for call in CALLS[part::parts]:
        call(lambda *shape: np.ones(shape, dtype))
