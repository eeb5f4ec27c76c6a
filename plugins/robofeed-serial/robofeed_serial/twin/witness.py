"""A twin as the witness of the conformance kit: what reached its motors, and what it can break."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from robofeed.testing.witness import Sight
from robofeed_serial.arm_file import ArmFile
from robofeed_serial.calibration import nominal
from robofeed_serial.twin.log import Entry
from robofeed_serial.twin.process import Twin

HARMLESS = ("drop:share=0.05", "corrupt:share=0.05", "late", "duplicate:share=0.05")


class TwinWitness:
    """See `robofeed.testing.witness.Witness`."""

    def __init__(self, twin: Twin, arm: ArmFile) -> None:
        self._twin, self._arm = twin, arm
        self._joints = {
            joint.id: (number, scale)
            for number, (joint, scale) in enumerate(
                zip(arm.joints, nominal(arm).scales(arm), strict=False)
            )
        }
        self._first = 0
        self._start: Sight | None = None

    @property
    def harmless(self) -> Sequence[str]:
        return HARMLESS

    @property
    def fatal(self) -> Sequence[str]:
        if self._arm.protocol == "rfp":  # its servos are not on a bus: none can fall silent
            return ("unplug",)
        return (f"mute:servo_id={self._arm.joints[1].id}", "unplug")

    def forget(self) -> None:
        entries = self._twin.log(self._first)
        places = [each for each in entries if each.ticks]
        if places:
            self._start = self._sight(places[-1], places[-1].ticks)
        if entries:
            self._first = entries[-1].number + 1

    def goals(self) -> Sequence[Sight]:
        found = []
        for each in self._twin.log(self._first):
            if each.what == "goal" and each.servo_id is not None and each.value is not None:
                found.append(self._sight(each, {each.servo_id: each.value}))
        return found

    def places(self) -> Sequence[Sight]:
        seen = [self._sight(e, e.ticks) for e in self._twin.log(self._first) if e.ticks]
        return seen if self._start is None else [self._start, *seen]

    def switched_on(self) -> Sequence[tuple[float, int]]:
        return [
            (each.time_ns / 1e9, self._joints[each.servo_id][0])
            for each in self._twin.log(self._first)
            if each.what == "torque" and each.value and each.servo_id in self._joints
        ]

    def fault(self, name: str) -> None:
        self._twin.fault(name)

    def mend(self) -> None:
        self._twin.mend()

    def _sight(self, entry: Entry, ticks: Mapping[int, int]) -> Sight:
        rad = np.full(len(self._joints), math.nan, np.float32)
        for servo_id, value in ticks.items():
            if servo_id in self._joints:  # the gripper is no joint
                number, scale = self._joints[servo_id]
                rad[number] = scale.to_rad(value)
        return Sight(entry.time_ns / 1e9, rad)
