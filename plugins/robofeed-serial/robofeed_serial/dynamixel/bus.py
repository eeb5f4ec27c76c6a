"""A bus of Dynamixel X servos, protocol 2.0.

Their bus watchdog stops them when the host falls silent for `watchdog_s`. Once it has tripped they
ignore goals until `prepare` is called again: read(id, "watchdog") is then negative, and the speed
and acceleration of their profile have gone back to 0, which means unlimited.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import cache

from robofeed import ConfigError
from robofeed_serial.buses.register import Register
from robofeed_serial.buses.register_block import RegisterBlock
from robofeed_serial.buses.register_bus import RegisterBus
from robofeed_serial.buses.reply import Reply
from robofeed_serial.buses.servo_bus import Item, ServoFault, ServoMode, ServoModel, ServoState
from robofeed_serial.dynamixel.frames import HIGHEST_ID, DynamixelCodec
from robofeed_serial.dynamixel.registers import (
    BAUDS,
    FULL,
    HARDWARE_ERROR,
    MODEL_NAMES,
    QUICK,
    REGISTERS,
    STATUS_LEVEL,
    TICKS_PER_TURN,
    registers_of,
)
from robofeed_serial.wire.link import Link

_EFFORT = Register(QUICK[0], 2, "two's complement", writable=False)
MOST_OFFSET = 1024
"""Ticks. In position mode a servo ignores a homing offset beyond it (ROBOTIS e-manual)."""
ALERT = 0x80
"""In the error byte: the servo has a hardware error. The other bits number a refusal."""
UNTOLD_READS = 3
"""So many readings may a servo take to say which fault it has, before that is called unknown."""
REFUSALS = {
    1: "it could not carry it out; after a hardware error it must be rebooted",
    2: "it does not know this instruction",
    3: "it received a wrong CRC",
    4: "the value is out of range",
    5: "the value has the wrong length",
    6: "the value is beyond its limits",
    7: "this cannot be written now; settings need its torque off",
}


@cache
def _blocks(model_number: int | None) -> tuple[Item | None, RegisterBlock, RegisterBlock]:
    """What the first register of a state is for this model (None: unknown), and its blocks."""
    registers = registers_of(model_number)
    push: Item | None = next(
        (item for item in ("present_load", "present_current") if item in registers), None
    )
    # An unknown model has something there as well, of unknown unit: it is read and left out.
    first = registers[push] if push is not None else _EFFORT
    often = [first, registers["present_speed"], registers["present_position"]]
    seldom = [registers["present_voltage"], registers["present_temperature"]]
    return push, RegisterBlock(QUICK[0], often), RegisterBlock(FULL[0], [*often, *seldom])


class DynamixelBus(RegisterBus):
    """A `ServoBus` of X series servos, over `link`. `watchdog_s` is at most 2.54.

    Servos that know the fast sync read (XL330 from firmware 46 on) answer a group reading in one
    frame, a quarter shorter. `prepare` tries that; `fast` False does without.
    """

    has_watchdog = True
    bauds = tuple(BAUDS.values())
    highest_id = HIGHEST_ID
    quick = QUICK
    full = FULL
    goal = REGISTERS["goal_position"]

    def __init__(
        self, link: Link, *, watchdog_s: float = 0.2, full_every: int = 10, fast: bool = True
    ) -> None:
        super().__init__(link, DynamixelCodec(), full_every=full_every)
        self._wants_fast = fast
        self._models: dict[int, int] = {}
        self._alarmed: set[int] = set()
        """Servos of the newest reading which are to be asked what is wrong."""
        self._untold: dict[int, int] = {}
        """By servo, the readings since its alarm in which it did not say why."""
        self._watchdog_ms = round(watchdog_s * 1000)
        if not 20 <= self._watchdog_ms <= 2540:
            raise ConfigError(f"A Dynamixel's watchdog is 0.02 to 2.54 s, not {watchdog_s}.")

    def _ping(self, servo_id: int, tries: int) -> ServoModel | None:
        reply = self._ask_again(self._codec.ping(servo_id), servo_id, 3, tries)
        if reply is None or len(reply.data) != 3:
            return None
        number = int.from_bytes(reply.data[:2], "little")
        self._models[servo_id] = number
        name = MODEL_NAMES.get(number, f"unknown model {number}")
        return ServoModel(servo_id, number, name, str(reply.data[2]), TICKS_PER_TURN, self.baud)

    def prepare(self, ids: Sequence[int]) -> None:
        self.link.send(self._codec.sync_write(STATUS_LEVEL.address, dict.fromkeys(ids, b"\x02")))
        for servo_id in ids:
            number = self.read(servo_id, "model")
            self._models[servo_id] = number
            if self.read(servo_id, "return_delay"):
                self.write(servo_id, "return_delay", 0)
            self.write(servo_id, "watchdog", 0)  # also ends the state of having tripped
            self.write(servo_id, "watchdog", self._watchdog_ms)
        self._reader.fast = self._wants_fast and self._reader.can_answer_fast(ids, *QUICK)

    def reboot(self, servo_id: int) -> None:
        """Start a servo anew, which ends a latched overload. Its torque is off then: it lets go."""
        codec = DynamixelCodec()
        if self._ask(codec.reboot(servo_id), servo_id, 0) is None:
            self._read_bytes(servo_id, 0, 2)  # raises BusTimeout unless only the answer was lost

    def write(self, servo_id: int, item: Item, value: int) -> None:
        register = self._register(servo_id, item)
        if not register.writable:
            raise ConfigError(f"Nobody can set {item} of a servo; it can only be read.")
        data = register.encode(value)
        if item == "homing_offset" and abs(value) > MOST_OFFSET:
            self._need_many_turns(servo_id, value)
        match item:
            case "id":
                self._change_id(servo_id, value)
            case "baud":
                self._change_baud(servo_id, value)
            case _:
                reply = self._write_bytes(servo_id, register.address, data)
                self._check(reply, f"to set its {item} to {value}")

    def read_states(self, ids: Sequence[int], *, budget_s: float = 0.02) -> dict[int, ServoState]:
        """Replies carry one bit for all faults, so which one it is takes another reading."""
        end_s = time.monotonic() + budget_s
        self._alarmed.clear()
        states = super().read_states(ids, budget_s=budget_s)
        self._alarmed &= states.keys()
        if self._alarmed:
            self._name_faults(end_s - time.monotonic())
            states |= {servo_id: self._states[servo_id] for servo_id in self._alarmed}
        return states

    # --- inside -----------------------------------------------------------------------------------

    def _registers(self, servo_id: int) -> Mapping[Item, Register]:
        return registers_of(self._models.get(servo_id))

    def _refusal(self, error: int) -> str | None:
        number = error & ~ALERT
        return REFUSALS.get(number, f"error {number}") if number else None

    def _check(self, reply: Reply, what: str) -> None:
        if refusal := self._refusal(reply.error):
            alert = "; it has a hardware error" if reply.error & ALERT else ""
            self._refuse(reply.servo_id, what, refusal + alert)

    def _state(self, reply: Reply, time_ns: int, before: ServoState | None) -> ServoState:
        whole = len(reply.data) >= FULL[1]
        push, quick, full = _blocks(self._models.get(reply.servo_id))
        effort, speed, position, *rest = (full if whole else quick).decode(reply.data)
        voltage_v = temperature_c = None
        if whole:
            voltage_v, temperature_c = rest[0] / 1000, float(rest[1])
        elif before is not None:
            voltage_v, temperature_c = before.voltage_v, before.temperature_c
        return ServoState(
            reply.servo_id,
            time_ns,
            position,
            float(speed),
            effort / 1000 if push == "present_load" else None,
            effort / 1000 if push == "present_current" else None,
            voltage_v,
            temperature_c,
            self._faults(reply, before),
        )

    def _faults(self, reply: Reply, before: ServoState | None) -> ServoFault:
        """Those known of; the servo is to be asked where there are none, and with each full state.

        It has named them, or taken its time, before it is in the state that it has any.
        """
        if not reply.error & ALERT:
            self._untold.pop(reply.servo_id, None)
            self._alarmed.discard(reply.servo_id)
            return ServoFault.NONE
        known = before.faults if before else ServoFault.NONE
        if known in (ServoFault.NONE, ServoFault.UNKNOWN) or len(reply.data) >= FULL[1]:
            self._alarmed.add(reply.servo_id)
        return known

    def _name_faults(self, within_s: float) -> None:
        """Ask all servos of the newest reading that have an alarm, in one request."""
        ids = sorted(self._alarmed)
        told = self._reader.read(ids, HARDWARE_ERROR.address, HARDWARE_ERROR.size, within_s)
        for servo_id in ids:
            faults = self._states[servo_id].faults
            if servo_id in told and (data := told[servo_id][1].data):
                faults = ServoFault(HARDWARE_ERROR.decode(data)) or faults
            if faults is ServoFault.NONE:
                self._untold[servo_id] = self._untold.get(servo_id, 0) + 1
                if self._untold[servo_id] < UNTOLD_READS:
                    continue
                faults = ServoFault.UNKNOWN
            self._states[servo_id] = self._states[servo_id]._replace(faults=faults)

    def _need_many_turns(self, servo_id: int, offset: int) -> None:
        if self.read(servo_id, "mode") == ServoMode.POSITION:
            self._refuse(
                servo_id,
                f"a homing offset of {offset} ticks",
                f"in position mode it ignores more than {MOST_OFFSET} either way. Turn its horn by "
                "quarter turns until it says about 2048 where its joint is in the middle",
            )

    def _open_settings(self, servo_id: int) -> None:
        if self.read(servo_id, "torque"):
            self._refuse(servo_id, "another id or rate", REFUSALS[7])

    def _settle(self, servo_id: int, item: Item, value: int) -> None:
        register = REGISTERS[item]
        if self._read_bytes(servo_id, register.address, 1).data != register.encode(value):
            self._refuse(servo_id, f"the {item} {value}", "it did not stick")
