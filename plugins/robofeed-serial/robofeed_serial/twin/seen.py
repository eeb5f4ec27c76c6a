"""What a witness of the conformance kit sees in any twin's log, and the faults it can set."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from robofeed.testing.witness import Sight
from robofeed_serial.twin.log import Entry
from robofeed_serial.twin.process import Twin

HARMLESS = ("drop:share=0.05", "corrupt:share=0.05", "late", "duplicate:share=0.05")


class SeenInLog(ABC):
    """What all twins' witnesses have in common. See `robofeed.testing.witness.Witness`."""

    def __init__(self, twin: Twin) -> None:
        self._twin = twin
        self._first = 0
        self._start: Sight | None = None

    @abstractmethod
    def _sight(self, time_ns: int, ticks: Mapping[int, int]) -> Sight:
        """Of the servos or axes in `ticks`, by number."""

    @property
    def harmless(self) -> Sequence[str]:
        return HARMLESS

    def forget(self) -> None:
        entries = self._entries()
        places = [each for each in entries if each.ticks]
        if places:
            self._start = self._sight(places[-1].time_ns, places[-1].ticks)
        if entries:
            self._first = entries[-1].number + 1

    def places(self) -> Sequence[Sight]:
        seen = [self._sight(e.time_ns, e.ticks) for e in self._entries() if e.ticks]
        return seen if self._start is None else [self._start, *seen]

    def fault(self, name: str) -> None:
        self._twin.fault(name)

    def mend(self) -> None:
        self._twin.mend()

    def _entries(self) -> list[Entry]:
        """Since the last `forget`."""
        return self._twin.log(self._first)
