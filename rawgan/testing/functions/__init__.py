"""Checks of functions of Tensors: gradients against finite differences, and the checks of `CHECKS`."""
