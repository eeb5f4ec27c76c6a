"""The controls of a run: its socket, who is at the helm, and what they did put into the ledger."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from robofeed.act.attendant import Attendant
from robofeed.act.control_channel import ControlChannel
from robofeed.act.helm import LIVE, Helm
from robofeed.act.on_the_way import OnTheWay
from robofeed.act.recording import Recorded
from robofeed.act.visit import Visit
from robofeed.act.watched import Watched
from robofeed.config import Control
from robofeed.data.episode import Segment
from robofeed.data.errors import SafetyStop
from robofeed.data.feedback import Correction, Feedback, Outcome, Stamp, Stop
from robofeed.data.fleet import Fleet
from robofeed.data.intervention import Driver
from robofeed.data.ledger import Ledger
from robofeed.data.run_folder import RunFolder
from robofeed.data.spec import ArraySpec
from robofeed.events import Corrected, Event
from robofeed.observe.clock import FixedRate
from robofeed.stop_rules import Progress
from robofeed.training.recorder import Recorder


@dataclass(slots=True)
class Controls:
    """A helm, the socket through which people reach it, and who answers there between steps."""

    channel: ControlChannel
    helm: Helm
    attendant: Attendant
    on_the_way: OnTheWay | None
    """of a real arm"""

    def close(self) -> None:
        """Cut everybody off. Idempotent."""
        self.attendant.close()
        self.channel.close()


def open_controls(
    control: Control, folder: RunFolder, fleet: Fleet, ledger: Ledger, phase: str = "training"
) -> Controls | None:
    """Open the run's control socket; None where the run file says so, or nothing can be steered.

    Raises:
        DataError: another process runs this folder, or the socket cannot be made.
    """
    if not control.socket or not isinstance(fleet.spec.action, ArraySpec):
        return None
    channel = ControlChannel(folder.path, fleet.spec)
    corrector = Watched(channel) if phase == LIVE else channel
    helm = Helm(fleet, corrector, FixedRate(fleet.spec.period_s), channel, phase)
    helm.on_touch = folder.note_steered
    helm.on_stop = lambda by, episode_id: ledger.append(Stop(_stamp(by), episode_id))
    helm.stop_asked = channel.asked_to_stop
    on_the_way = None
    if not fleet.spec.simulated:
        on_the_way = OnTheWay(channel, fleet.stop if phase == LIVE else None)
        helm.on_the_way = on_the_way
    channel.stop_arms = fleet.stop
    return Controls(channel, helm, Attendant(channel), on_the_way)


class CorrectionBook:
    """Records training episodes, and in the ledger what a person did in them.

    An episode that was discarded is kept on disk; nobody is asked about it and nothing a person
    did in it becomes a record.
    """

    def __init__(
        self,
        helm: Helm,
        recorder: Recorder,
        ledger: Ledger,
        progress: Progress,
        tell: Callable[[Event], None],
    ) -> None:
        self._helm, self._recorder, self._ledger = helm, recorder, ledger
        self._progress, self._tell = progress, tell

    def record(self, recorded: Recorded) -> None:
        """Take one training episode, as `Recorder.record` does.

        Raises:
            SafetyStop: a person stopped the arms, or an action was refused.
        """
        visit = self._helm.visit
        if visit.episode_id != recorded.episode.id:
            self._recorder.record(recorded)
        elif visit.discarded:
            self._recorder.leave_out(recorded)
        else:
            try:
                self._recorder.record(recorded)
            except SafetyStop:
                self._note(visit)
                raise
            self._note(visit)

    def _note(self, visit: Visit) -> None:
        records = records_of(visit)
        if records:
            # A record never speaks of an episode that a power cut could still take.
            self._recorder.flush()
        for record in records:
            self._ledger.append(record)
        if visit.stretches:
            self._tell(
                Corrected(
                    self._progress.wall_s,
                    self._progress.steps,
                    episode_id=visit.episode_id,
                    people=tuple(sorted({each.driver.person for each in visit.stretches})),
                    corrected_steps=sum(each.stop - each.start for each in visit.stretches),
                    latencies_ms=tuple(round(each, 2) for each in visit.latencies_ms),
                    overruns=visit.overruns,
                )
            )


def records_of(visit: Visit) -> list[Feedback]:
    """What people did in an episode, as records for the ledger."""
    records: list[Feedback] = [
        Correction(_stamp(each.driver), Segment(visit.episode_id, each.start, each.stop))
        for each in visit.stretches
    ]
    if visit.mark is not None and visit.ended_by is not None:
        records.append(Outcome(_stamp(visit.ended_by), visit.episode_id, visit.mark.success))
    return records


def _stamp(driver: Driver) -> Stamp:
    return Stamp(str(uuid.uuid4()), driver.person, driver.source, answered_at_ns=time.time_ns())
