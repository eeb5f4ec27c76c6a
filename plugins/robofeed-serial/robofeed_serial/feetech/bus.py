"""A bus of Feetech STS servos.

They have no watchdog: a servo holds its last goal for ever when the host falls silent. Whoever
drives them must therefore never send a goal further away than it may go unattended.
They also never refuse aloud: what was written is read back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from robofeed import ConfigError
from robofeed_serial.buses.register import Register
from robofeed_serial.buses.register_block import RegisterBlock
from robofeed_serial.buses.register_bus import TRIES, RegisterBus
from robofeed_serial.buses.reply import Reply
from robofeed_serial.buses.servo_bus import Item, ServoFault, ServoModel, ServoState
from robofeed_serial.feetech.frames import HIGHEST_ID, FeetechCodec
from robofeed_serial.feetech.registers import (
    BAUDS,
    FULL,
    IDENTITY,
    LOCK,
    MANY_TURNS,
    MODEL_NAMES,
    PHASE,
    QUICK,
    REGISTERS,
    STATUS,
    STATUS_LEVEL,
    TICKS_PER_TURN,
)
from robofeed_serial.wire.link import Link

_OFTEN: Sequence[Item] = ("present_position", "present_speed", "present_load")
_SELDOM: Sequence[Item] = ("present_voltage", "present_temperature", "present_current")
_QUICK_BLOCK = RegisterBlock(QUICK[0], [REGISTERS[item] for item in _OFTEN])
_FULL_BLOCK = RegisterBlock(FULL[0], [REGISTERS[item] for item in (*_OFTEN, *_SELDOM)])


@cache
def _faults(error: int) -> ServoFault:
    """What the error byte of a reply tells."""
    return ServoFault(STATUS.decode(bytes([error])))


class FeetechBus(RegisterBus):
    """A `ServoBus` of STS3215 and their like, over `link`."""

    bauds = tuple(BAUDS.values())
    highest_id = HIGHEST_ID
    quick = QUICK
    full = FULL
    goal = REGISTERS["goal_position"]

    def __init__(self, link: Link, *, full_every: int = 10) -> None:
        super().__init__(link, FeetechCodec(), full_every=full_every)

    def _ping(self, servo_id: int, tries: int) -> ServoModel | None:
        if self._ask_again(self._codec.ping(servo_id), servo_id, 0, tries) is None:
            return None
        request = self._codec.read(servo_id, *IDENTITY)
        reply = self._ask_again(request, servo_id, IDENTITY[1], TRIES - 2)
        if reply is None:  # two servos with this id answer a ping alike, and then talk across
            return self._unreadable(servo_id)
        number = int.from_bytes(reply.data[3:5], "little")
        name = MODEL_NAMES.get(number, f"unknown model {number}")
        firmware = f"{reply.data[0]}.{reply.data[1]}"
        return ServoModel(servo_id, number, name, firmware, TICKS_PER_TURN, self.baud)

    def prepare(self, ids: Sequence[int]) -> None:
        for servo_id in ids:
            self._set(servo_id, STATUS_LEVEL, 1, "its status level to 1")
            self._set(servo_id, REGISTERS["return_delay"], 0, "its return delay to 0")
            phase = self._get(servo_id, PHASE)
            self._set(servo_id, PHASE, phase & ~MANY_TURNS, "its positions to one turn")

    def write(self, servo_id: int, item: Item, value: int) -> None:
        register = self._register(servo_id, item)
        if not register.writable:
            raise ConfigError(f"Nobody can set {item} of a servo; it can only be read.")
        match item:
            case "id":
                self._change_id(servo_id, value)
            case "baud":
                self._change_baud(servo_id, value)
            case _:
                self._set(servo_id, register, value, f"its {item} to {value}")

    # --- inside -----------------------------------------------------------------------------------

    def _registers(self, servo_id: int) -> Mapping[Item, Register]:
        return REGISTERS

    def _refusal(self, error: int) -> str | None:
        return None  # the error byte tells faults; requests are never refused aloud

    def _state(self, reply: Reply, time_ns: int, before: ServoState | None) -> ServoState:
        voltage_v = temperature_c = current_a = None
        if len(reply.data) < FULL[1]:
            position, speed, load = _QUICK_BLOCK.decode(reply.data)
            if before is not None:
                voltage_v, temperature_c = before.voltage_v, before.temperature_c
                current_a = before.current_a
        else:
            position, speed, load, millivolts, degrees, milliamperes = _FULL_BLOCK.decode(
                reply.data
            )
            voltage_v, temperature_c = millivolts / 1000, float(degrees)
            current_a = milliamperes / 1000
        return ServoState(
            reply.servo_id,
            time_ns,
            position,
            float(speed),
            load / 1000,
            current_a,
            voltage_v,
            temperature_c,
            _faults(reply.error),
        )

    def _get(self, servo_id: int, register: Register) -> int:
        return register.decode(self._read_bytes(servo_id, register.address, register.size).data)

    def _set(self, servo_id: int, register: Register, value: int, what: str) -> None:
        """Write where it differs, then read back. Raises ServoRefused where it does not stick."""
        data = register.encode(value)
        if register.kept and self._get(servo_id, register) == value:
            return  # the memory wears, and the lock stays closed
        if register.kept:
            self._lock(servo_id, closed=False)
        try:
            self._write_until_it_sticks(servo_id, register, data, what)
        finally:
            if register.kept:
                self._lock(servo_id, closed=True)

    def _write_until_it_sticks(
        self, servo_id: int, register: Register, data: bytes, what: str
    ) -> None:
        request = self._codec.write(servo_id, register.address, data)
        told = b""
        for _ in range(TRIES):
            self._ask(request, servo_id, 0)  # a servo of status level 0 does not answer
            told = self._read_bytes(servo_id, register.address, register.size).data
            if told == data:
                return
        self._refuse(
            servo_id,
            f"to set {what}",
            f"it keeps {register.decode(told)}. It may be out of range, or the servo protects "
            "itself: `robofeed arm scan` shows faults",
        )

    def _lock(self, servo_id: int, *, closed: bool) -> None:
        what = "its lock" if closed else "its lock open"
        self._write_until_it_sticks(servo_id, LOCK, bytes([closed]), what)

    def _open_settings(self, servo_id: int) -> None:
        self._lock(servo_id, closed=False)

    def _settle(self, servo_id: int, item: Item, value: int) -> None:
        self._lock(servo_id, closed=True)
