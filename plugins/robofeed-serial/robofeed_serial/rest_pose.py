"""Asking a person whether an arm that cannot tell where it is lies in its rest pose."""

from __future__ import annotations

from robofeed_serial.dialogue import insist_on_yes
from robofeed_serial.supervision import Request
from robofeed_serial.supervisor_client import SupervisorClient


def confirm_rest(client: SupervisorClient) -> None:
    """Ask, where nobody knows where the arm is; nothing otherwise.

    Raises:
        SafetyStop: it was not confirmed.
        ConfigError: there is nobody to ask.
    """
    report = client.report()
    if not report.assumed:
        return
    pose = ", ".join(f"{rad:.2f}" for rad in report.rad)
    insist_on_yes(
        "Nothing measures where this arm stands. When its torque goes on it jumps to its rest pose "
        f"({pose} rad, the gripper last) from wherever it is, as fast as its servos can. Lay it "
        "there by hand now, and keep clear."
    )
    client.request(Request.ASSUME_REST)
