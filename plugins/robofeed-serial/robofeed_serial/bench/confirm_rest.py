"""The person who says that an arm nobody can measure lies at rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from robofeed_serial.bench.dialogue import insist_on_yes
from robofeed_serial.supervision.messages import Request

if TYPE_CHECKING:
    from robofeed_serial.supervision.client import SupervisorClient


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
