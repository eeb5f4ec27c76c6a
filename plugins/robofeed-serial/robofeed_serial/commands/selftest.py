"""`robofeed arm selftest`: whether an arm does what it is told."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

BELOW_M = 0.02
"""so far below the table a tool may seem to be that lies upon it"""


def command(
    arm: Annotated[str, typer.Argument(help="Which arm: so101, koch ... or its file.")],
    port: Annotated[str, typer.Option(help="Its port, as `robofeed arm find` tells it.")],
    calibration: Annotated[
        str, typer.Option(help="Its name or file. Default: as the arm; nominal for a twin.")
    ] = "",
    out: Annotated[Path, typer.Option(help="The folder for the report.")] = Path(),
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask: somebody has looked, and is there.")
    ] = False,
    at_rest: Annotated[
        bool,
        typer.Option("--at-rest", help="Of an arm that cannot measure: it lies in its rest pose."),
    ] = False,
) -> None:
    """Move each joint a little, slowly, after asking; write a report that can be posted."""
    from datetime import datetime

    from robofeed import HardwareError, RobofeedError
    from robofeed_serial.arms.arm_file import load_any_arm
    from robofeed_serial.bench.confirm_rest import confirm_rest
    from robofeed_serial.bench.dialogue import insist_on_yes
    from robofeed_serial.bench.selftest import SPEED_SHARE, TURN_RAD, SelfTest, ways_with_room
    from robofeed_serial.body.arm_body import body_of, not_looked_at
    from robofeed_serial.body.tool_box import AROUND_M, box_of_turns
    from robofeed_serial.commands.park import how_to_park
    from robofeed_serial.supervision.client import SupervisorClient
    from robofeed_serial.supervision.settings import (
        SupervisorSettings,
        bounds_of,
        ranges_of,
    )

    file = load_any_arm(arm)
    settings = SupervisorSettings(
        arm=str(file.path),
        port=port,
        calibration=calibration,
        speed_share=SPEED_SHARE,
        watchdog_s=0.1 / SPEED_SHARE,  # the same short horizon as ever, at a tenth of the speed
    )
    bounds = bounds_of(file, ranges_of(file, calibration), settings)
    if warning := not_looked_at(file):
        print(warning)
    when = datetime.now().astimezone()
    path = out / f"selftest-{file.name}-{when:%Y%m%d-%H%M%S}.md"
    _insist_on_room_in(out)
    client = SupervisorClient(settings)
    broken_off: RobofeedError | None = None
    test = SelfTest(file, client, print)
    try:
        report = test.listen()
        ways = ways_with_room(
            body_of(file), file.actuators, report.rad, bounds.low_rad, bounds.high_rad
        )
        low_m, high_m = box_of_turns(file, report.rad, ways)
        if file.body.on_table and low_m[2] < -AROUND_M - BELOW_M:
            print(
                "By its calibration the tool is below the table: lift the arm, or calibrate it "
                "anew; links that would come too near the table or each other hold it back"
            )
        if not yes:
            box = ", ".join(
                f"{axis} {low:.2f} to {high:.2f}"
                for axis, low, high in zip("xyz", low_m, high_m, strict=True)
            )
            insist_on_yes(
                f"Each joint will turn {TURN_RAD:g} rad and back, at {SPEED_SHARE:.0%} of its "
                f"speed. The tool stays within (m): {box}. Keep that free and the power switch in "
                "reach."
            )
        confirm_rest(client, at_rest, yes)
        test.hold_still(report.rad)
        test.turn_each(ways)
    except RobofeedError as error:
        if not test.engaged:
            raise
        test.break_off(str(error))  # what was found until then is worth a report
        broken_off = error
    finally:
        client.close()
        if test.engaged:
            print(how_to_park(arm, port, calibration))
    path.write_text(test.text(port, f"{when:%Y-%m-%d %H:%M}"), "utf-8")
    print(f"report: {path}")
    if broken_off is not None:
        raise broken_off
    if not test.passed:
        failed = ", ".join(each.what for each in test.findings if not each.passed)
        raise HardwareError(f"the self-test failed: {failed}")


def _insist_on_room_in(folder: Path) -> None:
    """Raises ConfigError where no report could be written, before anything has moved."""
    import tempfile

    from robofeed import ConfigError

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConfigError(
            f"--out {folder}: no report can be written there: {error.strerror or error}"
        ) from None
