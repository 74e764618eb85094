"""The reference backend: every kernel as its plain formula, over NumPy or CuPy arrays.

It is written to be read, and the other backends have to agree with it.
"""
