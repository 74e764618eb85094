"""Quantities in words."""


def duration(seconds: float) -> str:
    """A duration in its two largest units.

    >>> duration(8.4), duration(143), duration(7500), duration(100_000)
    ('8 s', '2 min 23 s', '2 h 05 min', '1 d 3 h')
    """
    whole = round(seconds)
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60:02d} min"
    return f"{minutes} min {whole % 60:02d} s" if minutes else f"{whole} s"
