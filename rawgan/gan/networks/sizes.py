"""Image sizes that a generator reaches by doubling."""

from rawgan.errors import ArgumentError


def split_size(size: int) -> tuple[int, int]:
    """Write an image size as base · 2^doublings, with a base from 4 to 7: G starts at the base and doubles it.

    Raises: ArgumentError, with the nearest sizes that can be made

    >>> split_size(28), split_size(64)
    ((7, 2), (4, 4))
    """
    base, doublings = size, 0
    while base > 7 and base % 2 == 0:
        base, doublings = base // 2, doublings + 1
    if doublings and 4 <= base <= 7:
        return base, doublings
    possible = sorted(m * 2**k for m in range(4, 8) for k in range(1, 9))
    nearest = sorted(sorted(possible, key=lambda n: abs(n - size))[:4])
    raise ArgumentError(
        f"image size {size}: the networks double an image of 4 to 7 pixels, so a size must be 4, 5, 6 or 7 times "
        f"2, 4, 8, ...\n  sizes near {size}: {', '.join(str(n) for n in nearest)}"
    )
