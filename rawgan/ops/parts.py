"""Tensors joined along a new axis, cut into parts, and repeated."""

from typing import Any

import numpy as np

from rawgan.errors import ArgumentError, ShapeError, described, shapes
from rawgan.ops.arguments import as_tensors, check_size, integers_of, is_whole, one_axis
from rawgan.ops.axes import expand_dims
from rawgan.ops.indexing import slice_
from rawgan.ops.reduce import broadcast_to
from rawgan.ops.registry import case, normal, op
from rawgan.ops.shape import concatenate, reshape
from rawgan.ops.taking import take
from rawgan.tensor import Tensor


@op(
    case("a new first axis", normal(2, 3), normal(2, 3), call=lambda stack, *xs: stack(xs)),
    case("a new last axis", normal(2), normal(2), normal(2), call=lambda stack, *xs: stack(xs, -1)),
)
def stack(xs: list[Tensor] | tuple[Tensor, ...], axis: int = 0) -> Tensor:
    """Join Tensors of one shape along a new axis, counted in the result.

    Raises: ShapeError if the shapes differ or there is nothing to join, ArgumentError unless `xs` is a list

    >>> stack([Tensor([1.0, 2.0]), Tensor([3.0, 4.0])], axis=1)
    Tensor([[1., 3.],
            [2., 4.]], float32)
    """
    if not isinstance(xs, tuple | list):
        raise ArgumentError(f"stack: xs must be a list of Tensors, but is {described(xs)}\n  write stack([a, b])")
    if not xs:
        raise ShapeError("stack: there is nothing to join; give at least one Tensor")
    tensors = as_tensors(*xs)
    if len({x.shape for x in tensors}) > 1:
        listing = shapes(**{f"xs[{index}]": x for index, x in enumerate(tensors)})
        raise ShapeError(
            f"stack: all must have the same shape; concatenate joins along an axis that is there\n{listing}"
        )
    rank = tensors[0].ndim + 1
    if not (is_whole(axis) and -rank <= axis < rank):
        raise ArgumentError(
            f"stack: axis must be one of the {rank} axes of the result\n{shapes(x=tensors[0], axis=axis)}"
        )
    place = int(axis) % rank
    return concatenate([expand_dims(x, place) for x in tensors], place)


@op(
    case("three parts", normal(2, 6), call=lambda split, x: _polynomial(split(x, 3, axis=1))),
    case("cut at indices", normal(5, 2), call=lambda split, x: concatenate(split(x, [1, -1, 9])[::-1])),
)
def split(x: Any, indices_or_sections: int | list[int] | tuple[int, ...], axis: int = 0) -> list[Tensor]:
    """Cut x along `axis`, as NumPy does: into so many equal sections, or before each of the indices.

    `split(x, [2, 5])` gives x[:2], x[2:5] and x[5:]. (PyTorch's numbers are lengths of parts; `split(x, len(x) // n)`
    makes parts of length n.) The parts are views of x.

    Raises: ShapeError if there are no equal sections, ArgumentError unless sections or indices are integers

    >>> split(Tensor([1.0, 2.0, 3.0, 4.0]), 2)
    [Tensor([1., 2.], float32), Tensor([3., 4.], float32)]
    >>> [part.shape for part in split(Tensor([1.0, 2.0, 3.0, 4.0]), [1, 3])]
    [(1,), (2,), (1,)]
    """
    (x,) = as_tensors(x)
    along = one_axis("split", x, axis)
    n = x.shape[along]
    if is_whole(indices_or_sections):
        sections = int(indices_or_sections)  # type: ignore[arg-type]  # is_whole
        if sections < 1 or n % sections:
            raise ShapeError(
                f"split: length {n} of axis {along} cannot be cut into {sections} equal sections\n"
                f"{shapes(x=x)}   split(x, [2, 5]) cuts before elements 2 and 5"
            )
        cuts = list(range(n // sections, n, n // sections)) if n else [0] * (sections - 1)
    else:
        given = integers_of(indices_or_sections)
        if given is None or given.ndim != 1:
            raise ArgumentError(
                f"split: give a number of sections or a list of indices, not {described(indices_or_sections)}\n"
                f"{shapes(x=x, axis=axis)}"
            )
        cuts = given.tolist()
    front = (slice(None),) * along
    return [slice_(x, (*front, slice(a, b))) for a, b in zip([None, *cuts], [*cuts, None], strict=True)]


@op(
    case("as many axes", normal(2, 3), reps=(2, 1)),
    case("more axes", normal(1, 2), reps=(2, 1, 3)),
    case("fewer axes", normal(2, 2), reps=2),
    method=True,
)
def tile(x: Any, reps: int | tuple[int, ...]) -> Tensor:
    """x laid side by side, `reps` times along each axis, as tiles of a floor; PyTorch's `repeat`.

    Raises: ArgumentError unless `reps` are integers ≥ 0

    >>> tile(Tensor([1.0, 2.0]), (2, 2))
    Tensor([[1., 2., 1., 2.],
            [1., 2., 1., 2.]], float32)
    """
    (x,) = as_tensors(x)
    given = tuple(reps) if isinstance(reps, tuple | list) else (reps,)
    if not all(is_whole(count) and count >= 0 for count in given):
        raise ArgumentError(f"tile: reps must be integers >= 0, one for each axis\n{shapes(x=x, reps=reps)}")
    rank = max(x.ndim, len(given))
    counts = (1,) * (rank - len(given)) + tuple(int(count) for count in given)
    lengths = (1,) * (rank - x.ndim) + x.shape
    check_size("tile", counts + lengths, x=x, reps=reps)
    # (n, m) → (1, n, 1, m) → (a, n, b, m) → (a · n, b · m)
    spread = reshape(x, tuple(each for n in lengths for each in (1, n)))
    spread = broadcast_to(spread, tuple(each for pair in zip(counts, lengths, strict=True) for each in pair))
    return reshape(spread, tuple(count * n for count, n in zip(counts, lengths, strict=True)))


@op(
    case("each row twice", normal(2, 3), repeats=2, axis=0),
    case("each its own number", normal(2, 3), repeats=[2, 0, 1], axis=-1),
    method=True,
)
def repeat(x: Any, repeats: int | list[int] | tuple[int, ...], axis: int | None = None) -> Tensor:
    """Each element along `axis` (of the flat array if None) several times; PyTorch's `repeat_interleave`.

    Raises: ArgumentError unless `repeats` are integers ≥ 0, one or as many as there are elements

    >>> repeat(Tensor([1.0, 2.0]), 2), repeat(Tensor([1.0, 2.0]), [1, 3])
    (Tensor([1., 1., 2., 2.], float32), Tensor([1., 2., 2., 2.], float32))
    """
    (x,) = as_tensors(x)
    if axis is None:
        x, axis = reshape(x, (x.size,)), 0
    along = one_axis("repeat", x, axis)
    n = x.shape[along]
    counts = integers_of(repeats)
    if counts is None or counts.shape not in ((), (1,), (n,)) or (counts < 0).any():
        raise ArgumentError(
            f"repeat: repeats must be an integer >= 0, or {n} of them\n{shapes(x=x, repeats=repeats, axis=along)}"
        )
    front, behind = x.shape[:along], x.shape[along + 1 :]
    length = int(counts.sum(dtype=np.float64)) * (n if counts.size == 1 else 1)  # integers could overflow
    check_size("repeat", (*front, length, *behind), x=x, repeats=repeats, axis=along)
    if counts.size == 1:  # without indices: (n,) → (n, 1) → (n, count) → (n · count,)
        count = int(counts.item())
        spread = broadcast_to(reshape(x, (*front, n, 1, *behind)), (*front, n, count, *behind))
        return reshape(spread, (*front, n * count, *behind))
    return take(x, np.repeat(np.arange(n), counts), along)


def _polynomial(xs: list[Tensor]) -> Tensor:
    """A different function of each part."""
    a, b, c = xs
    return a * b - b * c * c
