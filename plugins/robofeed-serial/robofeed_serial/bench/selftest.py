"""A self-test of an arm: listens, holds still, turns each joint a little, and writes a report."""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from robofeed import HardwareError, SafetyStop
from robofeed_serial.arms.description import ArmDescription
from robofeed_serial.body.arm_body import ArmBody
from robofeed_serial.supervision.client import SupervisorClient
from robofeed_serial.supervision.messages import Report, Request

SPEED_SHARE = 0.1
"""of the arm's limits, throughout"""
TURN_RAD = 0.1
"""each joint goes so far and back"""
LISTEN_S = 3.0
STILL_S = 2.0
STILL_RAD = 0.02
"""an arm that holds still moves less"""
OFF_RAD = 0.06
"""a joint that ends further from its goal fails"""
SETTLE_S = 0.5
GO_S = 15.0
"""Many times what a turn takes at a tenth of any joint's speed."""
MOVED_RAD = 0.05
"""An arm that lies limp may have been moved by so much while a person read what it will do."""
PERIOD_S = 0.02
CYCLE_S = 0.01
"""of a supervisor, where its line is fast enough"""


@dataclass(slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    passed: bool
    figure: str


@dataclass(slots=True)
class SelfTest:
    """The test of one arm through its supervisor, whose speed limits are `SPEED_SHARE`."""

    arm: ArmDescription
    client: SupervisorClient
    tell: Callable[[str], object]
    findings: list[Finding] = field(default_factory=list)
    engaged: bool = False
    """whether the torque was switched on"""
    _in_the_way: str = ""

    def listen(self) -> Report:
        """Torque as it is: whether everybody answers all the time."""
        first = self.client.report()
        began_s = time.monotonic()
        oldest_ms = 0.0
        while time.monotonic() < began_s + LISTEN_S:
            report = self.client.report()
            oldest_ms = max(oldest_ms, (time.monotonic_ns() - report.time_ns) / 1e6)
            time.sleep(PERIOD_S)
        cycles = report.cycles - first.cycles
        rate = cycles / (time.monotonic() - began_s)
        late = report.late_cycles - first.late_cycles
        self._note("listening", oldest_ms < 100, f"oldest answer {oldest_ms:.0f} ms")
        possible = 1.0 / max(CYCLE_S, self.arm.least_cycle_s)
        self._note("cycles", rate > 0.5 * possible, f"{rate:.0f} a second, {late} of {cycles} late")
        return report

    def hold_still(self, announced_rad: Sequence[float]) -> Report:
        """Torque on where it is: whether it stays there.

        Raises:
            SafetyStop: it does not lie where it did when its ways were announced.
        """
        report = self.client.request(Request.ENGAGE)
        self.engaged = True
        start = list(report.rad)
        if max(abs(a - b) for a, b in zip(start, announced_rad, strict=True)) > MOVED_RAD:
            raise SafetyStop(
                "the arm was moved since its ways were worked out: it holds, start the self-test "
                "again"
            )
        began_s = time.monotonic()
        worst = 0.0
        while time.monotonic() < began_s + STILL_S:
            report = self._healthy()
            worst = max(worst, *(abs(a - b) for a, b in zip(report.rad, start, strict=True)))
            time.sleep(PERIOD_S)
        self._note("holding still", worst < STILL_RAD, f"moved {math.degrees(worst):.2f} degrees")
        return report

    def turn_each(self, ways: Sequence[float]) -> None:
        """Each joint `ways[i]` rad and back, the others where they are."""
        for number, (name, way) in enumerate(zip(self.arm.actuators, ways, strict=True)):
            start = list(self.client.report().commanded_rad)
            there = list(start)
            there[number] += way
            self._in_the_way = ""
            reached = self._go(there)
            off = abs(reached[number] - there[number])
            moved = reached[number] - start[number]
            back_off = abs(self._go(start)[number] - start[number])
            self._note(
                f"turning {name}",
                off < OFF_RAD and back_off < OFF_RAD and moved * way > 0,
                f"{math.degrees(way):+.1f} degrees asked, {math.degrees(moved):+.1f} made; "
                f"back within {math.degrees(back_off):.1f}"
                + (f"; kept from it: {self._in_the_way}" if self._in_the_way else ""),
            )
        self.client.rest()

    def break_off(self, why: str) -> None:
        """It ends here: what keeps it from going on is found as well."""
        self._note("the self-test itself", False, why)

    @property
    def passed(self) -> bool:
        """Whether everything was as it should."""
        return all(each.passed for each in self.findings)

    def text(self, port: str, when: str) -> str:
        """The report, Markdown, to be posted as it is."""
        rows = [
            f"| {each.what} | {'ok' if each.passed else 'FAILED'} | {each.figure} |"
            for each in self.findings
        ]
        return "\n".join(
            [
                f"# Self-test of {self.arm.name}, {when}",
                "",
                f"{self.arm.summary}; {port}; {platform.system()} {platform.machine()}, "
                f"Python {platform.python_version()}; at {SPEED_SHARE:.0%} of its speed limits.",
                "",
                "| what | result | figures |",
                "|---|---|---|",
                *rows,
                "",
                f"**{'passed' if self.passed else 'FAILED'}**",
                "",
            ]
        )

    def _go(self, goal: Sequence[float]) -> Sequence[float]:
        """Order a goal until it is commanded, let it settle, and return where the arm is.

        What keeps a joint from it (a link too near another, say) is no reason to press on for ever.
        """
        settled_s = 0.0
        end_s = time.monotonic() + GO_S
        while settled_s < SETTLE_S and time.monotonic() < end_s:
            self.client.order(goal)
            time.sleep(PERIOD_S)
            report = self._healthy()
            self._in_the_way = report.in_the_way or self._in_the_way
            arrived = all(
                abs(a - b) < 0.005 for a, b in zip(report.commanded_rad, goal, strict=True)
            )
            settled_s = settled_s + PERIOD_S if arrived else 0.0
        self.client.rest()
        return report.rad

    def _healthy(self) -> Report:
        report = self.client.report()
        if report.latched:
            raise SafetyStop(f"the self-test ended: the arm holds: {report.reason}")
        return report

    def _note(self, what: str, passed: bool, figure: str) -> None:
        self.findings.append(Finding(what, passed, figure))
        self.tell(f"  {'ok    ' if passed else 'FAILED'} {what}: {figure}")


def ways_from(rad: Sequence[float], low: Sequence[float], high: Sequence[float]) -> list[float]:
    """For each servo the way, +/- `TURN_RAD`, that leads away from its nearer end."""
    return [
        TURN_RAD if here < (least + most) / 2 else -TURN_RAD
        for here, least, most in zip(rad, low, high, strict=True)
    ]


def ways_with_room(
    body: ArmBody,
    names: Sequence[str],
    rad: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
) -> list[float]:
    """The ways of `ways_from`, or the opposite one of a joint whose links have room only there.

    Both to the turn's end and back: links that are too near each other where an arm lies folded may
    move apart, but not come back.

    Raises:
        HardwareError: a joint has room neither way.
    """
    found = []
    for number, way in enumerate(ways_from(rad, low, high)):
        ways = [each for each in (way, -way) if low[number] <= rad[number] + each <= high[number]]
        pairs = {each: _too_near(body, rad, number, each) for each in ways or [way]}
        free = [each for each, pair in pairs.items() if pair is None]
        if not free:
            links = " and ".join(next(pair for pair in pairs.values() if pair is not None))
            raise HardwareError(
                f"where the arm lies {names[number]} cannot turn and come back: {links} are too "
                "near each other. Nothing has moved. Bring it to where it has room, near its home "
                "pose (the tool points down): prop it up there, or lift it with robofeed arm teleop"
            )
        found.append(free[0])
    return found


def _too_near(
    body: ArmBody, rad: Sequence[float], number: int, way: float
) -> tuple[str, str] | None:
    here, there = list(rad), list(rad)
    there[number] += way
    return body.first_free([there, here])[1] or body.first_free([here, there])[1]
