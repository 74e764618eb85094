"""Sums of products along named axes, in pairs, each of them a matrix product.

`einsum_path` of NumPy, which came out of opt_einsum, finds the order of the pairs, so nothing else is needed.
"""

import math
import string
from functools import lru_cache
from typing import Any

import numpy as np

import rawgan_kernels as kernels
from rawgan.autograd import Gradients, Op
from rawgan.autograd.checks import check_alike
from rawgan.errors import ArgumentError, ShapeError, described
from rawgan.ops.arguments import as_tensors
from rawgan.ops.diagonals import diagonal
from rawgan.ops.reduce import sum
from rawgan.ops.registry import case, normal, op
from rawgan.ops.shape import Shape, reshape, transpose
from rawgan.tensor import Tensor

Contraction = tuple[str, str, str]
"""Labels of the axes of a, of b and of their product. Each of a's and b's is also in one of the other two."""


class Contract(Op):
    """y = Σ a · b over the labels that y lacks, as a matrix product: labels "ij", "jk" → "ik".

    Backward: ga = Σ gy · b, labels "ik", "jk" → "ij"; gb = Σ a · gy, labels "ij", "ik" → "jk": of the three, each is
              the contraction of the other two
    """

    def __init__(self, labels: Contraction) -> None:
        self.labels = labels

    def forward(self, a: Any, b: Any) -> Any:
        plan = _plan(self.labels, a.shape, b.shape)
        if plan.swapped:
            a, b = b, a
        a, b = a.transpose(plan.a_order), b.transpose(plan.b_order)
        if plan.elementwise:
            y = a.reshape(plan.a_shape) * b.reshape(plan.b_shape)
        else:
            y = kernels.matmul(a.reshape(plan.a_shape), b.reshape(plan.b_shape))
        return y.reshape(plan.shape).transpose(plan.order)

    def backward(self, gy: Tensor) -> Gradients:
        a, b = self.inputs
        of_a, of_b, of_y = self.labels
        ga = Contract((of_y, of_b, of_a))(gy, b) if self.needs[0] else None
        gb = Contract((of_a, of_y, of_b))(a, gy) if self.needs[1] else None
        return ga, gb


class _Plan:
    """Orders and shapes that make a contraction a product of matrices, (…, M, K) @ (…, K, N) → (…, M, N).

    Axes that all three have come first (…); K are those that only a and b have. Without any of these, the product is
    element by element, (…, M, 1) · (…, 1, N).
    """

    def __init__(self, labels: Contraction, a_shape: Shape, b_shape: Shape) -> None:
        of_a, of_b, of_y = labels
        own = [label for label in of_y if (label in of_a) != (label in of_b)]
        self.swapped = bool(own) and own[0] in of_b  # then the result needs no transposition
        if self.swapped:
            of_a, of_b, a_shape, b_shape = of_b, of_a, b_shape, a_shape
        length = dict(zip(of_a + of_b, a_shape + b_shape, strict=True))
        shared = [label for label in of_y if label in of_a and label in of_b]
        left = [label for label in of_a if label not in of_b]
        right = [label for label in of_b if label not in of_a]
        # As they lie in the larger of the two, so that it need not be copied.
        summed = [label for label in (of_a if math.prod(a_shape) >= math.prod(b_shape) else of_b) if label not in of_y]
        self.a_order = tuple(of_a.index(label) for label in (*shared, *left, *summed))
        self.b_order = tuple(of_b.index(label) for label in (*shared, *summed, *right))
        of_result = [*shared, *left, *right]
        self.shape = tuple(length[label] for label in of_result)
        self.order = tuple(of_result.index(label) for label in of_y)
        front = tuple(length[label] for label in shared)
        m, k, n = (math.prod(length[label] for label in some) for some in (left, summed, right))
        self.elementwise = not summed
        self.a_shape, self.b_shape = (*front, m, k), (*front, k, n)


_plan = lru_cache(maxsize=1024)(_Plan)


@op(
    case("matrices, the result implied", normal(2, 3), normal(3, 4), call=lambda einsum, *xs: einsum("ij,jk", *xs)),
    case(
        "an ellipsis that broadcasts",
        normal(2, 1, 2, 3),
        normal(4, 3),
        call=lambda einsum, *xs: einsum("...ij, hj -> h...i", *xs),
    ),
    case("a diagonal", normal(3, 2, 3), call=lambda einsum, x: einsum("iji->ji", x)),
    case(
        "four, one with an index of its own",
        normal(2, 3),
        normal(3, 2),
        normal(2, 2, 2),
        normal(3),
        call=lambda einsum, *xs: einsum("ai,ib,bcd,i->ca", *xs),
    ),
)
def einsum(spec: str, *xs: Any) -> Tensor:
    """Sum of products along named axes: "bhqd,bhkd->bhqk" are the scores of attention.

    Each letter names an axis. One that several inputs have pairs their axes; one that the result lacks is summed over;
    one that an input has twice takes the diagonal. `...` stands for axes that broadcast. Without "->", the result has
    the axes of `...`, and then those letters that occur once, in alphabetical order.

    Shapes: as `spec` says; axes of one letter have equal lengths, or 1
    Raises: ArgumentError for a specification that cannot be read, or not of so many inputs; ShapeError for inputs with
        other numbers of axes, or other lengths

    >>> einsum("ij,jk->ik", Tensor([[1.0, 2.0]]), Tensor([[3.0], [4.0]]))
    Tensor([[11.]], float32)
    >>> einsum("ii", Tensor([[1.0, 2.0], [3.0, 4.0]]))
    Tensor(5., float32)
    """
    if not isinstance(spec, str):
        raise ArgumentError(f'einsum: spec must be text, such as "ij,jk->ik", but is {described(spec)}')
    if not xs:
        raise ArgumentError(f'einsum: there are no inputs\n  write einsum("{spec}", a, b)')
    tensors = as_tensors(*xs)
    check_alike("einsum", **{f"xs[{index}]": x for index, x in enumerate(tensors)})
    inputs, result, path = _read(spec, tuple(x.shape for x in tensors))
    operands = [
        (labels, x if x.shape == shape else reshape(x, shape))
        for x, (labels, shape) in zip(tensors, inputs, strict=True)
    ]
    for pair in path:
        taken = [operands.pop(index) for index in sorted(pair, reverse=True)][::-1]
        wanted = set(result).union(*(labels for labels, _ in operands))
        operands.append(_contract(taken, wanted, result if not operands else None))
    ((_, y),) = operands
    return y


def _contract(operands: list[tuple[str, Tensor]], wanted: set[str], result: str | None) -> tuple[str, Tensor]:
    """One or two operands as one that has the labels `wanted` by others, in the order `result` if that is given."""
    of_all = [set(labels) for labels, _ in operands]
    reduced = []
    for index, (labels, x) in enumerate(operands):
        needed = wanted.union(*of_all[:index], *of_all[index + 1 :])
        reduced.append(_without(labels, x, needed))
    if len(reduced) == 1:
        ((labels, x),) = reduced
        if result is None or labels == result:
            return labels, x
        return result, transpose(x, tuple(labels.index(label) for label in result))
    (of_a, a), (of_b, b) = reduced
    if result is None:
        result = "".join(label for label in dict.fromkeys(of_a + of_b) if label in wanted)
    return result, Contract((of_a, of_b, result))(a, b)


def _without(labels: str, x: Tensor, needed: set[str]) -> tuple[str, Tensor]:
    """An operand without labels that it has twice or that nobody needs: their diagonals, their sums."""
    while len(set(labels)) < len(labels):
        label = next(label for label in labels if labels.count(label) > 1)
        first = labels.index(label)
        second = labels.index(label, first + 1)
        x = diagonal(x, 0, first, second)
        labels = labels[:first] + labels[first + 1 : second] + labels[second + 1 :] + label
    lost = tuple(axis for axis, label in enumerate(labels) if label not in needed)
    if lost:
        x = sum(x, lost)
        labels = "".join(label for label in labels if label in needed)
    return labels, x


# --- reading specifications --------------------------------------------------------------------------------------

Labelled = tuple[str, Shape]
"""Labels and lengths of an input's axes, without those of length 1 that are repeated along another input's."""

Read = tuple[list[Labelled], str, list[tuple[int, ...]]]
"""The inputs; labels of the result; which of the operands, by number, meet in each step: their result comes last."""


@lru_cache(maxsize=1024)
def _read(spec: str, shapes_of_inputs: tuple[Shape, ...]) -> Read:
    """Read a specification for inputs of these shapes. Raises: ArgumentError, ShapeError."""
    terms, result = _terms(spec)
    if len(terms) != len(shapes_of_inputs):
        raise ArgumentError(
            f"einsum: {spec!r} is for {len(terms)} inputs, but there are {len(shapes_of_inputs)}\n"
            f"{_listed(shapes_of_inputs)}"
        )
    inputs, dots = _labelled(spec, terms, shapes_of_inputs)
    of_all = "".join(inputs)
    if result is None:
        result = dots + "".join(sorted(label for label in set(of_all) - set(dots) if of_all.count(label) == 1))
    else:
        result = result.replace("...", dots)
    strange = sorted(set(result) - set(of_all))
    if strange or len(set(result)) < len(result):
        fault = f"has {strange[0]!r}, which no input has" if strange else "has one letter twice"
        raise ArgumentError(f"einsum: the result of {spec!r} {fault}")
    labelled = _lengths(spec, inputs, shapes_of_inputs)
    return labelled, result, _path(labelled, result)


def _terms(spec: str) -> tuple[list[str], str | None]:
    """Terms of the inputs and of the result (None if it is implied), without spaces. Raises: ArgumentError."""
    front, arrow, back = "".join(spec.split()).partition("->")
    terms = front.split(",")
    for term in (*terms, back):
        letters = term.replace("...", "", 1)
        strange = next((sign for sign in letters if sign not in string.ascii_letters), None)
        if strange is not None:
            raise ArgumentError(
                f"einsum: {spec!r} has {strange!r} in {term!r}\n  a term is made of the letters a-z and A-Z and of one "
                '"..." at most, as in "...ij,jk->...ik"'
            )
    return terms, back if arrow else None


def _labelled(spec: str, terms: list[str], shapes_of_inputs: tuple[Shape, ...]) -> tuple[list[str], str]:
    """Labels of the axes of each input, with letters in place of "...", and the letters that stand for it."""
    named = [len(term.replace("...", "")) for term in terms]
    for index, (term, count, shape) in enumerate(zip(terms, named, shapes_of_inputs, strict=True)):
        if len(shape) < count or (len(shape) > count and "..." not in term):
            raise ShapeError(
                f"einsum: {term!r} in {spec!r} does not name the {len(shape)} axes of xs[{index}]\n"
                f"{_listed(shapes_of_inputs)}"
            )
    ranks = [len(shape) - count for count, shape in zip(named, shapes_of_inputs, strict=True)]
    free = [letter for letter in string.ascii_letters if letter not in spec]
    if max(ranks) > len(free):
        raise ArgumentError(f"einsum: {spec!r} needs more than {len(string.ascii_letters)} letters, with those for ...")
    dots = "".join(free[: max(ranks)])
    return [term.replace("...", dots[len(dots) - rank :]) for term, rank in zip(terms, ranks, strict=True)], dots


def _lengths(spec: str, inputs: list[str], shapes_of_inputs: tuple[Shape, ...]) -> list[Labelled]:
    """Labels and lengths of each input, without axes that broadcast. Raises: ShapeError if lengths do not fit."""
    length: dict[str, int] = {}
    for labels, shape in zip(inputs, shapes_of_inputs, strict=True):
        own: dict[str, int] = {}
        for label, n in zip(labels, shape, strict=True):
            known = length.get(label, 1)
            if own.setdefault(label, n) != n or (n != known and 1 not in (n, known)):
                name = f"axes of {label!r}" if label in spec else "axes of ..."
                least, most = sorted({own[label], n, known})[-2:]
                raise ShapeError(
                    f"einsum: {name} in {spec!r} have lengths {least} and {most}\n{_listed(shapes_of_inputs)}"
                )
            length[label] = n if known == 1 else known
    found = []
    for labels, shape in zip(inputs, shapes_of_inputs, strict=True):
        kept = [(label, n) for label, n in zip(labels, shape, strict=True) if n == length[label]]
        found.append(("".join(label for label, _ in kept), tuple(n for _, n in kept)))
    return found


def _path(inputs: list[Labelled], result: str) -> list[tuple[int, ...]]:
    """Pairs of operands in the order of steps: the cheapest order for up to four, else one that is found greedily."""
    if len(inputs) < 3:
        return [tuple(range(len(inputs)))]
    arrays = [np.broadcast_to(0.0, shape) for _, shape in inputs]
    text = f"{','.join(labels for labels, _ in inputs)}->{result}"
    steps, _ = np.einsum_path(text, *arrays, optimize="optimal" if len(inputs) < 5 else "greedy")
    pairs: list[tuple[int, ...]] = []
    operands = len(inputs)
    for step in steps[1:]:
        left = sorted(int(index) for index in step)  # more than two where no order is better than another
        while len(left) > 1:
            first, second, *others = left
            pairs.append((first, second))
            operands -= 1
            left = [*(index - 2 for index in others), operands - 1]
    return pairs


def _listed(shapes_of_inputs: tuple[Shape, ...]) -> str:
    return "  " + "   ".join(f"xs[{index}] {shape}" for index, shape in enumerate(shapes_of_inputs))
