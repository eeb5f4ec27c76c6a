"""A PyBullet world: an arm on a table and the bodies of a layout.

Equal seeds must give equal bytes in any process at any time. Resetting poses or restoring states
does not give that (contact and motor caches survive), so every episode starts from an empty world.
"""

from __future__ import annotations

from collections.abc import Sequence

import pybullet

from robofeed.data.errors import HardwareError
from robofeed.data.tasks import Body, BodyState, Layout, World
from robofeed_pybullet.arms import Arm

MOTOR_GAIN = 0.2
"""Share of the position error removed in a time step: 83 % within a period of 8 steps, the lag of
a position-controlled servo."""
MOTOR_DAMPING = 1.0


class PhysicsWorld:
    """One physics client. `build` empties it and fills it again."""

    def __init__(self, arm: Arm, timestep_s: float, substeps: int) -> None:
        self._arm = arm
        self._timestep_s = timestep_s
        self._substeps = range(substeps)
        self._client = -1
        self._path = str(arm.path)
        chain = {joint.name: joint for joint in arm.chain()}
        self._forces = [chain[name].effort for name in arm.joints]
        self._speeds = [chain[name].speed for name in arm.joints]
        self._body = -1
        self._joints: list[int] = []
        self._gains = [MOTOR_GAIN] * len(arm.joints)
        self._dampings = [MOTOR_DAMPING] * len(arm.joints)
        self._fingers: list[int] = []
        self._movable: list[int] = []
        self._obstacles: list[int] = []

    def connect(self) -> None:
        """Start the physics engine. Idempotent."""
        if self._client < 0:
            self._client = pybullet.connect(pybullet.DIRECT)
            if self._client < 0:
                raise HardwareError("PyBullet did not start; it has no free client slot left")

    def disconnect(self) -> None:
        """Free the engine. Idempotent."""
        if self._client >= 0:
            pybullet.disconnect(self._client)
            self._client = -1

    def build(self, layout: Layout) -> None:
        """Empty the world and put arm, table and bodies in."""
        client = self._client
        if client < 0:
            raise HardwareError("the simulator is not open: call open() before reset()")
        pybullet.resetSimulation(client)
        pybullet.setPhysicsEngineParameter(
            fixedTimeStep=self._timestep_s,
            deterministicOverlappingPairs=1,
            physicsClientId=client,
        )
        pybullet.setGravity(0, 0, -9.81, physicsClientId=client)
        plane = pybullet.createCollisionShape(pybullet.GEOM_PLANE, physicsClientId=client)
        pybullet.createMultiBody(0, plane, physicsClientId=client)
        self._body = pybullet.loadURDF(
            self._path,
            useFixedBase=True,
            flags=pybullet.URDF_IGNORE_VISUAL_SHAPES | pybullet.URDF_USE_INERTIA_FROM_FILE,
            physicsClientId=client,
        )
        index = {
            pybullet.getJointInfo(self._body, joint, client)[1].decode(): joint
            for joint in range(pybullet.getNumJoints(self._body, client))
        }
        self._joints = [index[name] for name in self._arm.joints]
        self._fingers = [index[name] for name in self._arm.gripper.joints]
        for joint, speed, value in zip(
            self._joints, self._speeds, layout.home_rad or self._arm.home_rad, strict=True
        ):
            pybullet.changeDynamics(
                self._body, joint, maxJointVelocity=speed, physicsClientId=client
            )
            pybullet.resetJointState(self._body, joint, value, physicsClientId=client)
        self._movable, self._obstacles = [], []
        for body in layout.bodies:
            number = self._add(body)
            if body.mass_kg > 0:
                self._movable.append(number)
            if body.obstacle:
                self._obstacles.append(number)

    def command(self, joint_rad: Sequence[float]) -> None:
        """Set the joints' goals."""
        pybullet.setJointMotorControlArray(
            self._body,
            self._joints,
            pybullet.POSITION_CONTROL,
            targetPositions=joint_rad,
            forces=self._forces,
            positionGains=self._gains,
            velocityGains=self._dampings,
            physicsClientId=self._client,
        )

    def step(self) -> None:
        """Advance one period."""
        client = self._client
        for _ in self._substeps:
            pybullet.stepSimulation(client)

    def read(self, world: World) -> None:
        """Fill `world` with what is measured now; the tool position is the caller's."""
        states = pybullet.getJointStates(self._body, self._joints, self._client)
        world.joint_rad = [state[0] for state in states]
        world.joint_rad_s = [state[1] for state in states]
        world.bodies = [
            BodyState(*pybullet.getBasePositionAndOrientation(number, self._client))
            for number in self._movable
        ]
        world.touching = any(
            pybullet.getContactPoints(self._body, number, physicsClientId=self._client)
            for number in self._obstacles
        )

    def _add(self, body: Body) -> int:
        client = self._client
        x, y, z = body.size_m
        if body.shape == "box":
            shape = pybullet.createCollisionShape(
                pybullet.GEOM_BOX, halfExtents=(x / 2, y / 2, z / 2), physicsClientId=client
            )
        elif body.shape == "cylinder":
            shape = pybullet.createCollisionShape(
                pybullet.GEOM_CYLINDER, radius=x / 2, height=z, physicsClientId=client
            )
        else:
            shape = pybullet.createCollisionShape(
                pybullet.GEOM_SPHERE, radius=x / 2, physicsClientId=client
            )
        number: int = pybullet.createMultiBody(
            body.mass_kg,
            shape,
            basePosition=body.position_m,
            baseOrientation=body.quaternion,
            physicsClientId=client,
        )
        pybullet.changeDynamics(number, -1, lateralFriction=body.friction, physicsClientId=client)
        return number
