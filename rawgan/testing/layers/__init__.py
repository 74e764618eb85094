"""Checks of Modules: their gradients, and everything else that a Module promises."""
