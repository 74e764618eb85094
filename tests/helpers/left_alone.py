"""A check that inputs are left as they are. Compiled kernels could write to read-only arrays, too."""

from contextlib import contextmanager


@contextmanager
def left_alone(*arrays):
    """Afterwards, the arrays have the bits that they had."""
    before = [array.tobytes() for array in arrays]
    yield
    assert [array.tobytes() for array in arrays] == before
