"""What frames to and from the servo board say."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag, unique

from robofeed import HardwareError

VERSION = 1
JOINTS = 6
LOWEST_TICK, HIGHEST_TICK = 1000, 5000
"""A tick is half a microsecond of a servo's pulse: 500 us to 2500 us."""

_HELLO = struct.Struct("<7BHLB")
_STATE = struct.Struct("<3BHB6H5B")
_GOALS = struct.Struct("<6H")


@unique
class Kind(IntEnum):
    """Types of requests; the answer's is 0x80 more."""

    HELLO = 0x01
    STATE = 0x02
    SETPOINT = 0x10
    SETPOINT_QUIET = 0x11
    ARM = 0x20
    STOP = 0x21
    CLEAR = 0x22
    DETACH = 0x23
    READ_JOINT = 0x30
    WRITE_JOINT = 0x31
    READ_BOARD = 0x32
    WRITE_BOARD = 0x33
    SAVE = 0x34


ANSWER = 0x80
REFUSED = 0xFF


@unique
class Mode(IntEnum):
    """DISARMED: no pulses, the servos are limp. HELD: pulses, but goals are not obeyed."""

    DISARMED = 0
    ARMED = 1
    HELD = 2


class BoardFault(IntFlag):
    """Latched reasons not to move. CLEAR takes them away, CONFIG only a SAVE."""

    NONE = 0
    HEARTBEAT = 0x01
    STOP_PIN = 0x02
    STOP_FRAME = 0x04
    SUPPLY = 0x08
    LINK = 0x10
    CONFIG = 0x20
    SESSION = 0x40
    WATCHDOG = 0x80


class ResetCause(IntFlag):
    """Why the board started, as its controller tells."""

    NONE = 0
    POWER_ON = 0x01
    RESET_PIN = 0x02
    BROWN_OUT = 0x04
    WATCHDOG = 0x08


@unique
class Result(IntEnum):
    """Why a request was refused."""

    UNKNOWN_TYPE = 1
    BAD_LENGTH = 2
    BAD_VALUE = 3
    OLD_SEQUENCE = 4
    NO_HELLO = 5
    WRONG_VERSION = 6
    WRONG_CONFIG = 7
    FAULTY = 8
    NOT_DISARMED = 9
    OUT_OF_RANGE = 10
    NO_START = 11
    UNSAVED = 12


@dataclass(frozen=True, slots=True)
class Hello:
    """The board's answer to HELLO."""

    version: int
    firmware: str
    joints: int
    mode: Mode
    stop_open: bool
    faults: BoardFault
    reset_cause: ResetCause
    config_hash: int
    uptime_ms: int
    bad_frames: int

    @classmethod
    def from_payload(cls, payload: bytes) -> Hello:
        """Raises HardwareError where it has another length."""
        version, major, minor, joints, mode, faults, cause, config_hash, uptime_ms, bad = _unpack(
            _HELLO, payload, "HELLO"
        )
        return cls(
            version=version,
            firmware=f"{major}.{minor}",
            joints=joints,
            mode=_mode(mode),
            stop_open=bool(mode & 0x80),
            faults=BoardFault(faults),
            reset_cause=ResetCause(cause & 0x0F),
            config_hash=config_hash,
            uptime_ms=uptime_ms,
            bad_frames=bad,
        )


@dataclass(frozen=True, slots=True)
class BoardState:
    """The board's answer to STATE, SETPOINT, ARM, STOP, CLEAR and DETACH."""

    mode: Mode
    stop_open: bool
    unsaved: bool
    faults: BoardFault
    applied_sequence: int
    """Of the newest SETPOINT that was obeyed."""
    uptime_ms: int
    """Modulo 65536."""
    supply_v: float
    positions_ticks: tuple[int, ...]
    """Measured where there is a potentiometer, else commanded; 0 = never commanded."""
    clamped_range: int
    """A bit for each joint whose newest goal was outside its range."""
    clamped_step: int
    """A bit for each joint whose newest goal was further than one step."""
    limited_speed: int
    """A bit for each joint that is slower on its way than the goal asks for."""
    bad_frames: int
    """Modulo 256."""
    lost_bytes: int
    """Modulo 256."""

    @classmethod
    def from_payload(cls, payload: bytes) -> BoardState:
        """Raises HardwareError where it has another length."""
        mode, faults, applied, uptime_ms, supply_dv, *rest = _unpack(_STATE, payload, "STATE")
        return cls(
            mode=_mode(mode),
            stop_open=bool(mode & 0x80),
            unsaved=bool(mode & 0x40),
            faults=BoardFault(faults),
            applied_sequence=applied,
            uptime_ms=uptime_ms,
            supply_v=supply_dv / 10,
            positions_ticks=tuple(rest[:JOINTS]),
            clamped_range=rest[JOINTS],
            clamped_step=rest[JOINTS + 1],
            limited_speed=rest[JOINTS + 2],
            bad_frames=rest[JOINTS + 3],
            lost_bytes=rest[JOINTS + 4],
        )


@dataclass(frozen=True, slots=True)
class Refusal:
    """The board's answer to what it will not do."""

    kind: int
    """Of the request."""
    result: Result
    detail: int

    @classmethod
    def from_payload(cls, payload: bytes) -> Refusal:
        """Raises HardwareError where it is of another kind."""
        if len(payload) != 3 or payload[1] not in set(Result):
            raise HardwareError(
                f"the servo board refused with {payload.hex(' ')}, which means {_NEW}"
            )
        return cls(payload[0], Result(payload[1]), payload[2])


def goals_payload(goals: tuple[int, ...]) -> bytes:
    """Six goals in ticks; 0 = as before."""
    return _GOALS.pack(*goals)


_NEW = "nothing to this version of robofeed; is the firmware newer?"


def _mode(byte: int) -> Mode:
    number = byte & 0x0F
    try:
        return Mode(number)
    except ValueError:
        raise HardwareError(f"the servo board is in mode {number}, which means {_NEW}") from None


def _unpack(layout: struct.Struct, payload: bytes, name: str) -> tuple[int, ...]:
    if len(payload) != layout.size:
        raise HardwareError(
            f"{name} of {len(payload)} bytes from the servo board, not {layout.size}: {_NEW}"
        )
    return layout.unpack(payload)
