"""What is said of an arm of which nobody knows where it stands."""

from __future__ import annotations

from robofeed_serial.arm_file import ArmFile


def assumed_pose(arm: ArmFile) -> list[float]:
    """Where it is taken to be: at rest, the gripper half open. One element a servo, rad."""
    grip = arm.gripper
    hand = [] if grip is None else [0.5 * (grip.shut_rad + grip.open_rad)]
    return [*arm.model.rest_rad, *hand]


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
