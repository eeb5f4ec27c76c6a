"""A camera before a twin: its scenes go to a process that draws them and serves the pictures."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from robofeed.data.errors import ConfigError
from robofeed.data.spec import FloatArray
from robofeed_serial.arms.arm_file import ArmFile
from robofeed_serial.twin import camera_process
from robofeed_serial.twin.build import twin_joints
from robofeed_serial.twin.motor import MotorModel

EVERY_NS = 50_000_000
"""Scenes a second are twenty, pictures fewer: what is drawn is the newest scene."""
NO_GOAL_M = (0.0, 0.0, -1.0)
"""out of sight: the goal is the run's affair, which draws its own"""


def pose_of(arm: ArmFile, motors: Sequence[MotorModel]) -> Callable[[], FloatArray]:
    """What tells the scene of an arm whose joints move each by itself: nothing lies before it."""
    joints = twin_joints(arm)
    count = len(arm.joints)
    gripper = arm.gripper

    def scene() -> FloatArray:
        angles = [
            joint.angle_rad(motor.position_rad) for joint, motor in zip(joints, motors, strict=True)
        ]
        opening = 0.0
        if gripper is not None:
            opening = (angles[count] - gripper.shut_rad) / (gripper.open_rad - gripper.shut_rad)
        return np.array([*angles[:count], opening, *NO_GOAL_M], np.float32)

    return scene


class TwinCamera:
    """Serves what is before the twin as MJPEG on loopback, at `url`.

    Args:
        arm: Its name in the simulator.
        scene: What to draw, float32 of constant size.
        port: Where to serve; 0 = any.

    Raises:
        ConfigError: the port is taken; the simulator, which draws, is missing or lacks the arm.
    """

    def __init__(self, arm: str, scene: Callable[[], FloatArray], port: int) -> None:
        try:
            from robofeed_pybullet.arms import ARMS
        except ImportError as error:
            raise ConfigError(
                f"--camera-port needs robofeed-pybullet, which does not load ({error})"
            ) from error
        if arm not in ARMS:
            raise ConfigError(
                f"there are no pictures of {arm!r}, but of {', '.join(ARMS)}: leave out "
                "--camera-port"
            )
        self._scene = scene
        self._due_ns = 0
        size = len(scene())
        self._process = subprocess.Popen(
            [sys.executable, "-m", camera_process.__name__, arm, str(size), str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._pipe = self._process.stdin
        os.set_blocking(self._pipe.fileno(), False)
        self.url = self._process.stdout.readline().decode().strip()
        if not self.url:
            self.close()
            raise ConfigError(f"no camera at port {port}: take --camera-port 0 for a free one")

    def show(self, now_ns: int) -> None:
        """Time has passed. Never waits: what the other process has no time for is left out."""
        if now_ns < self._due_ns:
            return
        self._due_ns = now_ns + EVERY_NS
        with contextlib.suppress(OSError):
            # Shorter than what a pipe takes as a whole or not at all.
            os.write(self._pipe.fileno(), self._scene().tobytes())

    def where(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Answer a question on the twin's control socket."""
        return {"url": self.url}

    def close(self) -> None:
        """End the process. Idempotent."""
        self._pipe.close()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
