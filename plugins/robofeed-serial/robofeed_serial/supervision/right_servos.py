"""Whether exactly the servos of the arm file are on the bus, as the calibration knew them."""

from __future__ import annotations

from robofeed import ConfigError, HardwareError
from robofeed_serial.arms.arm_file import ArmFile
from robofeed_serial.arms.calibration import Calibration
from robofeed_serial.buses.servo_bus import ServoBus, ServoMode
from robofeed_serial.supervision.asking import item_of, who_has
from robofeed_serial.supervision.one_firmware import check_one_firmware

_POSITION_MODES = {ServoMode.POSITION, ServoMode.EXTENDED_POSITION, ServoMode.CURRENT_POSITION}


def check_servos(arm: ArmFile, calibration: Calibration, bus: ServoBus) -> None:
    """Moves nothing, writes nothing.

    Raises:
        HardwareError: a servo is missing, of another model, or in a mode without positions.
        ConfigError: its homing offset is not the calibration's: it is another arm's.
    """
    found = {servo_id: who_has(bus, servo_id) for servo_id in arm.ids}
    at = f"on {bus.port} at {bus.baud} baud"
    if not any(found.values()):
        raise HardwareError(
            f"no servo answers {at}: is the arm's power on, is it this port, this baud? "
            f"Look with: robofeed arm scan {bus.port}"
        )
    missing = [
        f"{servo.name} (servo {servo.id})" for servo in arm.servos if found[servo.id] is None
    ]
    if missing:
        raise HardwareError(
            f"{', '.join(missing)} did not answer {at}: check the cable to it; two servos with "
            f"one id drown each other as well. Look with: robofeed arm scan {bus.port}"
        )
    if arm.protocol == "feetech":
        check_one_firmware(arm, [each for each in found.values() if each], at)
    known_offsets = {each.name: each.homing_offset for each in calibration.servos}
    for servo in arm.servos:
        model, known = found[servo.id], known_offsets[servo.name]
        assert model is not None
        if servo.model_numbers and model.number not in servo.model_numbers:
            raise HardwareError(
                f"servo {servo.id} {at} is: {model.name} (number {model.number}), but joint "
                f"{servo.name} of {arm.name} has a {servo.servo}: wrong arm file, or a "
                "servo was replaced by another kind"
            )
        mode = item_of(bus, servo.id, "mode")
        if mode is not None and mode not in _POSITION_MODES:
            raise HardwareError(
                f"servo {servo.id} ({servo.name}) {at} is in mode {_mode_name(mode)}, in which "
                f"a goal is no position: run robofeed arm setup {bus.port} --arm "
                f"{arm.name} --joint {servo.name}"
            )
        offset = item_of(bus, servo.id, "homing_offset") if known is not None else None
        if known is not None and offset is not None and offset != known:
            raise ConfigError(
                f"servo {servo.id} ({servo.name}) {at} adds {offset} to its encoder, the "
                f"calibration was made with {known}: it is another arm's, or the servo was "
                f"homed since. Run robofeed arm calibrate {arm.name}"
            )


def _mode_name(mode: int) -> str:
    return next((each.name for each in ServoMode if each == mode), str(mode))
