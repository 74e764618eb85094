"""Checks for anyone's own functions and layers: gradients against finite differences, and what else can go wrong."""

from rawgan.errors import CheckFailed, GradientMismatch
from rawgan.testing.behaviour import BEHAVIOURS
from rawgan.testing.gradcheck import gradcheck
from rawgan.testing.kernel import KernelReport, check_kernel
from rawgan.testing.layer import check_layer
from rawgan.testing.report import Kink, Report, Row

__all__ = [
    "BEHAVIOURS",
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
