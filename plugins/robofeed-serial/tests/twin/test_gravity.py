"""An arm's weight on its servos is the slope of its energy, and a short step must still lift it."""

from __future__ import annotations

import numpy as np
import pytest

from robofeed.kinematics.model import Model, rotation
from robofeed_serial.arms.arm_file import load_arm
from robofeed_serial.twin.arm import SUBSTEP_NS
from robofeed_serial.twin.build import build_arm, build_servos, twin_joints
from robofeed_serial.twin.feetech_servo import RAD_PER_TICK, Sts3215
from robofeed_serial.twin.gravity import GRAVITY_M_S2, GravityLoad, weighed

SMALL = 1e-5
JOINTS = ("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll", "gripper")


def energy_j(model: Model, angles: dict[str, float]) -> float:
    """The links' weight times their height, summed from the base up and not as the load does it."""
    total = 0.0
    for name, link in model.links.items():
        place = np.eye(4)
        if any(joint.child == name for joint in model.joints.values()):
            for joint in model.chain_to(name):
                turn = np.eye(4)
                if joint.kind == "revolute":
                    axis = np.array(joint.axis) / np.linalg.norm(joint.axis)
                    turn[:3, :3] = rotation(axis, angles.get(joint.name, 0.0))
                place = place @ joint.parent_from_joint @ turn
        height_m = (place @ link.link_from_inertia)[2, 3]
        total += link.mass_kg * GRAVITY_M_S2 * float(height_m)
    return total


@pytest.mark.parametrize("name", ["so101", "koch"])
@pytest.mark.parametrize("seed", range(3))
def test_the_load_is_the_slope_of_the_energy(name: str, seed: int) -> None:
    joints = twin_joints(load_arm(name))
    model = weighed(load_arm(name).geometry().model, dict.fromkeys(JOINTS, 0.06))
    turns = [(joint.first, joint.second) for joint in joints]
    load = GravityLoad(model, [joint.name for joint in joints], turns)
    random = np.random.default_rng(seed)
    motors = [joint.motor_rad(float(random.uniform(*joint.range_rad))) for joint in joints]

    def energy(moved: int, by: float) -> float:
        angles = {}
        for index, (joint, motor) in enumerate(zip(joints, motors, strict=True)):
            angles[joint.name] = joint.angle_rad(motor + (by if index == moved else 0.0))
        return energy_j(model, angles)

    slopes = [(energy(n, -SMALL) - energy(n, SMALL)) / (2 * SMALL) for n in range(len(joints))]

    assert load(motors) == pytest.approx(slopes, abs=1e-6)
    assert max(map(abs, slopes)) > 0.05


def test_goals_a_short_step_beyond_the_measured_place_lift_the_arm() -> None:
    """The short-horizon rule under the arm's own weight, the driver being these few lines."""
    described = load_arm("so101")
    servos, _ = build_servos(described)
    arm = build_arm(described, servos, gravity=True)
    lift = arm.servos[1]
    assert isinstance(lift, Sts3215)
    up = twin_joints(described)[1].motor_rad(0.0)  # from lying back to upright
    step = 10.0 * (1 if up > lift.motor.position_rad else -1)
    arm.advance(0)
    start = lift.present_ticks
    for servo in arm.servos:
        assert isinstance(servo, Sts3215)
        servo.write(42, servo.present_ticks.to_bytes(2, "little"))
        servo.write(40, b"\x01")
    time_ns = 0
    for _ in range(200):
        goal = round(lift.present_ticks + 10 * step)
        lift.write(42, goal.to_bytes(2, "little"))
        for _ in range(10):
            time_ns += SUBSTEP_NS
            arm.advance(time_ns)

    assert abs(lift.present_ticks - start) * RAD_PER_TICK > 0.5
