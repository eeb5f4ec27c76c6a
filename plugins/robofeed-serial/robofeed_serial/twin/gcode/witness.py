"""The twin of an arm that takes G-code, as the witness of the conformance kit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy as np

from robofeed.testing.witness import Sight
from robofeed_serial.gcode.arm_file import GcodeArmFile
from robofeed_serial.gcode.coordinates import coordinates_of
from robofeed_serial.twin.gcode.build import axes_of
from robofeed_serial.twin.process import Twin

HARMLESS = ("drop:share=0.05", "corrupt:share=0.05", "late", "duplicate:share=0.05")
FATAL = ("drop", "unplug")


class MachineWitness:
    """See `robofeed.testing.witness.Witness`. Its motors are those of the arm's axes."""

    harmless: Sequence[str] = HARMLESS
    fatal: Sequence[str] = FATAL

    def __init__(self, twin: Twin, arm: GcodeArmFile) -> None:
        self._twin = twin
        self._axes = axes_of(arm.name)
        self._coordinates = coordinates_of(arm)
        self._first = 0
        self._start: Sight | None = None

    def forget(self) -> None:
        entries = self._twin.log(self._first)
        places = [each for each in entries if each.ticks]
        if places:
            self._start = self._sight(places[-1].time_ns, places[-1].ticks)
        if entries:
            self._first = entries[-1].number + 1

    def goals(self) -> Sequence[Sight]:
        entries = [each for each in self._twin.log(self._first) if each.what == "goal"]
        found = []
        for time_ns, group in groupby(entries, key=lambda each: each.time_ns):
            place = {each.servo_id or 0: each.value or 0 for each in group}
            found.append(self._sight(time_ns, place))
        return found

    def places(self) -> Sequence[Sight]:
        seen = [self._sight(e.time_ns, e.ticks) for e in self._twin.log(self._first) if e.ticks]
        return seen if self._start is None else [self._start, *seen]

    def switched_on(self) -> Sequence[tuple[float, int]]:
        return [
            (each.time_ns / 1e9, each.servo_id - 1)
            for each in self._twin.log(self._first)
            if each.what == "torque" and each.value and each.servo_id
        ]

    def fault(self, name: str) -> None:
        self._twin.fault(name)

    def mend(self) -> None:
        self._twin.mend()

    def _sight(self, time_ns: int, thousandths: Mapping[int, int]) -> Sight:
        place = {axis: thousandths[number] / 1000 for number, axis in enumerate(self._axes, 1)}
        return Sight(time_ns / 1e9, np.array(self._coordinates.joint_rad(place), np.float32))
