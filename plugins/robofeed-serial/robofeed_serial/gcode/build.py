"""The machine that an arm file's profile asks for, on a link of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from robofeed_serial.arms.machine_file import GcodeArmFile, Profile
from robofeed_serial.gcode.arm import GcodeArm
from robofeed_serial.gcode.grbl import GRBL, MIROBOT, GrblArm
from robofeed_serial.gcode.patience import ANSWER_S
from robofeed_serial.gcode.uarm import Uarm
from robofeed_serial.wire.link import Link
from robofeed_serial.wire.trace import WireTrace

PROMPT_S = 0.05
"""How long a question may take while an arm is supervised."""


@contextmanager
def open_machine(arm: GcodeArmFile, port: str) -> Iterator[GcodeArm]:
    """The one behind `port`, for what needs no supervisor; closed afterwards."""
    machine = make_machine(arm.gcode.profile, port, arm.baud, answer_s=ANSWER_S)
    machine.open()
    try:
        yield machine
    finally:
        machine.close()


def make_machine(
    profile: Profile,
    port: str,
    baud: int,
    *,
    answer_s: float = PROMPT_S,
    trace: WireTrace | None = None,
) -> GcodeArm:
    """A closed one."""
    link = Link(port, baud, trace=trace)
    if profile == "uarm":
        return Uarm(link, answer_s)
    return GrblArm(link, MIROBOT if profile == "mirobot" else GRBL, answer_s)
