"""An arm of which nobody knows where it stands, and the person who says that it lies at rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from robofeed_serial.arm_file import ArmFile
from robofeed_serial.dialogue import insist_on_yes
from robofeed_serial.supervision import Request

if TYPE_CHECKING:
    from robofeed_serial.supervisor_client import SupervisorClient


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


def confirm_rest(client: SupervisorClient, at_rest: bool, yes: bool) -> None:
    """Before the torque goes on: tell the supervisor that the arm lies at rest, if that is said.

    Args:
        client: Of the arm.
        at_rest: It was said already.
        yes: Nobody is to be asked. Else a person is, where nobody knows where the arm is.

    Raises:
        SafetyStop: it was not confirmed.
        ConfigError: there is nobody to ask.
    """
    if not at_rest:
        report = client.report()
        if yes or not report.assumed:
            return
        pose = ", ".join(f"{rad:.2f}" for rad in report.rad)
        insist_on_yes(
            "Nothing measures where this arm stands. When its torque goes on it jumps to its rest "
            f"pose ({pose} rad, the gripper last) from wherever it is, as fast as its servos can. "
            "Lay it there by hand now, and keep clear."
        )
    client.request(Request.ASSUME_REST)
