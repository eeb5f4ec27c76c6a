"""What can be asked of a running twin, beside its serial port."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from robofeed.data.errors import ConfigError
from robofeed_serial.twin.control import Action
from robofeed_serial.twin.fault import make_fault, parse_fault
from robofeed_serial.twin.fault_effects import FaultEffects
from robofeed_serial.twin.fault_script import FaultScript
from robofeed_serial.twin.server import TwinServer
from robofeed_serial.twin.servo import Servo


class Console:
    """`actions` for a `ControlServer`, by name."""

    def __init__(self, server: TwinServer, script: FaultScript, effects: FaultEffects) -> None:
        self._server = server
        self._script = script
        self._effects = effects
        self._in_hand: list[Servo] = []
        self.actions: dict[str, Action] = {
            "state": self._state,
            "log": self._log,
            "hand": self._hand,
            "fault": self._fault,
            "clear": self._clear,
            "reboot": self._reboot,
            "stop": self._stop,
        }

    def _state(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Where every servo is and what the port is set to."""
        terminal = self._server.terminal
        return {
            "plugged": terminal.is_plugged,
            "baud": terminal.baud() if terminal.is_plugged else 0,
            "lost_bytes": terminal.lost_bytes,
            "faults": self._script.names(),
            "places": self._server.arm.places(),
            "servos": [_shown(servo) for servo in self._server.arm.servos],
        }

    def _log(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """The log from entry number `since` on."""
        entries = self._server.arm.log.since(int(request.get("since", 0)))
        return {"entries": [entry.to_json() for entry in entries]}

    def _hand(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Move joints by hand: `{"ticks": {"1": 2048}}`; joints with torque on resist.

        With `"hold": true` the hand stays there, until the next time.
        """
        for servo in self._in_hand:
            servo.motor.stuck = False
        self._in_hand.clear()
        held = []
        for key, ticks in request["ticks"].items():
            servo = self._servo(int(key))
            if servo.torque_on:
                held.append(servo.servo_id)
            else:
                servo.place(int(ticks))
                if request.get("hold"):
                    servo.motor.stuck = True
                    self._in_hand.append(servo)
        return {"held": held}

    def _fault(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Set a fault: `fault` is its text, as for `--fault`, or its fields."""
        given = request["fault"]
        fault = parse_fault(given) if isinstance(given, str) else make_fault(given, "asked for")
        self._effects.check(fault)
        self._script.add([fault], time.monotonic_ns())
        return {"faults": self._script.names()}

    def _clear(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """End all faults, or those of one `kind`."""
        self._script.clear(request.get("kind"), time.monotonic_ns())
        return {"faults": self._script.names()}

    def _reboot(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Cut the power of one servo (`servo_id`) or of all for a moment."""
        wanted = request.get("servo_id")
        servos = self._server.arm.servos if wanted is None else [self._servo(int(wanted))]
        for servo in servos:
            servo.reboot()
        return {}

    def _stop(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """End the twin."""
        self._server.stop()
        return {}

    def _servo(self, servo_id: int) -> Servo:
        for servo in self._server.arm.servos:
            if servo.servo_id == servo_id:
                return servo
        there = ", ".join(str(servo.servo_id) for servo in self._server.arm.servos)
        raise ConfigError(f"no servo with id {servo_id}: there are {there}")


def _shown(servo: Servo) -> Mapping[str, Any]:
    motor = servo.motor
    return {
        "servo_id": servo.servo_id,
        "baud": servo.baud,
        "present_ticks": servo.present_ticks,
        "goal_ticks": servo.goal_ticks,
        "torque_on": servo.torque_on,
        "position_rad": motor.position_rad,
        "speed_rad_s": motor.speed_rad_s,
        "load_share": motor.load_share,
        "temperature_c": motor.temperature_c,
    }
