"""Pictures of stored scenes, drawn by PyBullet's TinyRenderer from primitive shapes."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from robofeed.data.errors import ConfigError, did_you_mean
from robofeed.data.observation import Picture
from robofeed.data.spec import FloatArray
from robofeed.data.tasks import Body
from robofeed.data.tasks.task import Point
from robofeed_pybullet.arms import Arm
from robofeed_pybullet.engine import pybullet
from robofeed_pybullet.model_writer import without_meshes, write_urdf
from robofeed_pybullet.scene import GOAL_COLOUR, GOAL_RADIUS_M, Scene, decode
from robofeed_pybullet.table import LIGHT, LIGHT_M, Ball, Shot, Table

_FIELD_DEG = 42.0
"""of view, from bottom to top of a picture ..."""
_ASPECT = 4 / 3
"""... of this shape or a wider one; more in a narrower one, which so loses nothing at its sides."""
_NOT_TURNED = (0.0, 0.0, 0.0, 1.0)
VIEWS: Mapping[str, tuple[float, float]] = {
    "corner": (52.0, -30.0),
    "front": (90.0, -20.0),
    "side": (0.0, -12.0),
    "top": (90.0, -89.0),
}
"""Yaw and pitch in degrees of each camera; the first is the usual one."""


class Painter:
    """Draws scenes of one arm in a world of its own: needs no simulator, changes none."""

    def __init__(self, arm: Arm) -> None:
        self._arm = arm
        self._client: int = pybullet.connect(pybullet.DIRECT)
        with tempfile.TemporaryDirectory(prefix="robofeed-arm-") as folder:
            path = Path(folder) / "arm.urdf"
            write_urdf(without_meshes(arm.model), path, visuals=True)
            self._body = pybullet.loadURDF(
                str(path), useFixedBase=True, physicsClientId=self._client
            )
        names = {
            pybullet.getJointInfo(self._body, joint, self._client)[1].decode(): joint
            for joint in range(pybullet.getNumJoints(self._body, self._client))
        }
        self._joints = [names[name] for name in arm.joints]
        self._fingers = [
            (names[name], shut, opened - shut) for name, shut, opened in arm.gripper.joints
        ]
        scale = arm.scale
        self._table = Table(self._client, scale)
        self._shapes = self._arm_shapes()
        self._goal_radius = radius = GOAL_RADIUS_M * scale
        self._goal = self._solid(
            pybullet.createVisualShape(
                pybullet.GEOM_SPHERE,
                radius=radius,
                rgbaColor=GOAL_COLOUR,
                physicsClientId=self._client,
            ),
            (0.0, 0.0, 0.0),
        )
        self._props: list[int] = []
        self._drawn: tuple[Any, ...] = ()
        distance_m, height_m = arm.view_m
        self._views = {
            camera: pybullet.computeViewMatrixFromYawPitchRoll(
                cameraTargetPosition=(0.15 * scale, 0.0, height_m),
                distance=distance_m,
                yaw=yaw_deg,
                pitch=pitch_deg,
                roll=0.0,
                upAxisIndex=2,
            )
            for camera, (yaw_deg, pitch_deg) in VIEWS.items()
        }

    def close(self) -> None:
        """Free the world. Idempotent."""
        if self._client >= 0:
            pybullet.disconnect(self._client)
            self._client = -1

    def paint(self, scene: FloatArray, height: int, width: int, camera: str = "") -> Picture:
        """The scene as `camera` sees it; "" is the first of `VIEWS`.

        Raises:
            ConfigError: there is no such camera.
        """
        view = self._views.get(camera or next(iter(VIEWS)))
        if view is None:
            raise ConfigError(f"clips.camera = {camera!r}{did_you_mean(camera, VIEWS)}")
        client = self._client
        seen = decode(scene, len(self._joints))
        for joint, position in zip(self._joints, seen.joint_rad, strict=True):
            pybullet.resetJointState(self._body, joint, position, physicsClientId=client)
        for joint, shut, way in self._fingers:
            position = shut + seen.opening * way
            pybullet.resetJointState(self._body, joint, position, physicsClientId=client)
        self._move(self._goal, seen.goal_m, (0.0, 0.0, 0.0, 1.0))
        self._place(seen.bodies)
        half = math.tan(math.radians(_FIELD_DEG / 2)) * max(1.0, _ASPECT * height / width)
        field_deg = 2 * math.degrees(math.atan(half))
        projection = pybullet.computeProjectionMatrixFOV(field_deg, width / height, 0.02, 10.0)

        def shoot(world: int) -> Shot:
            picture, depth = pybullet.getCameraImage(
                width,
                height,
                viewMatrix=view,
                projectionMatrix=projection,
                lightDirection=LIGHT,
                lightDistance=LIGHT_M,
                shadow=1,
                renderer=pybullet.ER_TINY_RENDERER,
                flags=pybullet.ER_NO_SEGMENTATION_MASK,
                physicsClientId=world,
            )[2:4]
            pixels = np.asarray(picture, np.uint8).reshape(height, width, 4)[:, :, :3]
            return pixels, np.asarray(depth, np.float32).reshape(height, width)

        return self._table.under(shoot, (camera, height, width), self._balls(seen))

    def _balls(self, seen: Scene) -> list[Ball]:
        """Balls round everything that throws a shadow."""
        links = range(pybullet.getNumJoints(self._body, self._client))
        states = pybullet.getLinkStates(
            self._body, links, computeForwardKinematics=1, physicsClientId=self._client
        )
        poses = {link: state[4:6] for link, state in zip(links, states, strict=True)}
        poses[-1] = ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0))
        balls: list[Ball] = [
            (*pybullet.multiplyTransforms(*poses[link], centre_m, _NOT_TURNED)[0], radius_m)
            for link, centre_m, radius_m in self._shapes
        ]
        balls.append((*seen.goal_m, self._goal_radius))
        balls += [(*body.position_m, math.hypot(*body.size_m) / 2) for body in seen.bodies]
        return balls

    def _arm_shapes(self) -> list[tuple[int, Point, float]]:
        """A ball round each shape of the arm: its link (-1 is the base), centre in it, radius."""
        return [
            # A box comes with its edges, a ball or cylinder with its radius.
            (shape[1], shape[5], math.hypot(*shape[3]) / (1 + (shape[2] == pybullet.GEOM_BOX)))
            for shape in pybullet.getVisualShapeData(self._body, physicsClientId=self._client)
        ]

    def _place(self, bodies: tuple[Body, ...]) -> None:
        """Put the bodies where they are; make them anew only where others were drawn before."""
        kinds = tuple((body.shape, body.size_m, body.colour) for body in bodies)
        if kinds != self._drawn:
            for number in self._props:
                pybullet.removeBody(number, self._client)
            self._props = [self._solid(self._shape(body), body.position_m) for body in bodies]
            self._drawn = kinds
        for number, body in zip(self._props, bodies, strict=True):
            self._move(number, body.position_m, body.quaternion)

    def _shape(self, body: Body) -> int:
        x, y, z = body.size_m
        client, colour = self._client, body.colour
        made: int
        if body.shape == "box":
            made = pybullet.createVisualShape(
                pybullet.GEOM_BOX,
                halfExtents=(x / 2, y / 2, z / 2),
                rgbaColor=colour,
                physicsClientId=client,
            )
        elif body.shape == "cylinder":
            made = pybullet.createVisualShape(
                pybullet.GEOM_CYLINDER,
                radius=x / 2,
                length=z,
                rgbaColor=colour,
                physicsClientId=client,
            )
        else:
            made = pybullet.createVisualShape(
                pybullet.GEOM_SPHERE, radius=x / 2, rgbaColor=colour, physicsClientId=client
            )
        return made

    def _solid(self, shape: int, position_m: tuple[float, float, float]) -> int:
        made: int = pybullet.createMultiBody(
            0,
            baseVisualShapeIndex=shape,
            basePosition=position_m,
            physicsClientId=self._client,
        )
        return made

    def _move(
        self,
        number: int,
        position_m: tuple[float, float, float],
        quaternion: tuple[float, float, float, float],
    ) -> None:
        pybullet.resetBasePositionAndOrientation(number, position_m, quaternion, self._client)
