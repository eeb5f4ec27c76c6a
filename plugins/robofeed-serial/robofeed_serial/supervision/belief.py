"""One reading that cannot be is thrown away, two that agree are believed.

A frame may have a checksum of eight bits: one in 256 spoiled ones passes it. What a servo says is
where goals are allowed around, and where the arm would be held.
"""

from __future__ import annotations

from robofeed_serial.supervision.supervised_arm import ArmReading

SPOILED_RAD = 0.3
FASTEST_RAD_S = 15.0
"""faster than the servos of such arms turn, and than anybody turns them"""


class Belief:
    """Of the readings of one arm that acts, one after the other."""

    def __init__(self) -> None:
        self._doubted: ArmReading | None = None

    def of(self, reading: ArmReading, last: ArmReading | None) -> ArmReading:
        """`reading`, or `last` where no joint can have come from there so fast."""
        doubted, self._doubted = self._doubted, None
        if last is None or _follows(reading, last):
            return reading
        if doubted is not None and _follows(reading, doubted):
            return reading
        self._doubted = reading
        return last


def _follows(reading: ArmReading, last: ArmReading) -> bool:
    rows = zip(reading.rad, last.rad, reading.time_ns, last.time_ns, strict=True)
    return all(
        abs(now - before) <= SPOILED_RAD + FASTEST_RAD_S * (now_ns - before_ns) / 1e9
        for now, before, now_ns, before_ns in rows
    )
