"""The simulator's window: how it opens, where its camera stands, how it closes."""

from __future__ import annotations

import os
import sys

from robofeed.data.errors import HardwareError
from robofeed_pybullet.engine import pybullet, silenced

CAMERA_DISTANCE_M = 0.75
"""for the so101; other arms are looked at from so much further as they are larger"""
CAMERA_YAW_DEG = 55.0
CAMERA_PITCH_DEG = -30.0
CAMERA_TARGET_M = (0.15, 0.0, 0.1)
_PANELS = (
    pybullet.COV_ENABLE_GUI,
    pybullet.COV_ENABLE_RGB_BUFFER_PREVIEW,
    pybullet.COV_ENABLE_DEPTH_BUFFER_PREVIEW,
    pybullet.COV_ENABLE_SEGMENTATION_MARK_PREVIEW,
)
"""PyBullet's own controls and previews, which hide half the scene"""


def open_window(scale: float) -> int:
    """Open it on an arm `scale` times the so101's size; the engine's number, negative if it failed.

    Raises:
        HardwareError: there is no display.
    """
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        # PyBullet would end the whole process.
        raise HardwareError(
            "there is no display to open the simulator's window on (DISPLAY is not set): "
            "run on a desktop, or set backend.pybullet.gui = false"
        )
    with silenced(1, 2):
        client: int = pybullet.connect(pybullet.GUI)
        if client >= 0:
            _arrange(client, scale)
    return client


def _arrange(client: int, scale: float) -> None:
    for panel in _PANELS:
        pybullet.configureDebugVisualizer(panel, 0, physicsClientId=client)
    pybullet.resetDebugVisualizerCamera(
        CAMERA_DISTANCE_M * scale,
        CAMERA_YAW_DEG,
        CAMERA_PITCH_DEG,
        [scale * part for part in CAMERA_TARGET_M],
        physicsClientId=client,
    )


def close_window(client: int) -> None:
    """Close it."""
    with silenced(1, 2):
        pybullet.disconnect(client)


def hold_drawing(client: int, held: bool) -> None:
    """While held nothing is drawn: bodies then load at once instead of one picture each."""
    pybullet.configureDebugVisualizer(
        pybullet.COV_ENABLE_RENDERING, 0 if held else 1, physicsClientId=client
    )
