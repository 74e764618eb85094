"""Rooms of the lab, one a file.

To add a room, add a file that defines a :class:`~rawgan.lab.room.Room`, and its texts to texts.toml.
"""

from rawgan.lab.room import Room
from rawgan.registry import Registry, collect

ROOMS: Registry[Room] = collect(__name__, __path__, Room, "room")
"""Rooms by name."""
