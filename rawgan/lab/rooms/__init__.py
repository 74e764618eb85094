"""Rooms of the lab, one a file. A room has a name, a key on the keyboard, and a function that builds it on a page."""

from rawgan.lab.rooms.now import NOW
from rawgan.lab.rooms.room import Lab, Room
from rawgan.lab.rooms.step import STEP

ROOMS = (NOW, STEP)
"""All rooms, in the order of their tabs."""

__all__ = ["ROOMS", "Lab", "Room"]
