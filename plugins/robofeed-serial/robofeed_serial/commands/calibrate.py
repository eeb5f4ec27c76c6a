"""`robofeed arm calibrate`: where each servo of one particular arm stands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    arm: Annotated[str, typer.Argument(help="Which arm: so101, koch ... or its file.")],
    port: Annotated[str, typer.Option(help="Its port; not needed with --from.")] = "",
    name: Annotated[
        str, typer.Option(help="What to call this calibration. Default: as the arm.")
    ] = "",
    source: Annotated[
        tuple[str, Path] | None,
        typer.Option("--from", help="Take over a calibration: lerobot FILE.", metavar="KIND FILE"),
    ] = None,
    potentiometers: Annotated[
        bool,
        typer.Option(
            "--potentiometers", help="Of our own servo board, first: what they read. It moves."
        ),
    ] = False,
) -> None:
    """Calibrate by hand with the torque off, or take a calibration over."""
    from robofeed import ConfigError
    from robofeed_serial.arms.arm_file import load_arm
    from robofeed_serial.arms.calibration import (
        calibration_path,
        insist_on_room_for,
        save_calibration,
    )
    from robofeed_serial.arms.lerobot_calibration import from_lerobot
    from robofeed_serial.bench.dialogue import wait_for_enter
    from robofeed_serial.bench.hand_calibration import calibrate_by_hand
    from robofeed_serial.make_bus import make_bus
    from robofeed_serial.rfp.bus import RfpBus
    from robofeed_serial.rfp.potentiometers import calibrate_potentiometers
    from robofeed_serial.supervision.settings import NOMINAL

    file = load_arm(arm)
    if name == NOMINAL:
        raise ConfigError(f"--name {NOMINAL}: that name stands for what the arm file says")
    path = calibration_path(name or file.name)
    insist_on_room_for(path)
    if source is not None:
        kind, taken_from = source
        if kind != "lerobot":
            raise ConfigError(f"--from {kind}: only lerobot calibrations can be taken over")
        made = from_lerobot(file, taken_from)
    else:
        if not port:
            raise ConfigError("give the arm's --port; robofeed arm find tells which it is")
        bus = make_bus(file.protocol, port, file.baud)
        bus.open()
        try:
            if isinstance(bus, RfpBus):
                bus.prepare(file.ids)
                if potentiometers:
                    calibrate_potentiometers(file, bus, wait_for_enter, print)
                elif not bus.measures:
                    raise ConfigError(
                        f"the servo board on {port} does not measure where its servos are: nothing "
                        "can be calibrated by hand. Use --calibration nominal: the arm file counts"
                    )
            elif potentiometers:
                raise ConfigError(f"arm {file.name} has no potentiometers of its own")
            made = calibrate_by_hand(file, bus, wait_for_enter, print)
        finally:
            bus.close()
    save_calibration(made, path)
    print(f"{path}: {len(made.servos)} servos, {made.source}")
    for servo, (low, high) in zip(file.servos, made.ranges_rad(file), strict=True):
        print(f"  {servo.name:16s} {low:6.2f} to {high:5.2f} rad")
    print(f"Then: {_next(arm, file.name, port, name)}")


def _next(arm: str, own_name: str, port: str, name: str) -> str:
    """The command that is due: a leader arm is not driven, it leads."""
    from robofeed_serial.arms.arm_file import load_any_arm
    from robofeed_serial.arms.description import arm_names

    here = port or "..."
    led = [each for each in arm_names() if getattr(load_any_arm(each), "leader", "") == own_name]
    if led:
        more = f" --leader-calibration {name}" if name else ""
        return f"robofeed arm teleop {led[0]} --port ... --leader-port {here}{more}"
    if name == f"{own_name}-leader":
        return f"robofeed arm teleop {arm} --port ... --leader-port {here}"
    calibrated = f" --calibration {name}" if name else ""
    return f"robofeed arm selftest {arm} --port {here}{calibrated}"
