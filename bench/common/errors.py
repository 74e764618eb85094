"""The error that a person can mend."""


class BenchError(Exception):
    """A competitor that is missing, fails or computes something else than the others; or an option without meaning."""
