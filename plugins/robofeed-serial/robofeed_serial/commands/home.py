"""`robofeed arm home`: an arm that takes G-code finds its reference places."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    arm: Annotated[str, typer.Argument(help="Which arm: mirobot, or its file.")],
    port: Annotated[str, typer.Option(help="Its port, as `robofeed arm find` tells it.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask: somebody is there.")] = False,
) -> None:
    """Home an arm that is locked: it moves all its joints by itself, at its own speed."""
    from robofeed import ConfigError
    from robofeed_serial.arms.arm_file import ArmFile, load_any_arm
    from robofeed_serial.bench.dialogue import insist_on_yes
    from robofeed_serial.gcode.build import open_machine
    from robofeed_serial.gcode.grbl import GrblArm

    file = load_any_arm(arm)
    if isinstance(file, ArmFile) or file.gcode.profile == "uarm":
        raise ConfigError(f"arm {file.name} measures where it is: it needs no homing")
    if not yes:
        insist_on_yes(
            "The arm will move all its joints to their ends, at its own speed; nothing here limits "
            "that. Clear its way, have the power switch in reach."
        )
    with open_machine(file, port) as machine:
        assert isinstance(machine, GrblArm)
        try:
            machine.home()
        except KeyboardInterrupt:
            print(
                "Stopped: it does not know any more where it is. Clear its way, then home it again"
            )
            raise
    print("homed")
