"""`robofeed arm teleop`: drive an arm by hand."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    arm: Annotated[str, typer.Argument(help="Which arm: so101, koch ... or its file.")],
    port: Annotated[str, typer.Option(help="Its port, as `robofeed arm find` tells it.")],
    calibration: Annotated[
        str, typer.Option(help="Its name or file. Default: as the arm; nominal for a twin.")
    ] = "",
    leader_port: Annotated[
        str, typer.Option(help="The port of a leader arm of the same kind, moved by hand.")
    ] = "",
    leader_calibration: Annotated[
        str, typer.Option(help="The leader's calibration: its name or file.")
    ] = "",
) -> None:
    """Drive an arm by keys, or by a leader arm of the same kind. Stops at once on space.

    In a browser: robofeed record with the arm as backend, and the page it names.
    """
    import sys

    from robofeed_serial.arm_file import load_any_arm, load_arm
    from robofeed_serial.config import SerialConfig
    from robofeed_serial.driver import SerialArm
    from robofeed_serial.keys import Keys
    from robofeed_serial.leader import open_leader
    from robofeed_serial.teleop import HELP, KEY_SPEED_M_S, KeyPilot, LeaderPilot, drive

    file = load_any_arm(arm)
    config = SerialConfig(
        arm=str(file.path),
        port=port,
        calibration=calibration,
        action="joint" if leader_port else "end_effector",
        start="stay",
        horizon=10**9,
        watchdog_s=0.2,
        max_observation_age_s=0.2,
    )
    follower = SerialArm(config, file.protocol)

    def tell(line: str) -> None:
        sys.stdout.write(f"\r{line[:100]:100s}")
        sys.stdout.flush()

    with Keys() as keys:
        print(HELP)
        if leader_port:
            with open_leader(load_arm(arm), leader_port, leader_calibration) as leader:
                drive(follower, keys, LeaderPilot(leader, follower), tell)
        else:
            drive(follower, keys, KeyPilot(KEY_SPEED_M_S * config.period_s), tell)
    print()
