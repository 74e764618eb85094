"""Profiles of hypothesis, one of which is loaded: how many examples are tried, and whether they are the same each time.

Whoever imports tests imports this before: tests take the profile of that moment.
"""

from hypothesis import HealthCheck, Phase, settings

unexplained = [phase for phase in Phase if phase is not Phase.explain]  # hypothesis.find explains what it finds, too
at_any_speed = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}  # of a machine with other work
settings.register_profile("quick", **at_any_speed, derandomize=True, max_examples=50, phases=unexplained)
settings.register_profile("brief", **at_any_speed, derandomize=True, max_examples=3)  # which lines are reached
settings.register_profile("long", **at_any_speed, max_examples=5000, print_blob=True)
settings.load_profile("quick")  # the others: pytest --hypothesis-profile=long
