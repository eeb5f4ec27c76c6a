"""A PyBullet world: an arm on a table and the bodies of a layout.

Equal seeds must give equal bytes in any process at any time. Resetting poses or restoring states
does not give that (contact and motor caches survive), so every episode starts from an empty world.
"""

from __future__ import annotations

import math
import shutil
import tempfile
import time
import weakref
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from robofeed.data.errors import HardwareError
from robofeed.data.tasks import Body, BodyState, Layout, World
from robofeed.kinematics.model import Model
from robofeed_pybullet.above_table import joints_above_table
from robofeed_pybullet.arms import Arm
from robofeed_pybullet.engine import pybullet
from robofeed_pybullet.merge import merged
from robofeed_pybullet.model_writer import without_meshes, write_urdf
from robofeed_pybullet.randomisation import Variation
from robofeed_pybullet.scene import GOAL_COLOUR, GOAL_RADIUS_M
from robofeed_pybullet.window import close_window, hold_drawing, open_window

MOTOR_GAIN = 0.2
"""Share of the position error removed in a time step of 5 ms: 83 % within a period of 8 steps, the
lag of a position-controlled servo."""
_REFERENCE_TIMESTEP_S = 0.005
GRAVITY_M_S2 = 9.81
CONTACT_RESIDUAL = 1e-7
"""PyBullet's own: the solver stops early only where there is nothing left to solve"""
FINGER_FRICTION = 1.5
"""rubber on wood"""
GEAR_CORRECTION = 0.1
"""share of the fingers' disagreement removed in a time step"""
GEAR_FORCES = 5.0
"""what the gears carry, in gripper forces"""


def physics_model(arm: Arm, *, gripper: bool) -> Model:
    """The arm for physics: boxes for meshes; without `gripper` the fingers are fixed, shut."""
    stay = {name: shut for name, shut, _ in arm.gripper.joints}
    moving = {*arm.joints, *((name for name, _, _ in arm.gripper.driven) if gripper else ())}
    if gripper:
        stay.update(arm.gripper.held)
    fixed = {
        name: stay.get(name, 0.0)
        for name, joint in arm.model.joints.items()
        if joint.kind != "fixed" and name not in moving
    }
    return merged(without_meshes(arm.model).with_fixed(fixed))


class PhysicsWorld:
    """One physics client. `build` empties it and fills it again.

    `client`, `body`, `joints`, `forces`, `gains` and `dampings` are what PyBullet's own calls take.
    A period is one call of it with `substeps` steps of `timestep_s` inside, which is 0.7 us a step
    less than as many calls. PyBullet turns forces into impulses with the time of a whole call and
    then grants them to each step inside, so `forces` are the real ones divided by `substeps`. The
    force of a constraint is not treated so.
    """

    def __init__(self, arm: Arm, period_s: float, substeps: int, *, gripper: bool) -> None:
        self._arm = arm
        # PyBullet counts the steps in a call by division. In single precision they add up exactly.
        self.timestep_s = float(np.float32(period_s / substeps))
        self.substeps = substeps
        self.client = -1
        self._window = False
        self._due_s = 0.0
        self._model = physics_model(arm, gripper=gripper)
        self.above_table = joints_above_table(self._model, arm.joints)
        """joints of the links that the table need not be checked against"""
        self._file = Path()
        self._remove_file: weakref.finalize[..., PhysicsWorld] | None = None
        fingers = arm.gripper.driven if gripper else ()
        self._fingers = [(shut, opened - shut) for _, shut, opened in fingers]
        self._names = [*arm.joints, *(name for name, _, _ in fingers)]
        joints = arm.model.joints
        forces = [joints[name].effort for name in arm.joints] + [arm.gripper.force] * len(fingers)
        self.forces = [force / substeps for force in forces]
        # PyBullet has one speed limit an arm; each joint's own is kept by the plan and the gates.
        self._speed = max(joints[name].speed for name in arm.joints)
        widest = max((abs(way) for _, way in self._fingers), default=1.0)
        self._opening_step = arm.gripper.speed * period_s / widest
        gain = 1.0 - (1.0 - MOTOR_GAIN) ** (self.timestep_s / _REFERENCE_TIMESTEP_S)
        self.gains = [gain] * len(self._names)
        self.dampings = [1.0] * len(self._names)
        self.opening = math.nan
        """of the gripper, as commanded; NaN where it is fixed"""
        self._measured_opening = 1.0
        self.body = -1
        self.joints: list[int] = []
        self._placed: list[int] = []
        self._movable: list[int] = []
        self._obstacles: list[int] = []

    @property
    def links(self) -> int:
        """Moving links of the arm, fingers included."""
        return len(self._names)

    def connect(self, *, window: bool = False) -> None:
        """Start the physics engine. Idempotent.

        Raises:
            HardwareError: it did not start.
        """
        if self.client >= 0:
            return
        client = open_window(self._arm.scale) if window else pybullet.connect(pybullet.DIRECT)
        if client < 0:
            raise HardwareError(
                "PyBullet did not start: this process has no engine left, or already a window"
            )
        self.client, self._window = client, window
        folder = tempfile.mkdtemp(prefix="robofeed-arm-")
        # Also where nobody closes this, at the latest when the process ends.
        self._remove_file = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._file = Path(folder) / "arm.urdf"
        write_urdf(self._model, self._file, visuals=window)

    def disconnect(self) -> None:
        """Free the engine. Idempotent."""
        if self.client >= 0:
            if self._window:
                close_window(self.client)
            else:
                pybullet.disconnect(self.client)
            self.client = -1
        if self._remove_file is not None:
            self._remove_file()

    def build(self, variation: Variation) -> None:
        """Empty the world and put arm, table and bodies in, the gripper open.

        Raises:
            HardwareError: not connected.
        """
        client, layout = self.client, variation.layout
        if client < 0:
            raise HardwareError("the simulator is not open: call open() before reset()")
        if self._window:
            hold_drawing(client, True)
        pybullet.resetSimulation(physicsClientId=client)  # its first argument is flags
        pybullet.setPhysicsEngineParameter(
            fixedTimeStep=self.timestep_s * self.substeps,
            numSubSteps=self.substeps,
            # Motors alone are solved well before contacts would be.
            solverResidualThreshold=CONTACT_RESIDUAL if layout.bodies else self._arm.motor_residual,
            deterministicOverlappingPairs=1,
            physicsClientId=client,
        )
        pybullet.setGravity(0, 0, -GRAVITY_M_S2, physicsClientId=client)
        plane = pybullet.createCollisionShape(pybullet.GEOM_PLANE, physicsClientId=client)
        table = pybullet.createMultiBody(0, plane, physicsClientId=client)
        self._load_arm(layout.home_rad or self._arm.home_rad)
        for name in self.above_table:
            link = self.joints[self._names.index(name)]
            pybullet.setCollisionFilterPair(table, self.body, -1, link, 0, physicsClientId=client)
        self._vary_arm(variation)
        self._movable, self._obstacles = [], []
        self._placed = [self._add(body) for body in layout.bodies]
        for number, body in zip(self._placed, layout.bodies, strict=True):
            if body.mass_kg > 0:
                self._movable.append(number)
            if body.obstacle:
                self._obstacles.append(number)
        if self._window:
            self._show(layout)
            hold_drawing(client, False)

    def command(self, joint_rad: Sequence[float], opening: float = 0.0) -> None:
        """Set the joints' goals and the gripper's opening, which goes there at its own speed."""
        if self._fingers:
            step, now = self._opening_step, self._measured_opening
            self.opening = opening = min(max(opening, now - step), now + step)
            joint_rad = [*joint_rad, *(shut + opening * way for shut, way in self._fingers)]
        pybullet.setJointMotorControlArray(
            self.body,
            self.joints,
            pybullet.POSITION_CONTROL,
            targetPositions=joint_rad,
            forces=self.forces,
            positionGains=self.gains,
            velocityGains=self.dampings,
            physicsClientId=self.client,
        )

    def step(self) -> None:
        """Advance one period; in a window not faster than a person can watch."""
        pybullet.stepSimulation(self.client)
        if self._window:
            now_s = time.monotonic()
            self._due_s = max(self._due_s + self.timestep_s * self.substeps, now_s)
            time.sleep(self._due_s - now_s)

    def read(self, world: World) -> None:
        """Fill `world` with what is measured now; the tool position is the caller's."""
        states = pybullet.getJointStates(self.body, self.joints, self.client)
        if self._fingers:
            shut, way = self._fingers[0]
            arm = len(self._arm.joints)
            world.gripper = min(max((states[arm][0] - shut) / way, 0.0), 1.0)
            # Fingers that an object stops are not sent on: those behind a knuckle would fold.
            self._measured_opening = world.gripper
            states = states[:arm]
        world.joint_rad, world.joint_rad_s, _, _ = zip(*states, strict=True)
        if self._movable:
            world.bodies = [
                BodyState(*pybullet.getBasePositionAndOrientation(number, self.client))
                for number in self._movable
            ]
        if self._obstacles:
            # PyBullet also lists pairs that are near; only a gap of at most 0 is a touch.
            world.touching = any(
                contact[8] <= 0.0
                for number in self._obstacles
                for contact in pybullet.getContactPoints(
                    self.body, number, physicsClientId=self.client
                )
            )

    def _show(self, layout: Layout) -> None:
        """Colours and the goal, for a window."""
        for number, body in zip(self._placed, layout.bodies, strict=True):
            pybullet.changeVisualShape(
                number, -1, rgbaColor=body.colour, physicsClientId=self.client
            )
        goal = pybullet.createVisualShape(
            pybullet.GEOM_SPHERE,
            radius=GOAL_RADIUS_M * self._arm.scale,
            rgbaColor=GOAL_COLOUR,
            physicsClientId=self.client,
        )
        pybullet.createMultiBody(
            0,
            baseVisualShapeIndex=goal,
            basePosition=layout.goal_m,
            physicsClientId=self.client,
        )

    def _load_arm(self, home_rad: Sequence[float]) -> None:
        client = self.client
        self.body = pybullet.loadURDF(
            str(self._file),
            useFixedBase=True,
            flags=pybullet.URDF_USE_INERTIA_FROM_FILE,
            physicsClientId=client,
        )
        index = {}
        for joint in range(pybullet.getNumJoints(self.body, client)):
            index[pybullet.getJointInfo(self.body, joint, client)[1].decode()] = joint
        self.joints = [index[name] for name in self._names]
        start = [*home_rad, *(shut + way for shut, way in self._fingers)]
        pybullet.changeDynamics(
            self.body, self.joints[0], maxJointVelocity=self._speed, physicsClientId=client
        )
        for joint, position in zip(self.joints, start, strict=True):
            pybullet.resetJointState(self.body, joint, position, physicsClientId=client)
        self._couple_fingers()
        self._measured_opening = 1.0
        self.command(start[: len(home_rad)], 1.0)

    def _couple_fingers(self) -> None:
        """Tie the fingers together, as a real gripper's gears do: else a held cube slides along."""
        fingers = self.joints[len(self._arm.joints) :]
        for joint, (_, way) in zip(fingers[1:], self._fingers[1:], strict=True):
            if way:
                gear = pybullet.createConstraint(
                    self.body,
                    fingers[0],
                    self.body,
                    joint,
                    pybullet.JOINT_GEAR,
                    (0, 0, 1),
                    (0, 0, 0),
                    (0, 0, 0),
                    physicsClientId=self.client,
                )
                pybullet.changeConstraint(
                    gear,
                    gearRatio=-self._fingers[0][1] / way,
                    erp=GEAR_CORRECTION,
                    maxForce=GEAR_FORCES * self._arm.gripper.force,
                    physicsClientId=self.client,
                )

    def _vary_arm(self, variation: Variation) -> None:
        client, body = self.client, self.body
        friction = FINGER_FRICTION * variation.finger_friction_share
        # The last link carries the fingers where the gripper is fixed, else each finger is one.
        for joint in self.joints[len(self._arm.joints) - 1 :]:
            pybullet.changeDynamics(body, joint, lateralFriction=friction, physicsClientId=client)
        for joint, share in zip(self.joints, variation.link_mass_share, strict=False):
            mass_kg = pybullet.getDynamicsInfo(body, joint, client)[0] * share
            pybullet.changeDynamics(body, joint, mass=mass_kg, physicsClientId=client)

    def _add(self, body: Body) -> int:
        client = self.client
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
