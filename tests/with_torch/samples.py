"""Putting one sample to rawgan and to PyTorch: values, gradients and second derivatives, in float64.

Both get the same numbers in PyTorch's layout; what is rawgan's side of a sample turns them into rawgan's layout by
rawgan's own ops, so that derivatives come out in PyTorch's layout again.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils import _pytree as pytree

import rawgan
from rawgan import Tensor, ops

Array = NDArray[Any]
TOLERANCE = 1e-9  # of the largest number that is expected, or of 1


class NotApplicable(Exception):
    """Raised where rawgan's side of a sample sees an argument that rawgan does not have; it says which."""


# --- values and derivatives ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Library:
    """Functions for derivatives in one library: a leaf from an array, gradients, an array from a tensor."""

    leaf: Callable[[Array], Any]
    grad: Callable[..., Sequence[Any]]
    array: Callable[[Any], Array]


RAWGAN = Library(
    lambda array: Tensor(array, requires_grad=True),
    partial(rawgan.grad, unconnected="zero"),
    lambda x: x.numpy() if isinstance(x, Tensor) else np.asarray(x),
)
TORCH = Library(
    lambda array: torch.from_numpy(array).requires_grad_(),
    partial(torch.autograd.grad, allow_unused=True, materialize_grads=True),
    lambda t: t.numpy(force=True),
)


def compare(ours: Callable[..., Any], theirs: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """Call both with PyTorch's arguments, and raise an AssertionError unless all numbers agree.

    Tensors in the arguments become rawgan's where they are floating-point and NumPy arrays where they are integers;
    everything that requires a gradient is differentiated, twice.
    """
    leaves, structure = pytree.tree_flatten((args, kwargs))
    found = _everything(RAWGAN, ours, [_as_rawgan(leaf) for leaf in leaves], structure)
    expected = _everything(TORCH, theirs, [_as_torch(leaf) for leaf in leaves], structure)
    assert found.keys() == expected.keys(), f"rawgan has {list(found)}, PyTorch {list(expected)}"
    for name, array in expected.items():
        check(name, found[name], array)


def check(name: str, found: Array, expected: Array) -> None:
    """Shape and dtype must be the same, and numbers within the tolerance; all of PyTorch's are finite."""
    assert found.shape == expected.shape, f"{name} has shape {found.shape}, expected is {expected.shape}"
    assert found.dtype == expected.dtype, f"{name} is {found.dtype}, expected is {expected.dtype}"
    assert np.isfinite(expected).all(), f"{name} is not finite in PyTorch"
    scale = np.abs(expected).max(initial=1)
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE * scale, err_msg=name)


def _everything(library: Library, function: Callable[..., Any], leaves: list[Any], structure: Any) -> dict[str, Array]:
    """Results y; gradients of the inputs, g where the walk back is recorded and h where it is not, for which an op may
    have another kernel; second derivatives gg with respect to the inputs and the upstream gradients.
    """
    args, kwargs = pytree.tree_unflatten(leaves, structure)
    results = pytree.tree_leaves(function(*args, **kwargs))
    rng = np.random.default_rng(1)

    def drawn(like: Sequence[Any]) -> list[Any]:
        return [library.leaf(rng.standard_normal(x.shape).astype(library.array(x).dtype)) for x in like]

    xs = [x for x in leaves if getattr(x, "requires_grad", False)]
    ys = [y for y in results if getattr(y, "requires_grad", False)]
    if not ys:  # numbers of elements, say
        return {f"y[{i}]": library.array(y) for i, y in enumerate(results)}
    upstream = drawn(ys)
    gradients = library.grad(ys, xs, upstream, create_graph=True)
    # A zero that stands for no influence has no graph.
    linked = [(g, v) for g, v in zip(gradients, drawn(gradients), strict=True) if g.requires_grad]
    second = library.grad([g for g, _ in linked], [*xs, *upstream], [v for _, v in linked], create_graph=True)
    groups = {"y": results, "g": gradients, "gg": second, "h": library.grad(ys, xs, upstream)}
    return {f"{name}[{i}]": library.array(x) for name, group in groups.items() for i, x in enumerate(group)}


def _as_rawgan(leaf: Any) -> Any:
    if not isinstance(leaf, torch.Tensor):
        return leaf
    array = leaf.numpy(force=True).copy()
    return Tensor(array, leaf.requires_grad) if leaf.is_floating_point() else array


def _as_torch(leaf: Any) -> Any:
    if not isinstance(leaf, torch.Tensor):
        return leaf
    return leaf.detach().clone().requires_grad_(leaf.requires_grad)


# --- counting ------------------------------------------------------------------------------------------


@dataclass
class Outcome:
    """Results of the samples in one row of a table."""

    passed: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def record(self, tally: Callable[..., None], table: str, row: str, remark: str | None = None) -> None:
        """Print the row; fail if a sample did."""
        notes = [f"{count} not applicable: {reason}" for reason, count in self.reasons.most_common()]
        notes += [] if remark is None else [remark]
        counts = {"passed": self.passed, "not_applicable": self.reasons.total(), "failed": len(self.failures)}
        tally(table, row, notes, **counts)
        assert not self.failures, "\n".join(self.failures[:5])


def judge(samples: Iterable[Any], compare_sample: Callable[[Any], None]) -> Outcome:
    """Each sample agrees, is not applicable, or fails, which any error but NotApplicable counts as."""
    outcome = Outcome()
    for number, sample in enumerate(samples):
        try:
            compare_sample(sample)
        except NotApplicable as reason:
            outcome.reasons[str(reason)] += 1
        except Exception as error:
            outcome.failures.append(f"sample {number}: {type(error).__name__}: {error}\n{sample}")
        else:
            outcome.passed += 1
    return outcome


def vector(x: Tensor) -> Tensor:
    """A number as its only element: PyTorch's numbers have an axis 0 where one is asked for."""
    return x if x.ndim else ops.reshape(x, (1,))


# --- layouts -------------------------------------------------------------------------------------------


def over_images(function: Callable[[Tensor], Tensor], x: Tensor, spatial: int) -> Tensor:
    """Apply a function of NHWC images to x (N, C, *S) or (C, *S), a missing H having length 1."""
    batch = x if x.ndim == spatial + 2 else x[None]
    y = nchw(function(nhwc(batch if spatial == 2 else batch[:, :, None])))
    batch = y if spatial == 2 else y[:, :, 0]
    return batch if x.ndim == spatial + 2 else batch[0]


def nhwc(x: Tensor) -> Tensor:
    """Shapes: (N, C, H, W) → (N, H, W, C)"""
    return ops.transpose(x, (0, 2, 3, 1))


def nchw(x: Tensor) -> Tensor:
    """Shapes: (N, H, W, C) → (N, C, H, W)"""
    return ops.transpose(x, (0, 3, 1, 2))


def channels_last(x: Tensor) -> Tensor:
    """Shapes: (N, C, *S) → (N, *S, C)"""
    return ops.transpose(x, (0, *range(2, x.ndim), 1))


def channels_first(x: Tensor) -> Tensor:
    """Shapes: (N, *S, C) → (N, C, *S)"""
    return ops.transpose(x, (0, x.ndim - 1, *range(1, x.ndim - 1)))


def kernel(w: Tensor, spatial: int) -> Tensor:
    """A kernel in rawgan's layout. Shapes: (out, in, *S) → (kh, kw, in, out); (in, out, *S) if it is transposed."""
    return ops.transpose(w if spatial == 2 else w[:, :, None], (2, 3, 1, 0))


def both(value: Any, spatial: int, missing: int) -> tuple[int, int]:
    """An option (vertical, horizontal) of one that PyTorch gives as a number or a tuple; `missing` is for axis H."""
    given = tuple(value) if isinstance(value, Sequence) else (value,)
    along = given * spatial if len(given) == 1 else given
    return along if spatial == 2 else (missing, *along)


def overhang(size: int, window: int, stride: int, padding: int) -> int:
    """Number of pixels beyond the padding in the last window of PyTorch's ceil_mode."""
    outputs = math.ceil((size + 2 * padding - window) / stride) + 1
    if (outputs - 1) * stride >= size + padding:  # a window that would start beyond the image is left out
        outputs -= 1
    return max(0, (outputs - 1) * stride + window - size - 2 * padding)
