"""A twin as the witness of the conformance kit: what reached its motors, and what it can break."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from robofeed.testing.witness import Sight
from robofeed_serial.arms.arm_file import ArmFile
from robofeed_serial.arms.calibration import nominal
from robofeed_serial.twin.process import Twin
from robofeed_serial.twin.seen import SeenInLog


class TwinWitness(SeenInLog):
    """See `robofeed.testing.witness.Witness`."""

    def __init__(self, twin: Twin, arm: ArmFile) -> None:
        super().__init__(twin)
        self._arm = arm
        self._joints = {
            joint.id: (number, scale)
            for number, (joint, scale) in enumerate(
                zip(arm.joints, nominal(arm).scales(arm), strict=False)
            )
        }

    @property
    def fatal(self) -> Sequence[str]:
        if self._arm.protocol == "rfp":  # its servos are not on a bus: none can fall silent
            return ("unplug",)
        return (f"mute:servo_id={self._arm.joints[1].id}", "unplug")

    def goals(self) -> Sequence[Sight]:
        found = []
        for each in self._entries():
            if each.what == "goal" and each.servo_id is not None and each.value is not None:
                found.append(self._sight(each.time_ns, {each.servo_id: each.value}))
        return found

    def switched_on(self) -> Sequence[tuple[float, int]]:
        return [
            (each.time_ns / 1e9, self._joints[each.servo_id][0])
            for each in self._entries()
            if each.what == "torque" and each.value and each.servo_id in self._joints
        ]

    def _sight(self, time_ns: int, ticks: Mapping[int, int]) -> Sight:
        rad = np.full(len(self._joints), math.nan, np.float32)
        for servo_id, value in ticks.items():
            if servo_id in self._joints:  # the gripper is no joint
                number, scale = self._joints[servo_id]
                rad[number] = scale.to_rad(value)
        return Sight(time_ns / 1e9, rad)
