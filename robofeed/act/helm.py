"""A person at the helm of one arm of a fleet, while the policy moves the others.

The person is asked inside the step. While somebody holds the controls a simulator runs at real
time; otherwise as fast as it can. While that arm is paused, simulated time stands still: a pause
costs no steps. A real arm holds, step by step. A recording waits while nobody holds them; that of
a real arm only before its first step, after which time waits for nobody.
"""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from robofeed.act.handover import Handover
from robofeed.act.recording import Steered
from robofeed.act.visit import Visit
from robofeed.data.control_messages import Latency, LiveState, mode_name
from robofeed.data.errors import ConfigError, SafetyStop
from robofeed.data.fleet import Fleet
from robofeed.data.intervention import (
    Discard,
    Driver,
    Intervention,
    Mark,
    NoObjection,
    StopRequest,
    Take,
)
from robofeed.data.observation import ControlMode, Ended, Observation
from robofeed.data.spec import ArraySpec, FloatArray
from robofeed.interfaces import Corrector

ROW = 0
"""The arm that can be steered."""
_MANNED = ("recording", "steering")
"""Phases in which no policy would move the arm: it waits for somebody to take the controls."""
LIVE = "live"
"""Phase in which a policy moves the arm under somebody's eyes (`Watched`), and only then."""
_LATENCIES = 1_000
"""Kept for the median."""


class Rate(Protocol):
    """Real time: `robofeed.observe.clock.FixedRate`."""

    overruns: int

    @property
    def running(self) -> bool:
        """Whether it ticks."""

    def start(self) -> None:
        """Tick from now on."""

    def stop(self) -> None:
        """Tick no more."""

    def wait(self) -> None:
        """Return at the next tick."""


class Audience(Protocol):
    """Those who watch."""

    def wants_state(self) -> bool:
        """Whether anybody is there for whom a new state is due."""

    def show(self, state: LiveState) -> None:
        """Tell them."""


class Helm:
    """Lets one person steer arm 0 of `fleet`.

    Call `begin` at the start of its episode; each step `steer` before the arms are sent and
    `stepped` when they have moved. `visit` holds what people did in the episode.

    Raises:
        ConfigError: an arm with discrete actions, which a person cannot steer by degrees.
    """

    def __init__(
        self,
        fleet: Fleet,
        corrector: Corrector,
        rate: Rate,
        audience: Audience | None = None,
        phase: str = "training",
    ) -> None:
        if not isinstance(fleet.spec.action, ArraySpec):
            raise ConfigError("an arm with discrete actions cannot be steered")
        self._fleet, self._corrector, self._rate = fleet, corrector, rate
        self._audience = audience
        self._handover = Handover(fleet.spec.action)
        self._own_phase = self._phase = phase
        if phase == LIVE:
            self._handover.mode = ControlMode.PAUSED
        self._waits_when_paused = fleet.spec.simulated
        self._hands_off = False
        self._step = self._overruns_before = 0
        self._version = -1
        self._obeying_ns = self._obeyed_ns = 0
        self._latencies_ms: deque[float] = deque(maxlen=_LATENCIES)
        self.visit = Visit("")
        self.kept = 0
        """demonstrations kept so far, or episodes, for those who watch"""
        self.on_touch: Callable[[], object] = lambda: None
        """told when a person first has a hand in the run: from then on it cannot repeat itself"""
        self._touched = False
        self.looked_again = False
        """whether the last `steer` waited so long that the arm was observed anew"""
        self.on_stop: Callable[[Driver, str], object] = lambda by, episode_id: None
        """told of a stop once the arms have been"""
        self.on_the_way: Callable[[], AbstractContextManager[object]] = nullcontext
        """open while the arms go to where an episode starts"""
        self.stop_asked: Callable[[], Driver | None] = lambda: None
        """who asked to stop at a time at which no step was made, once"""
        self.interrupted: Callable[[], bool] = lambda: False
        """whether to wait for nobody any more, because the run is to end"""

    @property
    def mode(self) -> ControlMode:
        """Who is in control."""
        return self._handover.mode

    @property
    def driver(self) -> Driver | None:
        """Who holds the controls."""
        return self._corrector.driver

    def await_start(self) -> bool:
        """Call before the arms go to where an episode starts; False where the run is to end first.

        A real arm that is paused does not go there by itself: whoever paused it may have a hand in
        its way.

        Raises:
            SafetyStop: somebody stopped them; they stay where they are.
        """
        self.check_stop()
        self.visit, self._step = Visit(""), 0
        self._hands_off = False  # else nothing would keep the time of a pause
        if self._own_phase == LIVE and not self._waits_when_paused:
            self.overhear()  # who watched may have left with the last step
        while self.mode is ControlMode.PAUSED and not self._waits_when_paused:
            if self.interrupted():
                return False
            self.overhear()
            if self.visit.stopped_by is not None:
                raise self._stopped(self.visit.stopped_by)
        return True

    def check_stop(self) -> None:
        """Call when the arms were kept from going to where an episode starts.

        Raises:
            SafetyStop: somebody stopped them since the last step; they stay where they are.
        """
        by = self.stop_asked()
        if by is None:
            return
        self._fleet.stop()
        self.visit.stopped_by = by
        self.on_stop(by, "")
        raise self._stopped(by)

    def begin(self, episode_id: str, hands_off: bool = False) -> None:
        """An episode begins. With `hands_off` people may watch it and stop it, no more."""
        self._hands_off = hands_off
        self._phase = "evaluation" if hands_off else self._own_phase
        self._step = 0
        self._overruns_before = self._rate.overruns
        self.visit = Visit(episode_id)

    def steer(self, policy_version: int) -> Steered | None:
        """Ask the person about the row's proposed action and put theirs in its place.

        Waits for the tick while somebody holds the controls, and as long as a simulator is paused.
        None where the policy has the arm to itself.
        """
        self._version = policy_version
        self.looked_again = False
        row = self._fleet.table.proposed[ROW]
        proposed: FloatArray = row.copy()
        if self._own_phase in _MANNED and not self._manned():
            return None
        if self._breaks_off():
            return None
        said = self._ask(proposed)
        if self._hands_off:
            self._bear_in_mind(said)
            return None
        if self._handover.at_rest and isinstance(said, NoObjection):
            return None
        decision = self._handover.decide(said, proposed, self._holding())
        while (
            decision.mode is ControlMode.PAUSED
            and self._waits_when_paused
            and not self.visit.over
            and not self.visit.stopped_by
            and not self.interrupted()
        ):
            said = self._ask(proposed)
            decision = self._handover.decide(said, proposed, self._holding())
        if self._breaks_off() or self.visit.over:
            return None  # this step is not made
        row[:] = decision.action
        driver = self._corrector.driver
        if decision.mode is ControlMode.CORRECTING and driver is not None:
            self.visit.steered(self._step, driver)
        if isinstance(said, Take) and said.acted_ns != self._obeyed_ns:
            self._obeying_ns = self._obeyed_ns = said.acted_ns
        return Steered(decision.mode, proposed, decision.correction)

    def overhear(self) -> None:
        """Ask in a step in which the row rests while others move."""
        self._bear_in_mind(self._ask(self._fleet.table.proposed[ROW]))

    def stepped(self) -> None:
        """The arms have moved."""
        self._step += 1
        if self._fleet.table.ended[ROW] == Ended.FAULT and self.visit.stopped_by is None:
            self._note_stop(self.stop_asked())
        if self._obeying_ns:
            late_ms = (time.monotonic_ns() - self._obeying_ns) / 1e6
            self._obeying_ns = 0
            self._latencies_ms.append(late_ms)
            self.visit.latencies_ms.append(late_ms)
        self.visit.overruns = self._rate.overruns - self._overruns_before

    def _stopped(self, by: Driver) -> SafetyStop:
        further = "start the command again"
        if self._own_phase == "training":
            further = "`robofeed resume RUN` goes on from the last checkpoint"
        return SafetyStop(
            f"STOPPED by {by.person} ({by.source}) between two episodes: nothing moves. Look at "
            f"the arm; {further}"
        )

    def _note_stop(self, by: Driver | None) -> None:
        """Somebody stopped the arms while they moved, heard by another thread than the loop's."""
        if by is not None:
            self.visit.stopped_by = by
            self.on_stop(by, self.visit.episode_id)

    def _manned(self) -> bool:
        """Wait until somebody holds the controls; False where the episode is over before that."""
        in_motion = self._step > 0 and not self._waits_when_paused
        waited = False
        while not self.interrupted():
            if self._corrector.driver is not None or in_motion:
                if waited:
                    self._fleet.look([ROW])
                    self.looked_again = True
                return True
            waited = True
            self._rate.wait()
            self._ask(self._fleet.table.proposed[ROW])
            if self.visit.stopped_by is not None:
                return False
        self.visit.cut_short = True
        return False

    def _breaks_off(self) -> bool:
        """Live, an episode is broken off where the session is to end: nobody resumes it."""
        if self._own_phase == LIVE and self.interrupted():
            self.visit.cut_short = True
        return self.visit.cut_short

    def _ask(self, proposed: FloatArray) -> Intervention:
        self._keep_time()
        table = self._fleet.table
        said = self._corrector.poll(
            Observation(int(table.time_ns[ROW]), table.state[ROW], Ended(table.ended[ROW])),
            proposed,
        )
        if not self._touched and not isinstance(said, NoObjection):
            self._touched = True
            self.on_touch()
        if isinstance(said, StopRequest):
            # The arms first.
            self._fleet.stop()
            self.visit.stopped_by = said.by
            self.on_stop(said.by, self.visit.episode_id)
        elif isinstance(said, (Mark, Discard)):
            said = self._end_episode(said)
        if self._audience is not None and self._audience.wants_state():
            self._audience.show(self._state())
        return said

    def _end_episode(self, said: Mark | Discard) -> Intervention:
        # Before its first step there is nothing to judge, and an evaluation is not theirs.
        if self._step == 0 or self._hands_off:
            return NoObjection()
        self.visit.ended_by = self._corrector.driver
        if isinstance(said, Mark):
            self.visit.mark = said
        else:
            self.visit.discarded = True
        return said

    def _bear_in_mind(self, said: Intervention) -> None:
        """Whoever pauses or takes over now has the arm from its next episode on."""
        nothing = self._fleet.table.proposed[ROW]
        self._handover.decide(said, nothing, nothing)

    def _keep_time(self) -> None:
        manned = self._corrector.driver is not None or self.mode is ControlMode.PAUSED
        if not manned or self._hands_off:
            self._rate.stop()
        elif self._rate.running:
            self._rate.wait()
        else:
            self._rate.start()

    def _holding(self) -> FloatArray:
        self._fleet.locate([ROW])
        holding: FloatArray = self._fleet.table.holding[ROW].copy()
        return holding

    def _state(self) -> LiveState:
        table = self._fleet.table
        self._fleet.locate([ROW])
        gripper = float(table.gripper[ROW])
        recent = self._latencies_ms
        latency = (
            Latency(recent[-1], statistics.median(recent), len(recent)) if recent else Latency()
        )
        return LiveState(
            time_ns=int(table.time_ns[ROW]),
            phase=self._phase,
            episode_id=self.visit.episode_id,
            step=self._step,
            mode=mode_name(self.mode),
            holder=self._corrector.driver,
            policy_version=self._version,
            joint_rad=tuple(table.joint_rad[ROW].tolist()),
            tool_m=tuple(table.tool_m[ROW].tolist()),
            gripper=gripper if gripper == gripper else None,
            observation=tuple(table.state[ROW].tolist()),
            scene=tuple(table.scene[ROW].tolist()),
            latency=latency,
            overruns=self._rate.overruns,
            kept=self.kept,
        )
