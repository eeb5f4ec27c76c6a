"""The twin of an arm that takes G-code, as the witness of the conformance kit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy as np

from robofeed.testing.witness import Sight
from robofeed_serial.arms.machine_file import GcodeArmFile
from robofeed_serial.gcode.coordinates import coordinates_of
from robofeed_serial.twin.gcode.build import axes_of
from robofeed_serial.twin.process import Twin
from robofeed_serial.twin.seen import SeenInLog

FATAL = ("drop", "unplug")


class MachineWitness(SeenInLog):
    """See `robofeed.testing.witness.Witness`. Its motors are those of the arm's axes."""

    fatal: Sequence[str] = FATAL

    def __init__(self, twin: Twin, arm: GcodeArmFile) -> None:
        super().__init__(twin)
        self._axes = axes_of(arm.name)
        self._coordinates = coordinates_of(arm)

    def goals(self) -> Sequence[Sight]:
        entries = [each for each in self._entries() if each.what == "goal"]
        found = []
        for time_ns, group in groupby(entries, key=lambda each: each.time_ns):
            place = {each.servo_id or 0: each.value or 0 for each in group}
            found.append(self._sight(time_ns, place))
        return found

    def switched_on(self) -> Sequence[tuple[float, int]]:
        return [
            (each.time_ns / 1e9, each.servo_id - 1)
            for each in self._entries()
            if each.what == "torque" and each.value and each.servo_id
        ]

    def _sight(self, time_ns: int, ticks: Mapping[int, int]) -> Sight:
        place = {axis: ticks[number] / 1000 for number, axis in enumerate(self._axes, 1)}
        return Sight(time_ns / 1e9, np.array(self._coordinates.joint_rad(place), np.float32))
