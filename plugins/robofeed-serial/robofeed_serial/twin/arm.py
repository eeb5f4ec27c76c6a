"""The servos of one arm, the supply they share and the mechanics between them, in steps of time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from robofeed_serial.twin.log import TwinLog
from robofeed_serial.twin.motor import SUBSTEP_S, MotorModel
from robofeed_serial.twin.servo import Servo
from robofeed_serial.twin.supply import Supply

SUBSTEP_NS = round(SUBSTEP_S * 1e9)
POSITIONS_EVERY = 5
"""substeps between the positions in the log"""
LONGEST_LEAP = 500
"""substeps made up for after a pause (SIGSTOP, a suspended host); the rest of it is skipped"""

Load = Callable[[Sequence[float]], Sequence[float]]
"""Torque at each output, N m, for the outputs' positions, rad: gravity for instance."""


def no_load(positions_rad: Sequence[float]) -> Sequence[float]:
    """An arm that weighs nothing."""
    return [0.0] * len(positions_rad)


class Mechanics(Protocol):
    """What moves the outputs."""

    def step(self, dt_s: float, motors: Sequence[MotorModel], supply: float) -> None:
        """Let `dt_s` pass; `supply` is the voltage as a share of the nominal one."""
        ...


class Kinematic:
    """Every joint by itself: each motor's model, and a load that depends on the pose."""

    def __init__(self, load: Load = no_load) -> None:
        self._load = load

    def step(self, dt_s: float, motors: Sequence[MotorModel], supply: float) -> None:
        loads = self._load([motor.position_rad for motor in motors])
        for motor, load_nm in zip(motors, loads, strict=True):
            motor.step(dt_s, supply, load_nm)


class TwinArm:
    """Time stands still but for `advance`, so tests set the pace and a server follows the clock."""

    def __init__(
        self,
        servos: Sequence[Servo],
        supply: Supply,
        mechanics: Mechanics | None = None,
        log: TwinLog | None = None,
        places: Callable[[], dict[int, int]] | None = None,
    ) -> None:
        self.servos = list(servos)
        self.supply = supply
        self.log = log if log is not None else TwinLog()
        self._mechanics = mechanics if mechanics is not None else Kinematic()
        self._motors = [servo.motor for servo in servos]
        self.built_ids = [servo.servo_id for servo in servos]
        """whose place each servo has in the arm, whatever id it has by now"""
        self._now_ns = 0
        self._started = False
        self._substep = 0
        self.places = places if places is not None else self._ticks
        """where everything is, for the log: ticks by servo id, or a machine's own places"""
        for servo in self.servos:
            servo.note = self.log.note
            servo.step(0.0, supply.open_share * servo.motor.figures.nominal_v)

    def advance(self, now_ns: int) -> None:
        """Bring everything to `now_ns`, on a grid of `SUBSTEP_S`. The first call starts time."""
        if not self._started:
            self._now_ns = self.log.time_ns = now_ns
            self._started = True
            self._log_positions()
            return
        steps = (now_ns - self._now_ns) // SUBSTEP_NS
        if steps > LONGEST_LEAP:
            self._now_ns += (steps - LONGEST_LEAP) * SUBSTEP_NS
            steps = LONGEST_LEAP
        for _ in range(steps):
            self._now_ns += SUBSTEP_NS
            self.log.time_ns = self._now_ns
            self._step()

    def _step(self) -> None:
        supply = self.supply.share(self._motors)
        self._mechanics.step(SUBSTEP_S, self._motors, supply)
        for servo in self.servos:
            servo.step(SUBSTEP_S, supply * servo.motor.figures.nominal_v)
        self._substep += 1
        if self._substep % POSITIONS_EVERY == 0:
            self._log_positions()

    def _log_positions(self) -> None:
        self.log.positions(self.places())

    def _ticks(self) -> dict[int, int]:
        """By the id each was built with: a fault may give two servos one id."""
        return {
            servo_id: servo.present_ticks
            for servo_id, servo in zip(self.built_ids, self.servos, strict=True)
        }
