"""Renders what cameras of a lane would see. Imports nothing of ours.

Pictures are BGR, 8 bits, shape (height, width, 3). The same arguments give the same picture.
"""

from simulators.scene.camera import Vary, darken, encode_jpeg, overexpose, photo, vary
from simulators.scene.container import render_container
from simulators.scene.front import render_front
from simulators.scene.lane import render_empty_lane
from simulators.scene.plate import PlateType, draw_plate
from simulators.scene.weather import CLEAR, Weather, rained_on

__all__ = [
    "CLEAR",
    "PlateType",
    "Vary",
    "Weather",
    "darken",
    "draw_plate",
    "encode_jpeg",
    "overexpose",
    "photo",
    "rained_on",
    "render_container",
    "render_empty_lane",
    "render_front",
    "vary",
]
