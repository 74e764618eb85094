"""Largest difference between two right ways to compute the same, relative to the largest number of the result."""

TOLERANCES = {"float32": 2e-5, "float64": 1e-11}
