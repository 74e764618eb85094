"""What the user of a benchmark can mend."""


class BenchError(Exception):
    """A competitor that is missing, that fails, or that computes something else than the others."""
