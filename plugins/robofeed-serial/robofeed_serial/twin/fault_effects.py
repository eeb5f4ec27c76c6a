"""What faults do to servos, supply and port, and how each is taken back."""

from __future__ import annotations

from collections.abc import Sequence

from robofeed.data.errors import ConfigError
from robofeed_serial.twin.arm import TwinArm
from robofeed_serial.twin.fault import SERVO_KINDS, Fault
from robofeed_serial.twin.motor import AMBIENT_C
from robofeed_serial.twin.servo import Servo
from robofeed_serial.twin.terminal import TwinTerminal
from robofeed_serial.twin.wire import Wire

_REGISTERS = {
    "duplicate_id": ["id"],
    "wrong_baud": ["baud"],
    "wrong_model": ["model"],
    "wrong_firmware": ["firmware_minor", "firmware"],
}
"""What a fault changes: the first of these that the servo has."""


class FaultEffects:
    """An `Effect` for `FaultScript`: call it with a fault and whether it begins."""

    def __init__(self, arm: TwinArm, wire: Wire, terminal: TwinTerminal) -> None:
        self._arm = arm
        self._wire = wire
        self._terminal = terminal
        self._meant: dict[Fault, Sequence[Servo]] = {}
        self._before: dict[tuple[str, int], int] = {}

    def check(self, fault: Fault) -> None:
        """Refuse what this arm cannot have.

        Raises:
            ConfigError: no servo with that id, or no such rate.
        """
        arm = self._arm
        # A new servo has the id of all new servos: which one is alone goes by its place in the arm.
        ids = arm.built_ids if fault.kind == "alone" else [each.servo_id for each in arm.servos]
        if fault.servo_id is not None and fault.servo_id not in ids:
            there = ", ".join(str(servo) for servo in ids)
            raise ConfigError(f"the fault {fault}: no servo {fault.servo_id}, there are {there}")
        if not ids and fault.kind in SERVO_KINDS:
            raise ConfigError(f"the fault {fault}: this arm has no servos on a bus")
        names = _REGISTERS.get(fault.kind, [])
        if names and any(_register(servo, fault) is None for servo in self._arm.servos):
            raise ConfigError(f"the fault {fault}: these servos have no {names[-1]} of their own")
        if fault.kind == "wrong_baud" and fault.baud not in self._arm.servos[0].rates:
            rates = ", ".join(str(rate) for rate in self._arm.servos[0].rates)
            raise ConfigError(f"the fault {fault}: these servos have the rates {rates}")

    def __call__(self, fault: Fault, begins: bool) -> None:
        match fault.kind:
            case "unplug" if begins:
                self._wire.clear()
                self._terminal.unplug()
                self._arm.log.say("port", "unplugged")
            case "unplug" if not self._terminal.is_plugged:
                self._terminal.plug()
                self._arm.log.say("port", "plugged")
            case "low_voltage":
                self._arm.supply.lowered_share = 1.0 - fault.volts_share if begins else 0.0
            case _:
                if begins:
                    self._meant[fault] = self._servos(fault)
                # Whom it was about may answer to another id by now, that being a fault as well.
                for servo in self._meant[fault] if begins else self._meant.pop(fault, ()):
                    self._change(servo, fault, begins)

    def _servos(self, fault: Fault) -> Sequence[Servo]:
        arm, servo_id = self._arm, fault.servo_id
        if fault.kind == "alone":
            placed = zip(arm.built_ids, arm.servos, strict=True)
            return [servo for built_id, servo in placed if built_id != servo_id]
        return [servo for servo in arm.servos if servo_id in (None, servo.servo_id)]

    def _change(self, servo: Servo, fault: Fault, begins: bool) -> None:
        match fault.kind:
            case "alone":
                servo.reboot()  # its plug has power as well as data
                servo.deaf = begins
            case "mute":
                servo.deaf = begins
            case "stuck":
                servo.motor.stuck = begins
            case "hot":
                servo.motor.temperature_c = fault.temperature_c if begins else AMBIENT_C
            case "brown_out" if begins:
                servo.reboot()
            case "overload" if begins:
                servo.latch_overload()
            case "duplicate_id":
                self._register(servo, fault, fault.as_id, begins)
            case "wrong_baud":
                self._register(servo, fault, servo.rates.index(fault.baud), begins)
            case "wrong_model" | "wrong_firmware":
                self._register(servo, fault, fault.number, begins)

    def _register(self, servo: Servo, fault: Fault, value: int, begins: bool) -> None:
        name = _register(servo, fault)
        assert name is not None  # `check` has seen to that
        key = name, servo.number
        if begins:
            self._before[key] = servo.registers[name]
            servo.registers[name] = value
        else:
            servo.registers[name] = self._before.pop(key, servo.registers[name])


def _register(servo: Servo, fault: Fault) -> str | None:
    """The register that `fault` changes; None where the servo has none such."""
    return next((name for name in _REGISTERS[fault.kind] if name in servo.registers.table), None)
