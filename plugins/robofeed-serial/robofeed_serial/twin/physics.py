"""The simulator's arm, table and objects behind the servos of a twin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from robofeed.data.errors import ConfigError
from robofeed.data.spec import FloatArray
from robofeed.data.tasks import World, make_task
from robofeed_serial.twin.build import TwinJoint
from robofeed_serial.twin.camera import NO_GOAL_M
from robofeed_serial.twin.motor import SUBSTEP_S, MotorModel

HELD_NM = 1000.0
"""what a stuck joint withstands"""


class PybulletMechanics:
    """Motors give setpoints and the torque they have for them; bodies say what came of it.

    Args:
        arm: An arm that the simulator knows as well.
        joints: Its servos' joints, the gripper last.
        motors: Their motors, which are put where the simulator's arm is.
        task: Whose objects lie on the table.
        seed: Which of the task's layouts.

    Raises:
        ConfigError: the simulator is missing, or it does not know the arm or the task.
    """

    def __init__(
        self,
        arm: str,
        joints: Sequence[TwinJoint],
        motors: Sequence[MotorModel],
        *,
        task: str,
        seed: int,
    ) -> None:
        try:
            from robofeed_pybullet.arms import ARMS
            from robofeed_pybullet.engine import pybullet
            from robofeed_pybullet.randomisation import Variation
            from robofeed_pybullet.scene import encode, scene_size
            from robofeed_pybullet.world import PhysicsWorld
        except ImportError as error:
            raise ConfigError(
                f"--physics pybullet needs robofeed-pybullet, which does not load ({error}): "
                "pip install -c constraints.txt -e plugins/robofeed-pybullet -e sim_assets in the "
                "checkout, or use --physics kinematic"
            ) from error
        if arm not in ARMS:
            raise ConfigError(
                f"the simulator has no arm {arm!r} (it has {', '.join(ARMS)}): use "
                "--physics kinematic"
            )
        self._engine: Any = pybullet
        self._joints = list(joints)
        known = ARMS[arm]
        self._world = PhysicsWorld(known, SUBSTEP_S, 1, gripper=True)
        layout = make_task(task, known.figures()).layout(np.random.default_rng(seed))
        self._layout = replace(layout, goal_m=NO_GOAL_M)
        self._encode = encode
        self._scene_size = scene_size(len(known.joints), len(layout.bodies))
        self._seen = World(known.home_rad, [0.0] * len(known.joints), (0.0, 0.0, 0.0))
        starts = tuple(joint.start_rad for joint in joints[: len(known.joints)])
        self._world.connect()
        self._world.build(Variation(replace(layout, home_rad=starts)))
        for index, joint in enumerate(joints):  # the simulator's gripper starts open
            self._put(index, joint.start_rad)
        self._placed: list[float] = []
        for motor, joint, (angle_rad, *_) in zip(motors, joints, self._states(), strict=True):
            motor.place(joint.motor_rad(angle_rad))
            self._placed.append(motor.position_rad)

    def step(self, dt_s: float, motors: Sequence[MotorModel], supply: float) -> None:
        targets, forces = [], []
        for index, (motor, joint) in enumerate(zip(motors, self._joints, strict=True)):
            if motor.position_rad != self._placed[index]:  # somebody's hand
                self._put(index, joint.angle_rad(motor.position_rad))
            motor.advance_profile(dt_s, supply)
            figures, here = motor.figures, joint.angle_rad(motor.position_rad)
            gear = 1.0 / abs(joint.first)
            if motor.stuck:
                target, force = here, HELD_NM
            elif motor.torque_on:
                limit = figures.stall_torque_nm * motor.torque_limit * supply
                target, force = joint.angle_rad(motor.setpoint_rad), limit * gear
            else:
                target, force = here, figures.friction_nm * gear
            targets.append(target)
            forces.append(force)
        self._engine.setJointMotorControlArray(
            self._world.body,
            self._world.joints,
            self._engine.POSITION_CONTROL,
            targetPositions=targets,
            forces=forces,
            positionGains=self._world.gains,
            velocityGains=self._world.dampings,
            physicsClientId=self._world.client,
        )
        self._world.step()
        self._read(dt_s, motors)

    def scene(self) -> FloatArray:
        """All that a picture of it needs, as `robofeed_pybullet.picture.Painter` takes it."""
        self._world.read(self._seen)
        return self._encode(self._seen, self._layout, self._scene_size)

    def close(self) -> None:
        """Free the engine. Idempotent."""
        self._world.disconnect()

    def _read(self, dt_s: float, motors: Sequence[MotorModel]) -> None:
        for index, (motor, joint, state) in enumerate(
            zip(motors, self._joints, self._states(), strict=True)
        ):
            angle_rad, speed_rad_s, _, torque_nm = state
            # With the torque off it is the gears' friction that the engine's motor stands for.
            torque = torque_nm * joint.first if motor.torque_on else 0.0
            most = motor.figures.stall_torque_nm
            torque = max(-most, min(most, torque))
            motor.measured(joint.motor_rad(angle_rad), speed_rad_s / joint.first, torque)
            motor.warm(dt_s)
            self._placed[index] = motor.position_rad

    def _states(self) -> Any:
        return self._engine.getJointStates(self._world.body, self._world.joints, self._world.client)

    def _put(self, index: int, angle_rad: float) -> None:
        self._engine.resetJointState(
            self._world.body,
            self._world.joints[index],
            angle_rad,
            physicsClientId=self._world.client,
        )
