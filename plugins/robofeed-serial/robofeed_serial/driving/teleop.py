"""Driving an arm by keys or by a leader arm, behind the same gates as a policy."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from robofeed import Guarded, HardwareError, Observation, SafetyStop
from robofeed.data.observation import Ended, Executed, Gate
from robofeed.data.spec import FloatArray
from robofeed_serial.driving.driver import SerialArm
from robofeed_serial.driving.leader import LeaderLost
from robofeed_serial.supervision import asleep
from robofeed_serial.supervision.trouble import SLEPT_S

_LIMITED = {
    Gate.JOINT_LIMIT: "end of a joint's range",
    Gate.WORKSPACE: "edge of the workspace",
    Gate.IK_RESIDUAL: "out of reach",
    Gate.TOOL_SPEED: "tool speed limit",
    Gate.JOINT_SPEED: "joint speed limit",
}
_STOPPED = "stopped by hand"
_SOON_S = 0.1
"""The port's owner, who knows each servo, says after a cycle or two what it holds for."""
_SLEPT = "the computer slept or stood still: look at the arm"


class Typed(Protocol):
    """Where keys come from: `Keys`."""

    before_suspension: Callable[[], object]

    def pressed(self) -> list[str]:
        """The keys since the last time. Raises TerminalGone."""


class Screen(Protocol):
    """Where a person looks: `StatusLine`."""

    def show(self, text: str) -> None:
        """How things are now."""

    def say(self, text: str) -> None:
        """Something that stays to be read."""


class Pilot(Protocol):
    """Says what the arm is to do."""

    @property
    def help(self) -> Sequence[str]:
        """Lines about its keys."""

    @property
    def note(self) -> str:
        """How things stand, in a few words."""

    def restart(self) -> None:
        """The arm was held and may move again; what was asked for before counts no more."""

    def action(self, keys: Sequence[str], now_s: float) -> FloatArray:
        """The action for the keys pressed since the last one. Raises LeaderLost."""

    def sent(self) -> None:
        """The action has gone out."""


class Drive:
    """One arm, one pilot, one terminal. Nothing moves until the pilot asks for it.

    Args:
        arm: Not yet open.
        keys: What a person presses.
        pilot: Says what to do.
        screen: Where how things are is shown, at every period.
        asleep_ns: How long the computer has slept so far.
    """

    def __init__(
        self,
        arm: SerialArm,
        keys: Typed,
        pilot: Pilot,
        screen: Screen,
        asleep_ns: Callable[[], int] = asleep.asleep_ns,
    ) -> None:
        self._asleep_ns = asleep_ns
        self._awake_ns: int | None = None
        """by a clock that goes on while the computer sleeps, when it was last known not to"""
        self._arm, self._keys, self._pilot, self._screen = arm, keys, pilot, screen
        self._guarded = Guarded(arm)
        self._held = ""
        """why the arm holds until Enter; "" while it may move"""
        self._limited = ""

    def run(self) -> None:
        """Drive until q, or until the arm's link fails. The arm holds afterwards.

        Raises:
            HardwareError: the link failed.
            TerminalGone: nobody is there any more to press a key.
        """
        guarded, arm = self._guarded, self._arm
        self._keys.before_suspension = guarded.stop
        guarded.open()
        try:
            observation = guarded.reset()
            self._pilot.restart()
            due_s = time.monotonic()
            while True:
                keys = self._keys.pressed()
                if "q" in keys:
                    return
                observation = self._step(keys, observation)
                due_s += arm.spec.period_s
                time.sleep(max(0.0, due_s - time.monotonic()))
                due_s = max(due_s, time.monotonic() - arm.spec.period_s)
                observation = guarded.observe()
                if arm.is_lost:
                    raise HardwareError(observation.reason)
                self._notice(observation)
                self._screen.show(self._line())
        except SafetyStop as stop:
            raise HardwareError(f"{stop}") from stop
        finally:
            guarded.close()

    def _step(self, keys: Sequence[str], observation: Observation) -> Observation:
        if self._has_slept() and not self._held:
            # The port's owner notices too, but an action of this moment might come before.
            self._hold(_SLEPT)
        elif "space" in keys:
            self._hold(_STOPPED)
        elif self._held:
            return self._go_on() if "enter" in keys else observation
        elif observation.ended is Ended.TRUNCATED:
            return self._guarded.reset()
        elif observation.ended is Ended.RUNNING:
            try:
                action = self._pilot.action(keys, time.monotonic())
            except LeaderLost as lost:
                self._hold(str(lost))
                return observation
            executed = self._guarded.apply(action)
            self._pilot.sent()
            self._look_at(executed)
        return observation

    def _has_slept(self) -> bool:
        """Since it was asked last: whoever held the leader, or a key, may have gone."""
        now_ns = time.monotonic_ns() + self._asleep_ns()
        before_ns, self._awake_ns = self._awake_ns, now_ns
        return before_ns is not None and now_ns - before_ns > SLEPT_S * 1e9

    def _hold(self, why: str) -> None:
        self._guarded.stop()
        self._is_held(why)

    def _is_held(self, why: str) -> None:
        if why != self._held:
            self._screen.say(f"the arm holds: {why}")
        self._held = why

    def _go_on(self) -> Observation:
        """A person has seen why it holds. What still stands in the way is shown, and it holds."""
        guarded = self._guarded
        try:
            self._arm.acknowledge()
            guarded.acknowledge()
            self._pilot.restart()  # may take seconds: a stop meanwhile is one that `reset` heeds
            observation = guarded.reset()
        except (HardwareError, SafetyStop) as error:
            self._hold(str(error))
            return guarded.observe()
        self._held = self._limited = ""
        self._awake_ns = None  # all this may have taken long
        return observation

    def _notice(self, observation: Observation) -> None:
        """What others than the pilot have held the arm for: the supervisor, the gates, Ctrl-Z."""
        if self._held:
            return
        if observation.ended is Ended.FAULT:
            self._is_held(observation.reason or _STOPPED)
        elif self._guarded.latched:
            self._is_held(_STOPPED)

    def _look_at(self, executed: Executed) -> None:
        if executed.target is None and executed.gates & ~Gate.STOPPED:
            self._hold(self._why_refused(executed.gates))
        names = [words for gate, words in _LIMITED.items() if executed.gates & gate]
        self._limited = ", ".join(names)

    def _why_refused(self, gates: Gate) -> str:
        """An observation is as old as what the most silent servo told last: whose fault is that?"""
        end_s = time.monotonic() + _SOON_S
        while Gate.STALE in gates and time.monotonic() < end_s:
            report = self._arm.report()
            if report.latched and report.reason:
                return report.reason
            time.sleep(self._arm.spec.period_s)
        return (
            f"this program stood still for a moment ({gates.name}): what is asked for so late is "
            "not sent. Is the computer busy?"
        )

    def _line(self) -> str:
        x, y, z = self._arm.tool_m.tolist()
        place = f"tool {x:6.3f} {y:6.3f} {z:6.3f} m"
        if self._held:
            return f"{place}   HOLDS (enter: go on)"
        limited = f" [{self._limited}]" if self._limited else ""
        return f"{place}   {self._pilot.note}{limited}"
