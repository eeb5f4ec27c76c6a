"""A learner and a reward model in a process of their own, as the run sees them.

For arms that do not wait: see `learning_process`. `add` and `update` return at once, and what is
owed is done beside the arm's motion; everything else waits until it is done, while the arm rests.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import multiprocessing
from collections import deque
from collections.abc import Mapping, Sequence
from multiprocessing.shared_memory import SharedMemory
from typing import Any, Final, Literal

import numpy as np

from robofeed.act.policy_slot import PolicySlot
from robofeed.data.batch import ClipBatch, FitReport, Resolved, StepBatch
from robofeed.data.child_process import ERRORS, death
from robofeed.data.errors import HardwareError
from robofeed.data.needs import Needs
from robofeed.data.policy_spec import PolicySpec
from robofeed.data.spec import FloatArray
from robofeed.interfaces import RewardModel
from robofeed.training.learning_process import OWED, TAKEN, Hello, Recipe, work

_ON_THE_WAY: Final = 16
"""Messages that may lie in the pipe: it holds 64 KiB, and a full one would make the arm wait."""
_CLOSE_S: Final = 2.0
LONG_S = 60.0
"""A fit may take so long; an operator should hear of it each time it has gone by."""

_log = logging.getLogger(__name__)


class LearningProcess:
    """The process, and what is said to it.

    Raises:
        HardwareError: it died. Deliberate errors keep their kind.
    """

    def __init__(self, recipe: Recipe) -> None:
        context = multiprocessing.get_context("spawn")
        self._counts = context.RawArray(ctypes.c_longlong, 3)
        self._pipe, theirs = context.Pipe()
        self._worker = context.Process(
            target=work, args=(recipe, self._counts, theirs), name="learner", daemon=True
        )
        self._worker.start()
        theirs.close()
        self._unsent: deque[tuple[StepBatch, str]] = deque()
        self._sent = 0
        self._memory: SharedMemory | None = None
        try:
            self.hello: Hello = self._hear("starting")
            count = self.hello.policy.weight_count
            self._memory = SharedMemory(create=True, size=PolicySlot.nbytes(count))
            assert self._memory.buf is not None
            self.slot = PolicySlot(self._memory.buf, count)
            try:
                self.ask("open slot", self._memory.name, count)
            finally:
                # Both have it: without a name nothing is left behind, however the run ends.
                self._memory.unlink()
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int | None:
        """Of the process."""
        return self._worker.pid

    def add(self, steps: StepBatch, pool: str) -> None:
        """Hand transitions over; kept here while the other side is busy.

        That it died is said by the next `ask`, when the arm rests: what the arm is at now is
        carried through and recorded.
        """
        self._unsent.append((steps, pool))
        with contextlib.suppress(OSError):
            while self._unsent and self._sent - self._counts[TAKEN] < _ON_THE_WAY:
                self._send_steps()

    def owe(self, updates: int) -> None:
        """So many more updates are to be done."""
        self._counts[OWED] += updates

    def ask(self, name: str, *arguments: Any) -> Any:
        """Have something done, after all that is owed; returns the answer."""
        try:
            while self._unsent:
                self._send_steps()
            self._pipe.send((name, *arguments))
        except OSError:
            raise self._death() from None
        return self._hear(name)

    def close(self) -> None:
        """End the process. Idempotent."""
        self._pipe.close()
        self._worker.join(_CLOSE_S)
        if self._worker.is_alive():
            self._worker.kill()
            self._worker.join(1.0)
        if self._memory is not None:
            del self.slot
            self._memory.close()
            self._memory = None

    def _send_steps(self) -> None:
        self._pipe.send(("add", *self._unsent[0]))
        self._unsent.popleft()
        self._sent += 1

    def _hear(self, doing: str) -> Any:
        waited_s = 0.0
        while not self._pipe.poll(LONG_S):
            waited_s += LONG_S
            _log.warning(
                "the learner (process %s) has been at %r for %g s; the arm rests. If it hangs, "
                "Ctrl-C twice ends the run: what was recorded is on disk, `robofeed resume RUN` "
                "goes on",
                self.pid,
                doing,
                waited_s,
            )
        try:
            kind, value = self._pipe.recv()
        except (EOFError, ConnectionError):
            raise self._death() from None
        if kind != "done":
            told = value if kind in ERRORS else f"the learner failed: {value}"
            raise ERRORS.get(kind, HardwareError)(told)
        return value

    def _death(self) -> HardwareError:
        return death("the learner", self._worker)


class DistantLearner:
    """A `Learner` whose work is done elsewhere."""

    def __init__(self, process: LearningProcess) -> None:
        self._process = process

    @property
    def needs(self) -> frozenset[Needs]:
        """What it must be fed."""
        return self._process.hello.needs

    @property
    def pid(self) -> int | None:
        """Of the process it is in."""
        return self._process.pid

    def add(self, steps: StepBatch, pool: Literal["online", "prior"]) -> None:
        """Hand transitions over. Never waits."""
        self._process.add(steps, pool)

    def learn_from(self, labels: Sequence[Resolved]) -> None:
        """Take feedback directly."""
        self._process.ask("learner.learn_from", list(labels))

    def relabel(self, reward: RewardModel) -> None:
        """Recompute all rewards by `reward`, which lives in the same process."""
        self._process.ask("learner.relabel")

    def label_with(self, reward: RewardModel) -> None:
        """Label what is added from now on by `reward`, which lives in the same process."""
        self._process.ask("learner.label_with")

    def update(self, n: int) -> None:
        """Owe `n` more updates. Never waits."""
        self._process.owe(n)

    def settle(self) -> None:
        """Wait until no update is owed, and the newest policy is that after them."""
        self._process.ask("settle")

    def metrics(self) -> Mapping[str, float]:
        """Losses and the like since the last call."""
        metrics: Mapping[str, float] = self._process.ask("learner.metrics")
        return metrics

    def export(self, out: memoryview | None = None) -> tuple[PolicySpec, FloatArray]:
        """The newest policy there is, which may be a few updates old. Never waits."""
        newest = self._process.slot.newest()
        assert newest is not None, "the process publishes before it answers"
        _, weights = newest
        if out is not None:
            np.frombuffer(out, dtype=np.float32)[:] = weights
        return self._process.hello.policy, weights

    def state(self) -> Mapping[str, FloatArray]:
        """Everything to checkpoint."""
        state: Mapping[str, FloatArray] = self._process.ask("learner.state")
        return state

    def load(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` gave. Raises DataError where it does not fit."""
        self._process.ask("learner.load", dict(state))

    def close(self) -> None:
        """End the process. Idempotent."""
        self._process.close()


class DistantImitator(DistantLearner):
    """A distant learner that can start as an imitation of demonstrations."""

    def imitate_prior(self, updates: int) -> None:
        """Do so, with so many updates."""
        self._process.ask("learner.imitate_prior", updates)


class DistantReward:
    """A `RewardModel` beside its learner, elsewhere."""

    def __init__(self, process: LearningProcess) -> None:
        self._process = process

    def step_rewards(self, observations: Any, actions: Any) -> Any:
        """Normalised reward a step [N]."""
        return self._process.ask("reward.step_rewards", observations, actions)

    def normalise_over(self, observations: Any, actions: Any) -> None:
        """Normalise the output over these steps."""
        self._process.ask("reward.normalise_over", observations, actions)

    def segment_scores(self, clips: ClipBatch) -> FloatArray:
        """Score of each clip by each member, float32 [members, B]."""
        scores: FloatArray = self._process.ask("reward.segment_scores", clips)
        return scores

    def fit(self, labels: Sequence[Resolved], rng: np.random.Generator) -> FitReport:
        """Fit to all labels so far; `rng` goes on from where the fit left it."""
        report: FitReport
        report, rng.bit_generator.state = self._process.ask("reward.fit", list(labels), rng)
        return report

    def state(self) -> Mapping[str, FloatArray]:
        """Everything to checkpoint, by name."""
        state: Mapping[str, FloatArray] = self._process.ask("reward.state")
        return state

    def load(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` gave."""
        self._process.ask("reward.load", dict(state))


def start_learning(recipe: Recipe) -> tuple[DistantLearner, DistantReward | None]:
    """Start the process; the reward model is None where there is none to fit."""
    process = LearningProcess(recipe)
    kind = DistantImitator if process.hello.imitates else DistantLearner
    return kind(process), DistantReward(process) if process.hello.has_reward else None
