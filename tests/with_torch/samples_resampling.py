"""Resizing, filtering and sampling of images. See `twins`."""

import math
from typing import Any

import numpy as np
from samples import both, nchw, nhwc
from twins import twin

from rawgan import Tensor, ops


@twin("upfirdn2d", "nn.functional.unfold")
def unfold(x: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """Every tap of the window by itself is a filter of one 1; PyTorch puts the taps behind the channels."""
    (a, b), (d, e), pads = both(kernel_size, 2, 1), both(dilation, 2, 1), both(padding, 2, 0)
    batch = x if x.ndim == 4 else x[None]
    filters = np.zeros((a * b, (a - 1) * d + 1, (b - 1) * e + 1))
    filters[:, ::d, ::e] = np.eye(a * b).reshape(-1, a, b)
    images = nhwc(batch)
    each = [ops.upfirdn2d(images, f, down=both(stride, 2, 1), padding=pads, flip_filter=True) for f in filters]
    seen = nchw(ops.concatenate(each, axis=3))  # (N, taps · C, I, J)
    n, c = batch.shape[:2]
    columns = ops.transpose(ops.reshape(seen, (n, a * b, c, math.prod(seen.shape[2:]))), (0, 2, 1, 3))
    y = ops.reshape(columns, (n, c * a * b, columns.shape[3]))
    return y if x.ndim == 4 else y[0]
