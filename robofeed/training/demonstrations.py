"""Demonstrations by the scripted expert, given before anything else and counted as such."""

from __future__ import annotations

import time
import uuid

from robofeed.act.rollout import ExpertPolicy, Rollout
from robofeed.data.errors import SafetyStop
from robofeed.data.feedback import Demonstration, Stamp
from robofeed.data.observation import Ended
from robofeed.interfaces import Needs
from robofeed.training.parts import Run
from robofeed.training.prior import ImitatesPrior

_NAMESPACE = uuid.UUID("3b0f6b3e-2f4f-5c4b-8a11-2f1f0f6f4a7d")


def give(run: Run) -> None:
    """Record the configured number of demonstrations and hand them to the learner as prior steps.

    Raises:
        SafetyStop: an action was refused in one of them; it is kept, marked FAULT.
    """
    prior = run.resolved.config.prior
    expert = ExpertPolicy(run.fleet)
    # A run that is started over, before its first checkpoint, has them in its ledger already.
    known = {
        entry.feedback.episode_id
        for entry in run.ledger.since(0)
        if isinstance(entry.feedback, Demonstration)
    }
    given = 0
    while given < prior.demonstrations:
        count = min(run.fleet.size, prior.demonstrations - given)
        ids = [f"d{given + row:06d}" for row in range(count)]
        rollout = Rollout(
            run.fleet,
            run.collector.seeds.take(count),
            ids,
            lambda: expert,
            None,
            with_true_reward=run.ground_truth,
        )
        for steps in rollout:
            run.learner.add(steps, "prior")
        for recorded in rollout.recorded:
            run.recorder.keep(recorded)
            if recorded.episode.ended is Ended.FAULT:
                run.recorder.flush()
                raise SafetyStop(
                    f"demonstration {recorded.episode.id}: {recorded.episode.reason}. The episode "
                    "is kept in the run folder"
                )
        given += count
        run.recorder.flush()
        for episode_id in (each for each in ids if each not in known):
            stamp = Stamp(
                str(uuid.uuid5(_NAMESPACE, f"{run.folder.name}/{episode_id}")),
                person="scripted-expert",
                source="simulator",
                answered_at_ns=time.time_ns(),
            )
            run.ledger.append(Demonstration(stamp, episode_id))
    if prior.pretrain_updates and given:
        _pretrain(run, prior.pretrain_updates)


def _pretrain(run: Run, updates: int) -> None:
    """Clone the demonstrated actions, and let the learner's actor start from there."""
    if Needs.DEMONSTRATIONS in run.learner.needs:
        run.learner.update(updates)
    elif isinstance(run.learner, ImitatesPrior):
        run.learner.imitate_prior(updates)
