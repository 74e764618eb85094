"""The base class of layers: what it owns, its modes, its hooks, its copies, its state."""
