"""The simulated arms: where each model is, its gripper, its home and how far it reaches."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from robofeed.data.errors import ConfigError
from robofeed.data.tasks import ArmFigures
from robofeed.kinematics.arm import ArmGeometry, model_path
from robofeed.kinematics.chain import Kinematics
from robofeed.kinematics.model import Joint, Model


@dataclass(frozen=True, slots=True)
class Gripper:
    """The joints that open and close: name, position when shut, position when open (rad or m)."""

    joints: tuple[tuple[str, float, float], ...]
    width_m: float
    """between the fingers when open"""
    force: float
    """N or N m, of each joint"""
    speed: float
    """m/s or rad/s, of each joint"""
    cube_opening: float
    """the opening in [0, 1] at which it has shut on the tasks' cube, measured here"""
    hand_half_m: tuple[float, float]
    """half the width, along x and y, of the shut hand while the tool points down"""
    held: tuple[tuple[str, float], ...] = ()
    """joints that a linkage turns in the real gripper, and where they are fixed while it is used:
    there the fingers are parallel round the tasks' cube (motors of their own let them fold)"""

    @property
    def driven(self) -> tuple[tuple[str, float, float], ...]:
        """The joints that move in the simulation."""
        held = dict(self.held)
        return tuple(joint for joint in self.joints if joint[0] not in held)


@dataclass(frozen=True)
class Arm:
    """An arm's model file and the figures that the file does not hold (or holds wrongly)."""

    name: str
    package: str
    file: str
    joints: tuple[str, ...]
    tool: tuple[str, tuple[float, float, float]]
    """a link and a point in it: midway between the finger tips"""
    home_rad: tuple[float, ...]
    """tool pointing straight down, the fingers closing along y"""
    gripper: Gripper
    scale: float
    """reach over that of the so101; the tasks' lengths are multiplied by it"""
    tool_step_m: float
    """largest tool displacement along an axis in one step of an end-effector action"""
    joint_speed_rad_s: tuple[float, ...] = ()
    """where the model file does not give the real arm's"""
    joint_range_rad: tuple[tuple[float, float], ...] = ()
    """where the model file does not give the real arm's"""
    file_inertia: bool = False
    motor_residual: float = 1e-3
    """Where the solver may stop in a world without bodies. 1e-3 moves a joint by at most 1.6 mrad
    from where PyBullet's own 1e-7 does (measured, 50 random steps; a step of the so101's encoder
    is 1.5 mrad) and takes a fifth off a step."""
    view_m: tuple[float, float] = (0.72, 0.12)
    """pictures: the camera's distance from a point at this height above the table"""

    @property
    def path(self) -> Path:
        """The model file.

        Raises:
            ConfigError: the package that holds it is missing.
        """
        return model_path(self.name, self.package, self.file)

    @cached_property
    def geometry(self) -> ArmGeometry:
        """The arm in kinematics' terms."""
        return ArmGeometry(
            name=self.name,
            path=self.path,
            joints=self.joints,
            tool=self.tool,
            home_rad=self.home_rad,
            scale=self.scale,
            tool_step_m=self.tool_step_m,
            gripper_width_m=self.gripper.width_m,
            cube_opening=self.gripper.cube_opening,
            hand_half_m=self.gripper.hand_half_m,
            joint_speed_rad_s=self.joint_speed_rad_s,
            joint_range_rad=self.joint_range_rad,
            file_inertia=self.file_inertia,
        )

    @property
    def model(self) -> Model:
        """The arm with the real joints' ranges and speeds, and a link called `tool`."""
        return self.geometry.model

    def chain(self) -> list[Joint]:
        """The joints, fixed ones too, from base to tool."""
        return self.geometry.chain()

    def kinematics(self, period_s: float, *, hold_posture: bool) -> Kinematics:
        """Forward and inverse kinematics, the fastest that fits the arm."""
        return self.geometry.kinematics(period_s, hold_posture=hold_posture)

    def figures(self) -> ArmFigures:
        """What a task must know of this arm."""
        return self.geometry.figures()


ARMS = {
    arm.name: arm
    for arm in (
        Arm(
            name="so101",
            package="robofeed_sim_assets",
            file="so101/so101.urdf",
            joints=("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll"),
            tool=("gripper", (0.0881, 0.0, 0.0046)),
            home_rad=(0.0242, -0.0243, 0.1604, 1.4347, 1.595),
            gripper=Gripper(
                (("gripper", -0.1745, 1.7453),),
                width_m=0.09,
                force=0.3,
                speed=5.45,
                cube_opening=0.123,
                hand_half_m=(0.020, 0.025),
            ),
            scale=1.0,
            tool_step_m=0.02,
            file_inertia=True,
        ),
        Arm(
            name="panda",
            package="pybullet_data",
            file="franka_panda/panda.urdf",
            joints=tuple(f"panda_joint{number}" for number in range(1, 8)),
            tool=("panda_hand", (0.0, 0.0, 0.1034)),
            home_rad=(0.0, -0.2914, 0.0, -2.7604, 0.0, 2.469, 0.7854),
            gripper=Gripper(
                (("panda_finger_joint1", 0.0, 0.04), ("panda_finger_joint2", 0.0, 0.04)),
                width_m=0.08,
                force=20.0,
                speed=0.2,
                cube_opening=0.64,
                hand_half_m=(0.090, 0.116),
            ),
            view_m=(1.75, 0.32),
            scale=2.0,
            tool_step_m=0.03,
        ),
        Arm(
            name="kuka_iiwa",
            package="pybullet_data",
            file="kuka_iiwa/kuka_with_gripper2.sdf",
            joints=tuple(f"J{number}" for number in range(7)),
            tool=("lbr_iiwa_link_7", (0.0, 0.024, 0.26)),
            home_rad=(-0.1515, 0.2717, 0.1801, -1.8092, -0.0552, 1.0657, -1.5218),
            gripper=Gripper(
                (
                    ("base_left_finger_joint", 0.0, -0.3),
                    ("base_right_finger_joint", 0.0, 0.3),
                    ("left_base_tip_joint", 0.0, 0.0),
                    ("right_base_tip_joint", 0.0, 0.0),
                ),
                width_m=0.09,
                force=5.0,
                speed=2.0,
                cube_opening=0.48,
                hand_half_m=(0.052, 0.055),
                held=(("left_base_tip_joint", 0.0), ("right_base_tip_joint", 0.0)),
            ),
            view_m=(1.9, 0.38),
            scale=2.3,
            tool_step_m=0.03,
            # LBR iiwa 14 R820 data sheet: 85, 85, 100, 75, 130, 135, 135 degrees/s.
            joint_speed_rad_s=(1.48, 1.48, 1.75, 1.31, 2.27, 2.36, 2.36),
        ),
        Arm(
            name="xarm6",
            package="pybullet_data",
            file="xarm/xarm6_with_gripper.urdf",
            joints=tuple(f"joint{number}" for number in range(1, 7)),
            tool=("xarm_gripper_base_link", (0.0, 0.0, 0.172)),
            home_rad=(0.0, -0.4966, -0.5521, 0.0, 1.0487, 0.0),
            gripper=Gripper(
                (
                    ("drive_joint", 0.85, 0.0),
                    ("left_finger_joint", 0.85, 0.0),
                    ("right_outer_knuckle_joint", 0.85, 0.0),
                    ("right_finger_joint", 0.85, 0.0),
                ),
                width_m=0.085,
                force=2.0,
                speed=2.0,
                cube_opening=0.45,
                hand_half_m=(0.040, 0.078),
                held=(("left_finger_joint", 0.5), ("right_finger_joint", 0.5)),
            ),
            view_m=(1.55, 0.30),
            scale=1.7,
            tool_step_m=0.03,
        ),
    )
}


def find_arm(name: str) -> Arm:
    """The arm called `name`.

    Raises:
        ConfigError: no such arm.
    """
    if name not in ARMS:
        near = difflib.get_close_matches(name, ARMS, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ConfigError(f"no arm {name!r}{hint} (there are {', '.join(ARMS)})")
    return ARMS[name]
