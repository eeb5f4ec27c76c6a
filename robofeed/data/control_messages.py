"""The lines on a run's control socket: what those at the controls say, and what they are told.

One JSON object a line, 64 KiB at most. `docs/control.md` lists them for other programs.
"""

from __future__ import annotations

import enum
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from robofeed.data.errors import DataError
from robofeed.data.intervention import Driver
from robofeed.data.observation import ControlMode

SOCKET = "control.sock"
"""Name of the socket in a run's folder."""
LONGEST_LINE = 64 * 1024
SILENCE_NS = 250_000_000
"""Controls are given back when their holder has said nothing for so long."""
MOST_STEPS = 1_000
_NAME_LENGTH = 64


@enum.unique
class Do(enum.StrEnum):
    """What a command asks for."""

    TAKE = "take"
    MOVE = "move"
    ALIVE = "alive"
    LET_GO = "let_go"
    RELEASE = "release"
    PAUSE = "pause"
    RESUME = "resume"
    MARK = "mark"
    DISCARD = "discard"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Command:
    """One line to the run.

    `sent_ns` is when the person acted, by the machine's monotonic clock; 0 = not known. `action`
    is of MOVE: a change from holding still, in the action's own units; `steps` for how many steps,
    0 = until the next command. `over` of TAKE takes the controls from whoever holds them.
    `success` is of MARK.
    """

    do: Do
    driver: Driver
    sent_ns: int = 0
    action: tuple[float, ...] = ()
    steps: int = 0
    over: bool = False
    success: bool = False


@dataclass(frozen=True, slots=True)
class Latency:
    """From a person's key to the end of the step that obeyed it, in ms; 0 before the first."""

    last_ms: float = 0.0
    median_ms: float = 0.0
    count: int = 0


@dataclass(frozen=True, slots=True)
class LiveState:
    """The arm at the controls as it is now.

    `scene` is what the backend's `render` draws, in another process: here it would hold up the arm.
    """

    time_ns: int
    phase: str
    """training, evaluation, recording, steering or live"""
    episode_id: str
    step: int
    mode: str
    """autonomous, paused or correcting"""
    holder: Driver | None
    policy_version: int
    joint_rad: tuple[float, ...]
    tool_m: tuple[float, ...]
    gripper: float | None
    """opening in [0, 1]"""
    observation: tuple[float, ...]
    scene: tuple[float, ...]
    latency: Latency = Latency()
    overruns: int = 0
    """steps that were later than real time asks for"""
    kept: int = 0
    """demonstrations kept so far, in the phase recording; episodes, live"""


def mode_name(mode: ControlMode) -> str:
    """The mode as messages name it."""
    return mode.name.lower()


def encode_command(command: Command) -> bytes:
    """One line, newline included."""
    said: dict[str, Any] = {"do": str(command.do), **asdict(command.driver)}
    if command.sent_ns:
        said["sent_ns"] = command.sent_ns
    if command.do is Do.MOVE:
        said |= {"action": list(command.action), "steps": command.steps}
    if command.do is Do.TAKE and command.over:
        said["over"] = True
    if command.do is Do.MARK:
        said["success"] = command.success
    return json.dumps(said).encode() + b"\n"


def decode_command(line: bytes) -> Command:
    """Read what `encode_command` wrote; unknown keys are let pass.

    Raises:
        DataError: not a command; the message says what is wrong with it.
    """
    said = _object(line)
    try:
        do = Do(str(said.get("do")))
    except ValueError:
        raise DataError(f"'do' is {said.get('do')!r}; known: {', '.join(Do)}") from None
    driver = Driver(_name(said, "person", "operator"), _name(said, "source", "unknown"))
    return Command(
        do,
        driver,
        _whole(said, "sent_ns", 2**63 - 1),
        _action(said) if do is Do.MOVE else (),
        _whole(said, "steps", MOST_STEPS),
        _flag(said, "over"),
        _flag(said, "success"),
    )


def encode_event(kind: str, **fields: Any) -> bytes:
    """One line from the run: `{"is": kind, ...}`."""
    return json.dumps({"is": kind, **fields}, allow_nan=False).encode() + b"\n"


def encode_state(state: LiveState) -> bytes:
    """The state as a line; what is not finite becomes null."""
    return json.dumps(_finite({"is": "state", **asdict(state)}), allow_nan=False).encode() + b"\n"


def decode_event(line: bytes) -> Mapping[str, Any]:
    """A line from the run as its fields; "is" says what it is.

    Raises:
        DataError: not one.
    """
    said = _object(line)
    if not isinstance(said.get("is"), str):
        raise DataError(f"a line from the run without 'is': {line[:80]!r}")
    return said


class Lines:
    """Cuts a stream of bytes into lines.

    Raises:
        DataError: a line grows beyond the limit; nothing after it can be trusted.
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE or any(len(line) > LONGEST_LINE for line in lines):
            raise DataError(f"a line of more than {LONGEST_LINE} bytes on a control socket")
        return [line for line in lines if line.strip()]


def _object(line: bytes) -> dict[str, Any]:
    try:
        said = json.loads(line)
    # A deep nest of brackets exhausts the parser's stack.
    except (ValueError, RecursionError) as error:
        raise DataError(f"not a line of JSON: {error}") from None
    if not isinstance(said, dict):
        raise DataError(f"a JSON object was expected, not {type(said).__name__}")
    return said


def _name(said: Mapping[str, Any], key: str, otherwise: str) -> str:
    name = said.get(key, otherwise)
    if not isinstance(name, str) or not 0 < len(name) <= _NAME_LENGTH or not name.isprintable():
        raise DataError(f"{key!r} must be 1 to {_NAME_LENGTH} printable characters")
    return name


def _whole(said: Mapping[str, Any], key: str, most: int) -> int:
    number = said.get(key, 0)
    if type(number) is not int or not 0 <= number <= most:
        raise DataError(f"{key!r} must be a whole number from 0 to {most}, not {number!r}")
    return number


def _flag(said: Mapping[str, Any], key: str) -> bool:
    flag = said.get(key, False)
    if not isinstance(flag, bool):
        raise DataError(f"{key!r} must be true or false, not {flag!r}")
    return flag


def _action(said: Mapping[str, Any]) -> tuple[float, ...]:
    values = said.get("action")
    if not isinstance(values, list) or not values or len(values) > 64:
        raise DataError("'action' must be a list of numbers, one an element of the run's action")
    numbers = []
    for value in values:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise DataError(f"'action' holds {value!r}, which is no number")
        # A whole number may be too large for a float.
        number = float(value) if abs(value) < 1e30 else math.nan
        if not math.isfinite(number):
            raise DataError("'action' holds a number that is not finite, or too large to mean it")
        numbers.append(number)
    return tuple(numbers)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
