"""The twin of our own servo board: the real firmware in simavr, hobby servos at its pins.

Pulses at the pins become goals of motor models, and where those stand comes back as voltages of
their potentiometers.
"""

from __future__ import annotations

import math
import socket
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from robofeed import ConfigError
from robofeed_serial.arms.arm_file import ArmFile
from robofeed_serial.arms.calibration import nominal
from robofeed_serial.rfp.config import JointConfig
from robofeed_serial.rfp.limits import board_config
from robofeed_serial.twin.board_wire import BoardWire
from robofeed_serial.twin.build import BOARD_MIDDLE, place_at_rest
from robofeed_serial.twin.firmware_board import (
    REFERENCE_MV,
    SUPPLY_CHANNEL,
    SimulatedBoard,
    millivolts_of,
    write_eeprom,
)
from robofeed_serial.twin.firmware_build import build_firmware
from robofeed_serial.twin.motor import MotorFigures, MotorModel
from robofeed_serial.twin.registers import RegisterFile
from robofeed_serial.twin.servo import Note, Servo, unnoted

RATES = (500_000, 115_200)
TICKS_PER_TURN = 8000
RAD_PER_TICK = math.tau / TICKS_PER_TURN
HOBBY = MotorFigures(
    nominal_v=6.0,
    stall_torque_nm=1.8,
    no_load_speed_rad_s=6.5,
    stall_current_a=2.5,
    idle_current_a=0.01,
    stiffness_nm_rad=30.0,
    friction_nm=0.25,
    backlash_rad=math.radians(0.5),
    mass_kg=0.06,
)
"""A servo of the 20 kg cm class with metal gears; from such servos' data sheets, none measured."""
LIMP_AFTER_NS = 100_000_000
"""Without a pulse for that long a servo lets go; an assumption, makers do not say."""
SENSE_S = 0.01
"""How often the potentiometers' voltages follow the servos."""


class BoardServo:
    """A `Servo` at one output of the board: its pulse is its goal."""

    def __init__(
        self, number: int, servo_id: int, config: JointConfig, board: FirmwareTwin
    ) -> None:
        self.motor = MotorModel(HOBBY)
        self.number = number
        self.registers = RegisterFile((), 0)
        self.rates: Sequence[int] = RATES
        self.deaf = False
        self.note: Note = unnoted
        self.servo_id = servo_id
        self.config = config
        self._board = board
        self._goal_ticks = 0

    @property
    def baud(self) -> int:
        return self._board.baud

    @property
    def torque_on(self) -> bool:
        return self.motor.torque_on

    @property
    def goal_ticks(self) -> int:
        return self._goal_ticks

    @property
    def present_ticks(self) -> int:
        return round(BOARD_MIDDLE + self.motor.position_rad / RAD_PER_TICK)

    @property
    def millivolts(self) -> float:
        """At its potentiometer."""
        return millivolts_of(self.config.counts_at(self.present_ticks))

    @property
    def hears(self) -> bool:
        return not self.deaf

    def pulse(self, ticks: int) -> None:
        """The pulse that has come."""
        if self.deaf:
            return
        if ticks != self._goal_ticks:
            self._goal_ticks = ticks
            self.note(self.servo_id, "goal", ticks)
        self.motor.goal_rad = (ticks - BOARD_MIDDLE) * RAD_PER_TICK
        self._switch(True)

    def no_pulse(self) -> None:
        """None has come for a while."""
        self._switch(False)

    def step(self, dt_s: float, supply_v: float) -> None:
        if self.number == 0:
            self._board.advance(dt_s, supply_v)

    def power_on(self) -> None:
        self.motor.torque_limit = 1.0
        self._switch(False)

    def reboot(self) -> None:
        self.power_on()
        self.note(self.servo_id, "reboot", 0)
        self._board.power_cycle()

    def latch_overload(self) -> None:
        self.motor.torque_limit = 0.0

    def place(self, ticks: int) -> None:
        self.motor.place((ticks - BOARD_MIDDLE) * RAD_PER_TICK)

    def _switch(self, on: bool) -> None:
        if on != self.motor.torque_on:
            self.motor.torque_on = on
            self.note(self.servo_id, "torque", int(on))


class FirmwareTwin:
    """The board of `arm`, set up and at rest: servos and a wire for `TwinServer`, and a visitor.

    Raises:
        ConfigError: no such rate, an arm that the board cannot drive, or tools are missing.
    """

    def __init__(self, arm: ArmFile, baud: int | None = None) -> None:
        self.baud = arm.baud if baud is None else baud
        if self.baud not in RATES:
            raise ConfigError(f"the servo board has no rate {self.baud}: {RATES[0]}, {RATES[1]}")
        self.config = board_config(arm, nominal(arm))
        self._outputs = {
            entry.id - 1: BoardServo(number, entry.id, self.config.joints[entry.id - 1], self)
            for number, entry in enumerate(arm.servos)
        }
        self.servos: list[Servo] = list(self._outputs.values())
        place_at_rest(arm, self.servos)
        build = build_firmware()
        self._folder = tempfile.TemporaryDirectory(prefix="twin-board-")
        eeprom = Path(self._folder.name) / "eeprom"
        write_eeprom(eeprom, self.config)
        self._uart, theirs = socket.socketpair()
        with theirs:
            slow = self.baud == RATES[1]
            self._board = SimulatedBoard(build, line=theirs, eeprom=eeprom, slow=slow)
        self.wire = BoardWire(self._uart, self.baud)
        self._since_sensed_s = SENSE_S
        self._pulsed_ns: dict[int, int] = {}
        self._powered_ns = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._board.close()
        self._uart.close()
        self._folder.cleanup()

    def filenos(self) -> list[int]:
        """What to wait for."""
        return [self._board.fileno(), *self.wire.filenos()]

    def visit(self) -> None:
        """Pulses have come, or bytes for the host."""
        self._take_pulses()
        self.wire.visit()

    def advance(self, dt_s: float, supply_v: float) -> None:
        """Time passes for the servos: what they measure goes to the board, now and then."""
        self._since_sensed_s += dt_s
        if self._since_sensed_s < SENSE_S:
            return
        self._since_sensed_s = 0.0
        self._take_pulses()
        now_ns = time.monotonic_ns()
        for output, servo in self._outputs.items():
            if now_ns - self._pulsed_ns.get(output, 0) > LIMP_AFTER_NS:
                servo.no_pulse()
        voltages = {output: servo.millivolts for output, servo in self._outputs.items()}
        voltages[SUPPLY_CHANNEL] = supply_v / self.config.supply_full_v * REFERENCE_MV
        self._board.post_millivolts(voltages)

    def power_cycle(self) -> None:
        """The board loses power for a moment, all its servos with it: once, though each is told."""
        now_ns = time.monotonic_ns()
        if now_ns - self._powered_ns > LIMP_AFTER_NS:
            self._powered_ns = now_ns
            self._board.post_power_cycle()

    def _take_pulses(self) -> None:
        self._board.poll()
        now_ns = time.monotonic_ns()
        for pulse in self._board.take().pulses:
            if pulse.servo in self._outputs:
                self._pulsed_ns[pulse.servo] = now_ns
                self._outputs[pulse.servo].pulse(pulse.width_ticks)
