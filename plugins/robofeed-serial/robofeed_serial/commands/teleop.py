"""`robofeed arm teleop`: drive an arm by hand."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from robofeed_serial.arms.arm_file import AnyArm
    from robofeed_serial.driving.driver import SerialArm
    from robofeed_serial.driving.following import Following


def command(
    arm: Annotated[str, typer.Argument(help="Which arm: so101, koch ... or its file.")],
    port: Annotated[str, typer.Option(help="Its port, as `robofeed arm find` tells it.")],
    calibration: Annotated[
        str, typer.Option(help="Its name or file. Default: as the arm; nominal for a twin.")
    ] = "",
    leader_port: Annotated[
        str,
        typer.Option(help="The port of a leader moved by hand: of its kind, or a koch_leader."),
    ] = "",
    leader_calibration: Annotated[
        str,
        typer.Option(help="The leader's calibration. Default: ARM-leader, or the leader's name."),
    ] = "",
    browser: Annotated[
        bool, typer.Option("--browser", help="By a page in a browser, at up to 10 cm/s.")
    ] = False,
    speed_share: Annotated[
        float, typer.Option(min=0.05, max=1.0, help="Of the arm's speed limits.")
    ] = 1.0,
    at_rest: Annotated[
        bool,
        typer.Option("--at-rest", help="Of an arm that cannot measure: it lies in its rest pose."),
    ] = False,
    watchdog_s: Annotated[
        float,
        typer.Option(min=0.05, max=0.5, help="Silence of program or servo that holds the arm."),
    ] = 0.2,
) -> None:
    """Drive an arm by keys, by a leader arm, or in a browser."""
    import sys

    from robofeed import ConfigError, SafetyStop
    from robofeed_serial.arms.arm_file import ArmFile, load_any_arm
    from robofeed_serial.commands.park import how_to_park
    from robofeed_serial.driving.browser_teleop import TOOL_SPEED_M_S, drive_by_page
    from robofeed_serial.driving.config import SerialConfig
    from robofeed_serial.driving.driver import SerialArm
    from robofeed_serial.driving.key_pilot import KeyPilot
    from robofeed_serial.driving.keys import Keys, TerminalGone
    from robofeed_serial.driving.status_line import StatusLine
    from robofeed_serial.driving.teleop import Drive, Pilot

    file = load_any_arm(arm)
    if leader_port and not isinstance(file, ArmFile):
        raise ConfigError(f"{file.name} takes G-code: no leader arm leads it, drive it by keys")
    can_grip = isinstance(file, ArmFile) and file.gripper is not None
    config = SerialConfig(
        arm=str(file.path),
        port=port,
        calibration=calibration,
        action="joint" if leader_port else "end_effector",
        gripper=can_grip,
        start="stay",
        assume_rest=at_rest,
        posture="start",
        horizon=10**9,
        period_s=0.01 if leader_port else 0.02,
        speed_share=speed_share,
        watchdog_s=watchdog_s,
        max_observation_age_s=watchdog_s,
    )
    left = how_to_park(arm, port, calibration)
    if browser:
        if leader_port:
            raise ConfigError("--browser and --leader-port: one of them, please")
        paged = config.model_copy(update={"horizon": 0, "tool_speed_m_s": TOOL_SPEED_M_S})
        try:
            drive_by_page(paged, file.protocol)
        except SafetyStop:  # somebody pressed Stop: how it goes on from here is theirs to know
            print(left)
            raise
        print(left)
        return
    driven = SerialArm(config, file.protocol)
    keys = Keys()
    leading = _leading(file, driven, port, leader_port, leader_calibration)
    pilot: Pilot = leading or KeyPilot(driven, can_grip)
    try:
        with keys, StatusLine(sys.stdout.fileno()) as line:
            print("\n".join(pilot.help), flush=True)
            Drive(driven, keys, pilot, line).run()
    except TerminalGone:
        return  # nobody is there to read more
    except KeyboardInterrupt:
        print(left)
        raise
    finally:
        if leading is not None:
            leading.close()
    print(left)
    if leading is not None and (figures := leading.figures()):
        print(figures)


def _leading(
    file: AnyArm, driven: SerialArm, port: str, leader_port: str, calibration: str
) -> Following | None:
    """The pilot that follows the leader on `leader_port`, opened; None where there is none."""
    from robofeed import ConfigError
    from robofeed_serial.arms.arm_file import ArmFile
    from robofeed_serial.bench.dialogue import wait_for_enter
    from robofeed_serial.driving.following import Following
    from robofeed_serial.driving.leader import Leader, leader_calibration, leader_of

    if not leader_port:
        return None
    if os.path.realpath(port) == os.path.realpath(leader_port):
        raise ConfigError(f"{leader_port} is the port of the arm itself: give the leader's")
    assert isinstance(file, ArmFile)
    kind = leader_of(file)
    leader = Leader(kind, leader_port, leader_calibration(kind, file, calibration))
    leader.open(wait_for_enter)
    return Following(leader, driven, file.gripper is not None)
