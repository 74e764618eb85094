"""Conversion of arguments and results between rawgan and PyTorch."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

KEPT = ("lse",)
"""Arguments that PyTorch keeps in float32 when it computes in bf16."""


def tensors(
    values: dict[str, Any], memory_format: torch.memory_format, dtype: torch.dtype = torch.float32
) -> dict[str, Any]:
    """Convert rawgan's arguments to PyTorch's tensors: floats to `dtype`."""

    def converted(name: str, value: Any) -> Any:
        found = in_layout(name, value)
        keep = name in KEPT or not isinstance(found, torch.Tensor) or not found.is_floating_point()
        return found if keep else found.to(dtype)

    def in_layout(name: str, value: Any) -> Any:
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
        if x.dtype == torch.bfloat16:
            x = x.float()
        if x.ndim != 4:
            return x.numpy()
        axes = (2, 3, 1, 0) if kernel == "conv2d_weight_grad" else (0, 2, 3, 1)
        return x.permute(axes).numpy()

    return tuple(converted(x) for x in (result if isinstance(result, tuple | list) else (result,)))
