"""What happened to a twin and when, for tests to read: goals, torque, positions, faults."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

KEPT = 200_000
"""entries; the oldest are dropped"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened, at `time_ns` of the monotonic clock.

    `what` is "goal", "torque", "watchdog" or "reboot" of one servo with its `value`; "positions"
    with the ticks of all servos, or the thousandths of mm or degrees of a machine's axes; or
    "fault", "port" with a `text`.
    """

    number: int
    time_ns: int
    what: str
    servo_id: int | None = None
    value: int | None = None
    ticks: Mapping[int, int] = field(default_factory=dict)
    text: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values, those without meaning left out."""
        found = asdict(self)
        return {name: value for name, value in found.items() if value not in (None, "", {})}


def entry_from_json(data: Mapping[str, Any]) -> Entry:
    """The inverse of `Entry.to_json`; JSON's keys are text."""
    ticks = {int(servo): value for servo, value in data.get("ticks", {}).items()}
    return Entry(**{**data, "ticks": ticks})


class TwinLog:
    """Entries in the order they happened. `time_ns` is the time that the next one gets."""

    def __init__(self) -> None:
        self.time_ns = 0
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._count = 0
        self._last_ticks: dict[int, int] = {}

    def note(self, servo_id: int, what: str, value: int) -> None:
        """A goal, the torque, the watchdog or a reboot of one servo."""
        self._add(Entry(self._count, self.time_ns, what, servo_id, value))

    def say(self, what: str, text: str) -> None:
        """A fault, or the port's coming and going."""
        self._add(Entry(self._count, self.time_ns, what, text=text))

    def positions(self, ticks: dict[int, int]) -> None:
        """Where all servos are; equal positions are written once."""
        if ticks != self._last_ticks:
            self._last_ticks = ticks
            self._add(Entry(self._count, self.time_ns, "positions", ticks=ticks))

    def since(self, number: int = 0) -> list[Entry]:
        """The entries from `number` on that are still kept."""
        first = self._entries[0].number if self._entries else 0
        skipped = max(0, number - first)
        return [entry for index, entry in enumerate(self._entries) if index >= skipped]

    def _add(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._count += 1
