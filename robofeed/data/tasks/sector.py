"""The part of the table that the tool reaches while it points straight down."""

from __future__ import annotations

import math

import numpy as np

from robofeed.data.tasks.task import Point

NEAR_M, FAR_M = 0.15, 0.25
"""distance from the first joint's axis on the table, so101"""
AZIMUTH_RAD = math.radians(60.0)
TOP_M = 0.125
LEVEL_M, SHRINK = 0.06, 0.7
"""The higher the tool, the nearer it must be: from `LEVEL_M` up by this much a metre. Above
`TOP_M` the so101's forearm would have to tilt upwards farther than its wrist bends down."""


def within(x: float, y: float, z: float) -> bool:
    """Whether an so101 reaches this point with its tool pointing down."""
    far_m = FAR_M - SHRINK * max(0.0, z - LEVEL_M)
    return (
        z <= TOP_M and NEAR_M <= math.hypot(x, y) <= far_m and abs(math.atan2(y, x)) <= AZIMUTH_RAD
    )


def draw(rng: np.random.Generator, low_m: float, high_m: float) -> Point:
    """A point, uniform in the volume of the sector between two heights; so101 lengths."""
    while True:
        x, y, z = rng.uniform((0.0, -FAR_M, low_m), (FAR_M, FAR_M, high_m)).tolist()
        if within(x, y, z):
            return x, y, z
