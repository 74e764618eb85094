"""Axes that norms average over."""


def over_groups(rank: int, axes: tuple[int, ...]) -> bool:
    """True if a mean is over the pixels and the channels of each group, as in group norm.

    That is over all axes of (N, …, groups, channels of a group) but the images' and the groups'.

    >>> over_groups(4, (1, 3)), over_groups(4, (1, 2))
    (True, False)
    """
    axes = tuple(sorted(axes))
    return len(axes) > 1 and axes == (*range(axes[0], rank - 2), rank - 1)
