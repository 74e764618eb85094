"""Benchmarks, run from the root of the repository: `python -m bench` lists them.

Every benchmark checks that the competitors compute the same thing before it takes the time. Each competitor then
works in a process of its own, in turn with the others, round by round; what counts is the ratio within a round, as the
speed of a machine drifts from one round to the next.

Figures are written to bench/results/ as JSON, with what they were measured on, and drawn from there.
"""
