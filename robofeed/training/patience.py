"""Training that does not run away from the people it asks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from robofeed.act.collector import RoundCollector
from robofeed.data.batch import StepBatch
from robofeed.stop_rules import Progress
from robofeed.training.conversation import Conversation, Silence

NAP_S = 0.1


@dataclass(slots=True)
class PatientCollector:
    """The loop's `Collector`: rounds, or naps while people are behind; the arms then hold still.

    Training that went on through minutes of thinking would spend its budget of steps on a reward
    that the answers are about to change, and people would be asked about behaviour long given up.
    """

    rounds: RoundCollector
    conversation: Conversation | Silence
    ahead_steps: int
    """how far training goes on beyond the step from which on people are waited for"""
    progress: Progress
    attended: Callable[[], bool] = lambda: False
    """whether somebody is at the controls: the arm is then theirs to move, answers or not"""
    busy: Callable[[str], AbstractContextManager[None]] = lambda doing: nullcontext()
    """tells those who watch why nothing moves"""
    nap: Callable[[float], None] = time.sleep
    interrupted: Callable[[], bool] = lambda: False
    """whether to begin nothing any more, because the run is to end at once"""
    _waiting: bool = False

    def round(self) -> Iterator[StepBatch]:
        """Transitions of a round, or none after a nap."""
        if self.interrupted():
            return
        since = self.conversation.waits_since()
        behind = since is not None and self.progress.steps >= since + self.ahead_steps
        if not behind or self.attended():
            self._waiting = False
            yield from self.rounds.round()
            return
        if not self._waiting:
            self._waiting = True
            self.conversation.say_waiting(self.progress)
        with self.busy("waiting for answers"):
            self.nap(NAP_S)
