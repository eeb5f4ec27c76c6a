"""Limits and calibration of a servo board, as they lie in its EEPROM."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import ClassVar

from robofeed import ConfigError
from robofeed_serial.rfp.frames import crc16
from robofeed_serial.rfp.messages import HIGHEST_TICK, JOINTS, LOWEST_TICK, VERSION


@dataclass(frozen=True, slots=True)
class JointConfig:
    """One servo's limits. All zero = no servo is fitted at this output."""

    low_ticks: int = 0
    high_ticks: int = 0
    speed_ticks_s: int = 0
    step_ticks: int = 0
    """Furthest that one goal may be from where the servo is commanded to be."""
    adc_low: int = 0
    """What the potentiometer reads (0..1023) at tick 1000; equal to adc_high = there is none."""
    adc_high: int = 0
    """And at tick 5000."""

    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<6H")

    def __post_init__(self) -> None:
        problem = self._problem()
        if problem is not None:
            raise ConfigError(f"{problem}: {self}")

    @property
    def fitted(self) -> bool:
        """Whether there is a servo."""
        return self.high_ticks != 0

    @property
    def measured(self) -> bool:
        """Whether the board reads the servo's position."""
        return self.adc_low != self.adc_high

    def to_bytes(self) -> bytes:
        """As in the frames and in the EEPROM."""
        return self.LAYOUT.pack(
            self.low_ticks,
            self.high_ticks,
            self.speed_ticks_s,
            self.step_ticks,
            self.adc_low,
            self.adc_high,
        )

    @classmethod
    def from_bytes(cls, raw: bytes) -> JointConfig:
        """The inverse of `to_bytes`. Raises ConfigError where the values make no sense."""
        return cls(*cls.LAYOUT.unpack(raw))

    def counts_at(self, ticks: float) -> int:
        """What the potentiometer reads there."""
        share = (ticks - LOWEST_TICK) / (HIGHEST_TICK - LOWEST_TICK)
        return round(self.adc_low + share * (self.adc_high - self.adc_low))

    def _problem(self) -> str | None:
        """The same rules as the firmware's config.c."""
        values = (self.speed_ticks_s, self.step_ticks, self.adc_low, self.adc_high)
        if not self.fitted:
            return "an output without a servo has limits" if self.low_ticks or any(values) else None
        if not LOWEST_TICK <= self.low_ticks < self.high_ticks <= HIGHEST_TICK:
            return f"low and high must lie in {LOWEST_TICK}..{HIGHEST_TICK} ticks, low first"
        if not 50 <= self.speed_ticks_s <= 65535:
            return "the speed must be 50..65535 ticks/s"
        if not 1 <= self.step_ticks <= HIGHEST_TICK - LOWEST_TICK:
            return f"the step must be 1..{HIGHEST_TICK - LOWEST_TICK} ticks"
        if not (0 <= self.adc_low <= 1023 and 0 <= self.adc_high <= 1023):
            return "a potentiometer reads 0..1023"
        if 0 < abs(self.adc_high - self.adc_low) < 50:
            return "a potentiometer must turn through 50 counts or more"
        return None


@dataclass(frozen=True, slots=True)
class BoardConfig:
    """All that the firmware keeps. The board refuses to be armed by a host that means another."""

    joints: tuple[JointConfig, ...]
    """Six, of which at least one is fitted."""
    heartbeat_ms: int = 100
    """Without a goal for that long the arm holds, until that is cleared."""
    supply_min_v: float = 0.0
    """Below that for 20 ms the arm holds; 0 = not watched."""
    supply_full_v: float = 20.0
    """What the divider of the board turns into a reading of 1023."""

    fitted: tuple[int, ...] = field(init=False, repr=False, compare=False)
    """Indices 0..5 of the outputs with a servo."""
    measured: bool = field(init=False, repr=False, compare=False)
    """Whether the board reads the positions of all of them."""

    BOARD: ClassVar[struct.Struct] = struct.Struct("<HBB")
    SIZE: ClassVar[int] = 82

    def __post_init__(self) -> None:
        if len(self.joints) != JOINTS or not any(joint.fitted for joint in self.joints):
            raise ConfigError(f"a servo board has {JOINTS} outputs, with a servo at one at least")
        if not 20 <= self.heartbeat_ms <= 2000:
            raise ConfigError(f"heartbeat of {self.heartbeat_ms} ms: must be 20..2000")
        if not 0.1 <= self.supply_full_v <= 25.5 or not 0 <= self.supply_min_v < self.supply_full_v:
            raise ConfigError(
                f"supply_min_v {self.supply_min_v} must be less than supply_full_v "
                f"{self.supply_full_v}, and that 25.5 at most"
            )
        fitted = tuple(i for i, joint in enumerate(self.joints) if joint.fitted)
        object.__setattr__(self, "fitted", fitted)
        object.__setattr__(self, "measured", all(self.joints[i].measured for i in fitted))

    @property
    def hash(self) -> int:
        """The checksum in the EEPROM, by which host and board know that they mean the same."""
        return crc16(self._body())

    def board_bytes(self) -> bytes:
        """The part that belongs to no joint."""
        return self.BOARD.pack(
            self.heartbeat_ms, round(10 * self.supply_min_v), round(10 * self.supply_full_v)
        )

    def to_eeprom(self) -> bytes:
        """The 82 bytes at the EEPROM's beginning."""
        return self._body() + self.hash.to_bytes(2, "little")

    @classmethod
    def from_parts(cls, board: bytes, joints: list[bytes]) -> BoardConfig:
        """From the answers to READ_BOARD and READ_JOINT. Raises ConfigError."""
        heartbeat_ms, min_dv, full_dv = cls.BOARD.unpack(board)
        fitted = tuple(JointConfig.from_bytes(joint) for joint in joints)
        return cls(fitted, heartbeat_ms, min_dv / 10, full_dv / 10)

    def _body(self) -> bytes:
        joints = b"".join(joint.to_bytes() for joint in self.joints)
        return b"rf" + bytes((VERSION, JOINTS)) + self.board_bytes() + joints
