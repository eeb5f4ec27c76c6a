"""What buses of servos with registers have in common, whatever their frames look like."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import NoReturn

from robofeed import ConfigError, HardwareError
from robofeed_serial.buses.group_reader import (
    RETURN_DELAY_S,
    GroupReader,
    ask,
)
from robofeed_serial.buses.register import Register
from robofeed_serial.buses.reply import Codec, Reply
from robofeed_serial.buses.servo_bus import Item, ServoModel, ServoRefused, ServoState
from robofeed_serial.wire.errors import BusTimeout
from robofeed_serial.wire.link import Link
from robofeed_serial.wire.statistics import BusStatistics

TRIES = 6
"""Outside the control cycle there is time: each try waits twice as long as the one before, which
makes 0.8 s in all until a servo counts as missing ..."""
PINGS = 2
"""... but not where a scan asks for 254 of them."""
UNREADABLE = "unreadable: perhaps two servos with this id"
SETTLE_S = 0.01
"""What a servo gets to store a setting before it is asked about it."""


class RegisterBus(ABC):
    """A `ServoBus` for protocols that read and write registers.

    A reading of all that a state tells comes every `full_every` reads, and in between one of
    position, speed and load alone, which takes about half the time on the wire.
    """

    has_watchdog = False
    measures = True
    bauds: Sequence[int] = ()
    highest_id = 0
    quick: tuple[int, int] = (0, 0)
    """Address and size of the registers of a quick state."""
    full: tuple[int, int] = (0, 0)
    goal: Register
    """Of a goal position, the same for every servo of the bus."""

    def __init__(self, link: Link, codec: Codec, *, full_every: int = 10) -> None:
        self.link = link
        self._codec = codec
        self._reader = GroupReader(link, codec)
        self._full_every = full_every
        self._reads = 0
        self._states: dict[int, ServoState] = {}

    # --- what differs -----------------------------------------------------------------------------

    @abstractmethod
    def _ping(self, servo_id: int, tries: int) -> ServoModel | None: ...

    @abstractmethod
    def prepare(self, ids: Sequence[int]) -> None: ...

    @abstractmethod
    def write(self, servo_id: int, item: Item, value: int) -> None: ...

    @abstractmethod
    def _registers(self, servo_id: int) -> Mapping[Item, Register]:
        """The registers of this servo, by item."""

    @abstractmethod
    def _state(self, reply: Reply, time_ns: int, before: ServoState | None) -> ServoState:
        """The state in a reply to a quick or full read; what it lacks is taken from `before`.

        Asks nobody anything: others may still be answering.
        """

    @abstractmethod
    def _open_settings(self, servo_id: int) -> None:
        """See that another id or rate can be stored."""

    @abstractmethod
    def _settle(self, servo_id: int, item: Item, value: int) -> None:
        """See that the servo answers with its new id, at its new rate, and store that."""

    @abstractmethod
    def _refusal(self, error: int) -> str | None:
        """What a reply's error byte refuses, in words; None where the request was carried out."""

    # --- the port ---------------------------------------------------------------------------------

    @property
    def port(self) -> str:
        return self.link.url

    @property
    def baud(self) -> int:
        return self.link.baud

    @property
    def statistics(self) -> BusStatistics:
        return self.link.statistics

    def open(self) -> None:
        self.link.open()

    def close(self) -> None:
        self.link.close()

    def set_baud(self, baud: int) -> None:
        self.link.set_baud(baud)

    # --- all servos -------------------------------------------------------------------------------

    def ping(self, servo_id: int) -> ServoModel | None:
        return self._who(servo_id, PINGS)

    def read_states(self, ids: Sequence[int], *, budget_s: float = 0.02) -> dict[int, ServoState]:
        address, size = self.quick if self._reads % self._full_every else self.full
        self._reads += 1
        states, fresh = self._states, dict[int, ServoState]()

        def tell(time_ns: int, reply: Reply) -> None:
            servo_id = reply.servo_id
            if len(reply.data) == size:
                fresh[servo_id] = self._state(reply, time_ns, states.get(servo_id))
            else:  # it only says what is wrong, and what it said before may be older than that
                fresh.pop(servo_id, None)

        self._reader.read(ids, address, size, budget_s, tell)
        states |= fresh
        return {servo_id: states[servo_id] for servo_id in ids if servo_id in states}

    def write_goals(self, goals: Mapping[int, int]) -> None:
        if not goals:
            return
        encode = self.goal.encode
        rows = {servo_id: encode(ticks) for servo_id, ticks in goals.items()}
        self.link.send(self._codec.sync_write(self.goal.address, rows))

    def set_torque(self, ids: Sequence[int], on: bool) -> None:
        if not ids:
            return
        register = self._register(ids[0], "torque")
        rows = dict.fromkeys(ids, register.encode(int(on)))
        self.link.send(self._codec.sync_write(register.address, rows))  # all in one moment ...
        failed: list[HardwareError] = []
        for servo_id in ids:
            try:
                self.write(servo_id, "torque", int(on))  # ... and each one acknowledged
            except (BusTimeout, ServoRefused) as error:
                failed.append(error)
        if failed:
            raise failed[0]

    # --- one servo --------------------------------------------------------------------------------

    def read(self, servo_id: int, item: Item) -> int:
        register = self._register(servo_id, item)
        reply = self._read_bytes(servo_id, register.address, register.size)
        if refusal := self._refusal(reply.error):
            self._refuse(servo_id, f"to tell its {item}", refusal)
        return register.decode(reply.data)

    def has_torque(self, servo_id: int) -> bool | None:
        register = self._register(servo_id, "torque")
        request = self._codec.read(servo_id, register.address, register.size)
        reply = self._ask(request, servo_id, register.size)
        if reply is None or self._refusal(reply.error):
            return None
        return bool(register.decode(reply.data))

    def _change_id(self, servo_id: int, new_id: int) -> None:
        if new_id == servo_id:
            return
        if not 0 <= new_id <= self.highest_id:
            raise ConfigError(f"A servo's id is 0 to {self.highest_id} here, not {new_id}.")
        if self._ping(new_id, TRIES - 1):
            self._refuse(
                servo_id, f"the id {new_id}", "another servo has it; give that one another"
            )
        self._change(servo_id, "id", new_id, [servo_id, new_id])
        self._settle(new_id, "id", new_id)

    def _change_baud(self, servo_id: int, new_baud: int) -> None:
        old_baud = self.baud
        if new_baud == old_baud:
            return
        self._change(servo_id, "baud", new_baud, [servo_id])
        try:
            self.set_baud(new_baud)
            self._settle(servo_id, "baud", new_baud)
        finally:
            self.set_baud(old_baud)

    def _change(self, servo_id: int, item: Item, value: int, ids: Sequence[int]) -> None:
        """Write what a servo may answer as one of `ids`, or not at all."""
        register = self._register(servo_id, item)
        data = register.encode(value)
        self._open_settings(servo_id)
        request = self._codec.write(servo_id, register.address, data)
        ask(self.link, self._codec, request, ids, 0, self._wait_s(request, 0))
        time.sleep(SETTLE_S)

    def _who(self, servo_id: int, tries: int) -> ServoModel | None:
        """The answer to a ping; also where servos answer, but across each other."""
        garbled = self.statistics.garbled
        model = self._ping(servo_id, tries)
        if model is None and self.statistics.garbled > garbled:
            # Once may be noise, or the end of a late reply to another.
            garbled = self.statistics.garbled
            model = self._ping(servo_id, PINGS)
            if model is None and self.statistics.garbled == garbled + PINGS:
                return self._unreadable(servo_id)
        return model

    def _unreadable(self, servo_id: int) -> ServoModel:
        return ServoModel(servo_id, -1, UNREADABLE, "", 0, self.baud)

    def _register(self, servo_id: int, item: Item) -> Register:
        try:
            return self._registers(servo_id)[item]
        except KeyError:
            raise ConfigError(
                f"Servo {servo_id} on {self.port} has no {item}: this kind of servo lacks it."
            ) from None

    def _read_bytes(self, servo_id: int, address: int, size: int) -> Reply:
        request = self._codec.read(servo_id, address, size)
        return self._insist(request, servo_id, size)

    def _write_bytes(self, servo_id: int, address: int, data: bytes) -> Reply:
        request = self._codec.write(servo_id, address, data)
        return self._insist(request, servo_id, 0)

    def _ask(self, request: bytes, servo_id: int, size: int, patience: int = 1) -> Reply | None:
        wait_s = self._wait_s(request, size, patience)
        found = ask(self.link, self._codec, request, [servo_id], size, wait_s)
        return found[servo_id][1] if servo_id in found else None

    def _wait_s(self, request: bytes, size: int, patience: int = 1) -> float:
        wire_s = self.link.wire_s(len(request) + self._codec.reply_length(size))
        return wire_s + RETURN_DELAY_S + patience * self.link.reply_wait_s

    def _ask_again(self, request: bytes, servo_id: int, size: int, tries: int) -> Reply | None:
        for already in range(tries):
            if already:
                self.statistics.retries += 1
            if reply := self._ask(request, servo_id, size, patience=2**already):
                return reply
        return None

    def _insist(self, request: bytes, servo_id: int, size: int) -> Reply:
        if reply := self._ask_again(request, servo_id, size, TRIES):
            return reply
        raise BusTimeout(
            f"Servo {servo_id} on {self.port} does not answer at {self.baud} bit/s "
            f"({TRIES} tries). Check its cable and power; `robofeed arm scan {self.port}` "
            "lists who answers."
        )

    def _refuse(self, servo_id: int, what: str, why: str) -> NoReturn:
        raise ServoRefused(f"Servo {servo_id} on {self.port} refused {what}: {why}.")
