"""Launches, graphs, matrix products and memory on the GPU."""
