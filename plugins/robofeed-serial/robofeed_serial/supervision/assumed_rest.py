"""Where an arm is taken to be that nobody can measure, once somebody says that it lies at rest."""

from __future__ import annotations

from robofeed_serial.arms.arm_file import ArmFile


def assumed_pose(arm: ArmFile) -> list[float]:
    """Where it is taken to be: at rest, the gripper half open. One element a servo, rad."""
    return arm.half_open(arm.model.rest_rad)


def unseen(arm: ArmFile, port: str) -> str:
    """Why it is not switched on, what would happen, and how to say that it lies at rest."""
    pose = ", ".join(
        f"{joint.name} {rad:.2f}" for joint, rad in zip(arm.joints, arm.model.rest_rad, strict=True)
    )
    return (
        f"nothing measures where the arm on {port} stands: its torque stays off. Once on, the arm "
        f"jumps to its rest pose ({pose} rad, the gripper half open) from wherever it is. Lay it "
        f"there, then say so: --at-rest, or in a run file backend.{arm.protocol}.assume_rest "
        "= true"
    )
