"""A bus of the servos at our own servo board: ids 1 to 6 are its outputs.

The board itself clamps goals and speeds, and holds the arm, latched, when no goal comes for its
heartbeat time, when the stop switch opens, when it is told to stop. `acknowledge` takes that back;
then `set_torque` on arms it again.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from robofeed import ConfigError
from robofeed_serial.buses.servo_bus import (
    NOWHERE_TICKS,
    Item,
    ServoFault,
    ServoModel,
    ServoRefused,
    ServoState,
)
from robofeed_serial.rfp.config import BoardConfig, JointConfig
from robofeed_serial.rfp.messages import JOINTS, BoardFault, BoardState, Hello, Kind, Mode, Result
from robofeed_serial.rfp.messages import goals_payload as _goals_payload
from robofeed_serial.rfp.refusals import fault_words
from robofeed_serial.rfp.session import BoardRefused, Session, wait_for_board
from robofeed_serial.wire.errors import BusTimeout
from robofeed_serial.wire.link import Link
from robofeed_serial.wire.statistics import BusStatistics

TICKS_PER_TURN = 8000
"""Of a servo that turns half a turn over 500 to 2500 us, which is what hobby servos promise."""
START_WAIT_S = 2.5
"""An Arduino's loader keeps the line for up to two seconds after a reset."""
OF_THE_LINK = BoardFault.HEARTBEAT | BoardFault.LINK | BoardFault.SESSION


class RfpBus:
    """A `ServoBus` of the servo board behind `link`."""

    bauds: Sequence[int] = (500_000, 115_200)
    has_watchdog = True

    def __init__(self, link: Link) -> None:
        self._link = link
        self._session = Session(link)
        self._hello: Hello | None = None
        self._config: BoardConfig | None = None
        self._states: dict[int, ServoState] = {}
        self._goals = [0] * JOINTS
        self._board_state: BoardState | None = None
        self._goal_number = 0
        self._engaged = False
        self._nobody_answered = False

    @property
    def port(self) -> str:
        return self._link.url

    @property
    def baud(self) -> int:
        return self._link.baud

    @property
    def statistics(self) -> BusStatistics:
        return self._link.statistics

    @property
    def measures(self) -> bool:
        """Whether every servo has a potentiometer; known once the board was asked."""
        return self._config is not None and self._config.measured

    @property
    def newest(self) -> BoardState | None:
        """What the board said last; None before it said anything."""
        return self._board_state

    @property
    def newest_goal_number(self) -> int:
        """What `newest.applied_sequence` is once the newest goals are obeyed."""
        return self._goal_number

    def open(self) -> None:
        self._link.open()

    def close(self) -> None:
        self._link.close()
        self._hello = self._config = None
        self._nobody_answered = False

    def set_baud(self, baud: int) -> None:
        self._link.set_baud(baud)
        self._hello = self._config = None
        self._nobody_answered = False

    def ping(self, servo_id: int) -> ServoModel | None:
        if not 1 <= servo_id <= JOINTS:
            return None
        try:
            hello = self._greeted()
            self._take(self._session.state())
        except BusTimeout:
            self._hello = None
            return None
        config = self._config
        if config is not None and servo_id - 1 not in config.fitted:
            return None
        return ServoModel(
            servo_id,
            hello.version,
            "servo board output",
            hello.firmware,
            TICKS_PER_TURN,
            self.baud,
        )

    def prepare(self, ids: Sequence[int]) -> None:
        """Begin a session and learn the board's limits. Raises ConfigError for an id without servo.

        A board that somebody else left moving holds from then on. To begin anew is to acknowledge
        what was latched before; a cause that is still there speaks up when torque is asked for.
        """
        self._hello = wait_for_board(self._session, START_WAIT_S)
        self._engaged = False
        self._config = None if BoardFault.CONFIG in self._hello.faults else self.read_config()
        for servo_id in ids:
            self._joint(servo_id)
        with contextlib.suppress(BoardRefused):
            self._take_payload(self._session.ask(Kind.CLEAR))

    def read_states(self, ids: Sequence[int], *, budget_s: float = 0.02) -> dict[int, ServoState]:
        end_s = time.monotonic() + budget_s
        while (left_s := end_s - time.monotonic()) > 0:
            try:
                self._take(self._session.state(tries=1, most_s=left_s))
                break
            except BusTimeout:
                self.statistics.retries += 1
        return {servo_id: self._states[servo_id] for servo_id in ids if servo_id in self._states}

    def write_goals(self, goals: Mapping[int, int]) -> None:
        self._goal_number = self._session.say(Kind.SETPOINT_QUIET, self._wanted(goals))

    def exchange_goals(self, goals: Mapping[int, int]) -> BoardState:
        """Write goals and read everybody's state in one trip. Raises BusTimeout, PortGone."""
        answer = self._session.ask(Kind.SETPOINT, self._wanted(goals), tries=1)
        state = self._take_payload(answer)
        self._goal_number = self._session.sequence
        return state

    def exchange(self, goals: Mapping[int, int]) -> dict[int, ServoState]:
        """The same, of the servos in `goals`; none without an answer. Raises PortGone only."""
        try:
            self.exchange_goals(goals)
        except (BusTimeout, BoardRefused):
            return {}
        return {servo_id: self._states[servo_id] for servo_id in goals if servo_id in self._states}

    def set_torque(self, ids: Sequence[int], on: bool) -> None:
        """All servos of the board at once: another choice of `ids` is a ConfigError.

        On arms the board from where it measures the servos to be, or, where it does not, from the
        goals written before. Raises ServoRefused while a fault is latched: `acknowledge` first.
        """
        fitted = {i + 1 for i in self._configured().fitted}
        if set(ids) != fitted:
            raise ConfigError(
                f"The servo board on {self.port} powers all its servos at once "
                f"({sorted(fitted)}), not {sorted(set(ids))} alone."
            )
        self._engaged = False
        if not on:
            self._take_payload(self._session.ask(Kind.DETACH))
            return
        if self.board_state().mode is Mode.ARMED:
            self._engaged = True
            return
        start = self._configured().hash.to_bytes(2, "little") + _goals_payload(tuple(self._goals))
        try:
            self._take_payload(self._session.ask(Kind.ARM, start, tries=1))
        except BusTimeout:
            if self.board_state().mode is not Mode.ARMED:  # only the answer was lost, or not
                raise
        self._engaged = True

    def latched(self) -> str:
        """Why the board holds by itself, as it said last; "" while it does not."""
        state = self._board_state
        if state is None:
            return ""
        if state.faults:
            return fault_words(state.faults)
        if self._engaged and state.mode is not Mode.ARMED:
            return "its servos are limp: their power was cut, or it has restarted. Check its supply"
        return ""

    def acknowledge(self) -> None:
        """Take back latched faults; nothing moves before `set_torque` on.

        Raises ServoRefused where a cause is still there: the switch is open, the supply is low.
        """
        self._engaged = False
        self._greeted()
        try:
            self._take_payload(self._session.ask(Kind.CLEAR))
        except BoardRefused as error:
            if error.refusal.result is not Result.NO_HELLO:
                raise
            self._hello = self._session.hello()  # it has restarted: another session
            self._take_payload(self._session.ask(Kind.CLEAR))

    def board_state(self) -> BoardState:
        """Mode, faults, what was clamped, asked for now. Raises BusTimeout, PortGone."""
        self._take(state := self._session.state())
        return state

    def read_config(self) -> BoardConfig:
        """The limits that the board has. Raises ConfigError where they are not set."""
        self._greeted()
        joints = [self._session.ask(Kind.READ_JOINT, bytes((i,)))[1:] for i in range(JOINTS)]
        self._config = BoardConfig.from_parts(self._session.ask(Kind.READ_BOARD), joints)
        return self._config

    def potentiometers(self) -> dict[int, tuple[int, int]] | None:
        """By servo id, what they read at the ends of the pulses; None where it was never set."""
        if BoardFault.CONFIG in self._greeted().faults:
            return None
        joints = enumerate(self.read_config().joints, 1)
        found = {n: (joint.adc_low, joint.adc_high) for n, joint in joints if joint.measured}
        return found if len(found) == len(self._configured().fitted) else None

    def write_config(self, config: BoardConfig) -> None:
        """Set the limits for good; the board must be limp. Raises ServoRefused."""
        self._greeted()
        for i, joint in enumerate(config.joints):
            self._session.ask(Kind.WRITE_JOINT, bytes((i,)) + joint.to_bytes())
        self._session.ask(Kind.WRITE_BOARD, config.board_bytes())
        stored = int.from_bytes(self._session.ask(Kind.SAVE), "little")
        if stored != config.hash:
            raise ServoRefused(
                f"The servo board on {self.port} saved other limits than it was given "
                f"({stored:#06x}, not {config.hash:#06x}). Another program may be writing to it."
            )
        self._config = config

    def has_torque(self, servo_id: int) -> bool | None:
        self._joint(servo_id)
        state = self._board_state  # each reading of positions tells it
        return None if state is None else state.mode is not Mode.DISARMED

    def read(self, servo_id: int, item: Item) -> int:
        joint = self._joint(servo_id)
        i = servo_id - 1
        state = self.board_state()
        match item:
            case "model":
                return self._greeted().version
            case "firmware":
                return int(float(self._greeted().firmware) * 10)
            case "id":
                return servo_id
            case "baud":
                return self.baud
            case "torque":
                return int(state.mode is not Mode.DISARMED)
            case "goal_position":
                return self._goals[i]
            case "present_position":
                return state.positions_ticks[i]
            case "present_voltage":
                return round(1000 * state.supply_v)
            case "faults":
                return _servo_faults(state)
            case "min_position":
                return joint.low_ticks
            case "max_position":
                return joint.high_ticks
            case "goal_speed":
                return joint.speed_ticks_s
            case "min_voltage":
                return round(1000 * self._configured().supply_min_v)
            case "watchdog":
                tripped = state.faults & OF_THE_LINK
                return -1 if tripped else self._configured().heartbeat_ms
            case _:
                raise ConfigError(f"A hobby servo has no {item}.")

    def write(self, servo_id: int, item: Item, value: int) -> None:
        """Limits go to the board's EEPROM, which it allows while it is limp only."""
        joint = self._joint(servo_id)
        match item:
            case "goal_position":
                self.write_goals({servo_id: value})
            case "torque":
                self.set_torque([servo_id], bool(value))
            case "min_position":
                self._change_joint(servo_id, replace(joint, low_ticks=value))
            case "max_position":
                self._change_joint(servo_id, replace(joint, high_ticks=value))
            case "goal_speed":
                self._change_joint(servo_id, replace(joint, speed_ticks_s=value))
            case "watchdog":
                if value != self._configured().heartbeat_ms:
                    self.write_config(replace(self._configured(), heartbeat_ms=value))
            case _:
                raise ConfigError(f"Nobody can set {item} of a servo at the servo board.")

    # --- inside -----------------------------------------------------------------------------------

    def _greeted(self) -> Hello:
        if self._hello is None:
            try:
                wait_s = 0.0 if self._nobody_answered else START_WAIT_S
                self._hello = wait_for_board(self._session, wait_s)
            except BusTimeout:
                self._nobody_answered = True
                raise
        return self._hello

    def _configured(self) -> BoardConfig:
        return self._config if self._config is not None else self.read_config()

    def _joint(self, servo_id: int) -> JointConfig:
        config = self._configured()
        if servo_id - 1 not in config.fitted:
            fitted = ", ".join(str(i + 1) for i in config.fitted)
            raise ConfigError(
                f"The servo board on {self.port} has no servo {servo_id}; it has {fitted}."
            )
        return config.joints[servo_id - 1]

    def _change_joint(self, servo_id: int, joint: JointConfig) -> None:
        config = self._configured()
        joints = list(config.joints)
        joints[servo_id - 1] = joint
        self.write_config(replace(config, joints=tuple(joints)))

    def _wanted(self, goals: Mapping[int, int]) -> bytes:
        """What a SETPOINT says; servos without a goal keep theirs."""
        wanted = [0] * JOINTS
        for servo_id, ticks in goals.items():
            if 1 <= servo_id <= JOINTS:
                wanted[servo_id - 1] = self._goals[servo_id - 1] = min(max(ticks, 1), 0xFFFF)
        return _goals_payload(tuple(wanted))

    def _take_payload(self, payload: bytes) -> BoardState:
        self._take(state := BoardState.from_payload(payload))
        return state

    def _take(self, state: BoardState) -> None:
        self._board_state = state
        now_ns = time.monotonic_ns()
        fitted = self._config.fitted if self._config is not None else range(JOINTS)
        limp, faults = state.mode is Mode.DISARMED, _servo_faults(state)
        for i in fitted:
            # Without a potentiometer a position is what was commanded, before the servo went limp.
            lost = limp and self._config is not None and not self._config.joints[i].measured
            self._states[i + 1] = ServoState(
                i + 1,
                now_ns,
                NOWHERE_TICKS if lost else state.positions_ticks[i],
                voltage_v=state.supply_v,
                faults=faults,
            )


def _servo_faults(state: BoardState) -> ServoFault:
    return ServoFault.VOLTAGE if BoardFault.SUPPLY in state.faults else ServoFault.NONE
