"""Checks for functions, layers and kernels, rawgan's and yours: gradients against finite differences, and more."""

from rawgan.errors import CheckFailed, GradientMismatch
from rawgan.testing.functions.checks import CHECKS
from rawgan.testing.functions.gradcheck import gradcheck
from rawgan.testing.kernel import KernelReport, check_kernel
from rawgan.testing.layers.check_layer import check_layer
from rawgan.testing.report import Kink, Report, Row

__all__ = [
    "CHECKS",
    "CheckFailed",
    "GradientMismatch",
    "KernelReport",
    "Kink",
    "Report",
    "Row",
    "check_kernel",
    "check_layer",
    "gradcheck",
]
