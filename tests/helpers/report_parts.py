"""Parts of the experiments' reports that tests make up."""

MACHINE = {
    "cpu": "abacus",
    "cores": 2,
    "bf16 units": "AMX",
    "system": "wood",
    "load": "0.0",
    "versions": {"Python": "3"},
    "commit": "0",
}
"""A machine that no figure is from."""
