"""Messages of errors of ops of shapes, indices and order."""

import pytest
from error_tables import check, entries

SHAPES = """
ops.reshape(zeros(2, 3), (4, 2))
ShapeError: reshape: 6 elements do not fit
  x (2, 3)   shape (4, 2)

ops.reshape(zeros(2, 3), (-1, 4))
ShapeError: reshape: 6 elements do not fit
  x (2, 3)   shape (-1, 4)

ops.reshape(zeros(2, 3), (-1, -1))
ShapeError: reshape: 6 elements do not fit
  x (2, 3)   shape (-1, -1)

ops.reshape(zeros(2, 3), (-2, -3))
ShapeError: reshape: 6 elements do not fit
  x (2, 3)   shape (-2, -3)

zeros(0, 3).reshape(0, -1)
ShapeError: reshape: 0 elements do not fit
  x (0, 3)   shape (0, -1)

ops.transpose(zeros(2, 3), (0, 0))
ArgumentError: transpose: axes must name each of the 2 axes once
  x (2, 3)   axes (0, 0)

ops.transpose(zeros(2, 3), (0, 3))
ArgumentError: transpose: axes must name each of the 2 axes once
  x (2, 3)   axes (0, 3)

ops.transpose(zeros(2, 3), (0,))
ArgumentError: transpose: axes must name each of the 2 axes once
  x (2, 3)   axes (0,)

zeros(2, 3)[2]
ArgumentError: slice: index 2 is out of bounds for axis 0 with size 2
  x (2, 3)   index 2

zeros(2, 3)[0, 0, 0]
ArgumentError: slice: too many indices for array: array is 2-dimensional, but 3 were indexed
  x (2, 3)   index (0, 0, 0)

ops.concatenate([])
ShapeError: concatenate: there is nothing to join; give at least one Tensor

ops.concatenate([zeros(2, 3), zeros(2, 4)])
ShapeError: concatenate: lengths may differ only along axis 0
  xs[0] (2, 3)   xs[1] (2, 4)   axis 0

ops.concatenate([zeros(2, 3), zeros(2)], axis=1)
ShapeError: concatenate: lengths may differ only along axis 1
  xs[0] (2, 3)   xs[1] (2,)   axis 1

ops.concatenate([zeros(2, 3)], axis=2)
ArgumentError: concatenate: axis is out of range for 2 axes
  x (2, 3)   axis 2

ops.pad(zeros(2, 3), ((1, 1),))
ArgumentError: pad: widths must be 2 pairs (before, after) of integers ≥ 0
  x (2, 3)   widths ((1, 1),)

ops.pad(zeros(2, 3), ((1, 1), (0, -1)))
ArgumentError: pad: widths must be 2 pairs (before, after) of integers ≥ 0
  x (2, 3)   widths ((1, 1), (0, -1))

ops.pad(zeros(2, 3), (1, 1))
ArgumentError: pad: widths must be 2 pairs (before, after) of integers ≥ 0
  x (2, 3)   widths (1, 1)

ops.squeeze(zeros(1, 2), axis=(0, 1))
ShapeError: squeeze: only axes of length 1 can be left out
  x (1, 2)   axis (0, 1)

ops.expand_dims(zeros(2), axis=(0, 3))
ArgumentError: expand_dims: axis must name new axes among the 3 of the result, each once
  x (2,)   axis (0, 3)

ops.expand_dims(zeros(2), axis=(0, -3))
ArgumentError: expand_dims: axis must name new axes among the 3 of the result, each once
  x (2,)   axis (0, -3)

ops.flatten(zeros(2, 3, 4), 2, 1)
ArgumentError: flatten: start_axis must not come after end_axis
  x (2, 3, 4)   start_axis 2   end_axis 1

ops.swapaxes(zeros(2, 3), 0, 2)
ArgumentError: swapaxes: axis2 is out of range for 2 axes
  x (2, 3)   axis2 2

ops.moveaxis(zeros(2, 3), (0, 1), 1)
ArgumentError: moveaxis: source and destination must name equally many axes
  x (2, 3)   source (0, 1)   destination 1

ops.moveaxis(zeros(2, 3), (0, -2), (1, 0))
ArgumentError: moveaxis: source names one axis twice
  x (2, 3)   source (0, -2)

ops.flip(zeros(2, 3), axis=2)
ArgumentError: flip: axis is out of range for 2 axes
  x (2, 3)   axis 2

ops.roll(zeros(2, 3), 1.5)
ArgumentError: roll: shift must be an integer or several, but is 1.5

ops.roll(zeros(2, 3), (1, 2))
ArgumentError: roll: several shifts need an axis for each
  x (2, 3)   shift (1, 2)

ops.roll(zeros(2, 3), (1, 2, 3), axis=(0, 1))
ArgumentError: roll: there must be one shift for each axis
  x (2, 3)   shift (1, 2, 3)   axis (0, 1)

ops.stack([])
ShapeError: stack: there is nothing to join; give at least one Tensor

ops.stack(zeros(2, 3))
ArgumentError: stack: xs must be a list of Tensors, but is Tensor (2, 3)
  write stack([a, b])

ops.stack([zeros(2), zeros(3)])
ShapeError: stack: all must have the same shape; concatenate joins along an axis that is there
  xs[0] (2,)   xs[1] (3,)

ops.stack([zeros(2), zeros(2)], axis=2)
ArgumentError: stack: axis must be one of the 2 axes of the result
  x (2,)   axis 2

ops.split(zeros(5, 2), 2)
ShapeError: split: length 5 of axis 0 cannot be cut into 2 equal sections
  x (5, 2)   split(x, [2, 5]) cuts before elements 2 and 5

ops.split(zeros(5, 2), [0.5])
ArgumentError: split: give a number of sections or a list of indices, not [0.5]
  x (5, 2)   axis 0

ops.split(zeros(5, 2), [[1], [1, 2]])
ArgumentError: split: give a number of sections or a list of indices, not [[1], [1, 2]]
  x (5, 2)   axis 0

ops.split(zeros(5, 2), 2, axis=2)
ArgumentError: split: axis is out of range for 2 axes
  x (5, 2)   axis 2

ops.tile(zeros(2), (2, -1))
ArgumentError: tile: reps must be integers >= 0, one for each axis
  x (2,)   reps (2, -1)

ops.tile(zeros(2), (2**31, 2**31))
ShapeError: tile: no array has as many elements as the result would have
  x (2,)   reps (2147483648, 2147483648)

ops.repeat(zeros(2, 3), [1, 2], axis=1)
ArgumentError: repeat: repeats must be an integer >= 0, or 3 of them
  x (2, 3)   repeats [1, 2]   axis 1

ops.repeat(zeros(2), -1)
ArgumentError: repeat: repeats must be an integer >= 0, or 2 of them
  x (2,)   repeats -1   axis 0

ops.repeat(zeros(2), [[1], [1, 2]])
ArgumentError: repeat: repeats must be an integer >= 0, or 2 of them
  x (2,)   repeats [[1], [1, 2]]   axis 0

ops.repeat(zeros(2), zeros(2))
ArgumentError: repeat: repeats must be an integer >= 0, or 2 of them
  x (2,)   repeats (2,)   axis 0

ops.repeat(zeros(2, 3), 2**60, axis=0)
ShapeError: repeat: no array has as many elements as the result would have
  x (2, 3)   repeats 1152921504606846976   axis 0

ops.repeat(zeros(2), [2**62, 2**62])
ShapeError: repeat: no array has as many elements as the result would have
  x (2,)   repeats [4611686018427387904, 4611686018427387904]   axis 0

ops.broadcast_to(zeros(1), (2**31, 2**31))
ShapeError: broadcast_to: no array has as many elements as the result would have
  x (1,)   shape (2147483648, 2147483648)

ops.pad(zeros(1), ((0, 10**30),))
ShapeError: pad: no array has as many elements as the result would have
  x (1,)   widths ((0, 1000000000000000000000000000000),)
"""


@pytest.mark.parametrize(("call", "expected"), entries(SHAPES))
def test_errors_of_shapes(call, expected):
    check(call, expected)


INDICES = """
zeros(2, 3)[[0, 2]]
ArgumentError: slice: indices must lie in -2 … 1, but go from 0 to 2
  x (2, 3)   indices (2,)

zeros(2, 3)[[0.5]]
DTypeError: slice: indices must be integers or bool, but are float64
  x (2, 3)   index (1,)

zeros(2, 3)[zeros(2, 3)]
DTypeError: slice: indices must be integers or bool, but are a Tensor of float32
  a comparison, such as x > 0, gives a mask; x.numpy().astype(int) gives integers

zeros(2, 3)[np.array([True, False, True])]
ShapeError: slice: a mask must have the lengths of the axes that it stands for, here from axis 0 on
  x (2, 3)   mask (3,)

zeros(2, 3)[[0, 1], [0, 1, 2]]
ShapeError: slice: the arrays of an index must broadcast against each other
  x (2, 3)   array 0 (2,)   array 1 (3,)

zeros(2, 3)[[0], 0, 0]
ArgumentError: slice: the index is for 3 axes
  x (2, 3)   index (ndarray (1,), 0, 0)

zeros(2, 3)[..., [0], ...]
ArgumentError: slice: an index has one "..." at most
  x (2, 3)   index (..., ndarray (1,), ...)

ops.take(zeros(4, 2), np.array([0, 4]))
ArgumentError: take: indices must lie in -4 … 3, but go from 0 to 4
  x (4, 2)   indices (2,)

ops.take(zeros(4, 2), np.array([[-5, 0]]))
ArgumentError: take: indices must lie in -4 … 3, but go from -5 to 0
  x (4, 2)   indices (1, 2)

ops.take(zeros(4, 2), np.array([0.0]))
DTypeError: take: indices must be integers, but are float64

ops.take(zeros(4, 2), np.array([True, False, True, False]))
DTypeError: take: indices must be integers, but are bool: of a mask, np.flatnonzero(mask) gives the numbers

ops.take(zeros(4, 2), [[0], [0, 1]])
DTypeError: take: indices is list; give an array, a number, or nested lists of numbers whose rows have equal lengths

ops.gather(zeros(2, 3), [[0], [0, 1]], axis=1)
DTypeError: gather: indices is list; give an array, a number, or nested lists of numbers whose rows have equal lengths

zeros(2, 3)[[[0], [0, 1]]]
DTypeError: slice: an index is list; give an array, a number, or nested lists of numbers whose rows have equal lengths

ops.take(zeros(4, 2), [0, 10**30])
ArgumentError: take: indices must be integers of at most 64 bits, but one is 1000000000000000000000000000000

ops.take(zeros(4, 2), np.array([2**64 - 1], "uint64"))
ArgumentError: take: indices must lie in -4 … 3, but go from 18446744073709551615 to 18446744073709551615
  x (4, 2)   indices (1,)

ops.cross_entropy(zeros(1, 3), np.array([2**64 - 1], "uint64"))
ArgumentError: cross_entropy: labels must be integers of at most 64 bits, but one is 18446744073709551615

ops.gather(zeros(4, 2), [[0, 2**63]], axis=0)
ArgumentError: gather: indices must be integers of at most 64 bits, but one is 9223372036854775808

ops.cross_entropy(zeros(0, 3), [])
ShapeError: mean: there is nothing to reduce along axes (0,)
  x (0,)

ops.cross_entropy(zeros(2, 3), [0, 10**30])
ArgumentError: cross_entropy: labels must be integers of at most 64 bits, but one is 1000000000000000000000000000000

zeros(2, 3)[2**63]
ArgumentError: slice: index 9223372036854775808 is out of bounds
  x (2, 3)   index 9223372036854775808

zeros(2, 3)[[0, -10**30]]
ArgumentError: slice: an index must be integers of at most 64 bits, but one is -1000000000000000000000000000000

ops.norm(zeros(3), 10**400)
ArgumentError: norm: ord must be a number, but is 100000000000000000000000000000000000000000000000000000000000…

zeros(3) + 10**400
DTypeError: Tensor: an integer is too large for a float: 10000000000000000000…
  as b of add

ops.take(zeros(), np.array([0]))
ShapeError: take: x has no rows to take
  x ()

ops.gather(zeros(2, 3), [0, 1], axis=1)
ShapeError: gather: indices must have x's lengths, or 1, along all axes but axis 1
  x (2, 3)   indices (2,)   axis 1   take has the same indices for every row

ops.gather(zeros(2, 3), 1, np.array([[0], [1]]))
ArgumentError: gather: indices come first: gather(x, indices, axis=1)
  x (2, 3)   axis (2, 1)

ops.gather(zeros(2, 3), [[0], [3]], axis=1)
ArgumentError: gather: indices must lie in -3 … 2, but go from 0 to 3
  x (2, 3)   indices (2, 1)

ops.gather(zeros(2, 3), [[0], [1], [2]], axis=1)
ShapeError: gather: indices must have x's lengths, or 1, along all axes but axis 1
  x (2, 3)   indices (3, 1)   axis 1   take has the same indices for every row
"""


@pytest.mark.parametrize(("call", "expected"), entries(INDICES))
def test_errors_of_indices(call, expected):
    check(call, expected)


ORDER = """
ops.sort(zeros(), axis=0)
ArgumentError: sort: axis is out of range for 0 axes
  x ()   axis 0

ops.sort(zeros(2, 3), descending=1)
ArgumentError: sort: descending must be True or False, but is 1

ops.topk(zeros(2, 3), 4)
ArgumentError: topk: axis 1 has fewer elements than k
  x (2, 3)   k 4

ops.topk(zeros(2, 3), -1)
ArgumentError: topk: k must be an integer >= 0, but is -1

ops.argmax(zeros(2, 0), axis=1)
ShapeError: argmax: there is nothing to choose from
  x (2, 0)   axis 1

ops.argmin(zeros(2, 3), axis=(0, 1))
ArgumentError: argmin: axis must be an integer, but is (0, 1)

ops.cumsum(zeros(2, 3), axis=2)
ArgumentError: cumsum: axis is out of range for 2 axes
  x (2, 3)   axis 2

ops.diagonal(zeros(2, 3), axis1=0, axis2=-2)
ArgumentError: diagonal: axis1 and axis2 are the same axis
  x (2, 3)   axis1 0   axis2 -2

ops.diagonal(zeros(2), 0)
ArgumentError: diagonal: axis2 is out of range for 1 axes
  x (2,)   axis2 1

ops.trace(zeros(2, 3), 0.5)
ArgumentError: trace: offset must be an integer, but is 0.5

ops.tril(zeros(3))
ShapeError: tril: x needs at least 2 axes
  x (3,)

ops.triu(zeros(3, 3), k=0.5)
ArgumentError: triu: k must be an integer, but is 0.5

ops.diag(zeros(3, 3), k=0.5)
ArgumentError: diag: k must be an integer, but is 0.5

ops.diag(zeros(3), k=-(10**30))
ShapeError: diag: no array has as many elements as the result would have
  x (3,)   k -1000000000000000000000000000000
"""


@pytest.mark.parametrize(("call", "expected"), entries(ORDER))
def test_errors_of_order(call, expected):
    check(call, expected)


CONTRACTIONS = """
ops.einsum(zeros(2, 3), "ij->ji")
ArgumentError: einsum: spec must be text, such as "ij,jk->ik", but is Tensor (2, 3)

ops.einsum("ij->ji")
ArgumentError: einsum: there are no inputs
  write einsum("ij->ji", a, b)

ops.einsum("ij,jk->ik", zeros(2, 3))
ArgumentError: einsum: 'ij,jk->ik' is for 2 inputs, but there are 1
  xs[0] (2, 3)

ops.einsum("ij,jk->ik", zeros(2, 3), zeros(4, 5))
ShapeError: einsum: axes of 'j' in 'ij,jk->ik' have lengths 3 and 4
  xs[0] (2, 3)   xs[1] (4, 5)

ops.einsum("ijk->kji", zeros(2, 3))
ShapeError: einsum: 'ijk' in 'ijk->kji' does not name the 2 axes of xs[0]
  xs[0] (2, 3)

ops.einsum("ij->ik", zeros(2, 3))
ArgumentError: einsum: the result of 'ij->ik' has 'k', which no input has

ops.einsum("ij->ii", zeros(2, 3))
ArgumentError: einsum: the result of 'ij->ii' has one letter twice

ops.einsum("i1->i", zeros(2, 3))
ArgumentError: einsum: 'i1->i' has '1' in 'i1'
  a term is made of the letters a-z and A-Z and of one "..." at most, as in "...ij,jk->...ik"

ops.einsum("ii->i", zeros(2, 3))
ShapeError: einsum: axes of 'i' in 'ii->i' have lengths 2 and 3
  xs[0] (2, 3)

ops.einsum("i,i", zeros(2), zeros(2, dtype="float64"))
DTypeError: einsum: the inputs are of two dtypes
  xs[0] (2,) float32   xs[1] (2,) float64
  convert one with .astype(dtype)

ops.einsum("...i,...i", zeros(2, 3), zeros(3, 3))
ShapeError: einsum: axes of ... in '...i,...i' have lengths 2 and 3
  xs[0] (2, 3)   xs[1] (3, 3)
"""


@pytest.mark.parametrize(("call", "expected"), entries(CONTRACTIONS))
def test_errors_of_contractions(call, expected):
    check(call, expected)
