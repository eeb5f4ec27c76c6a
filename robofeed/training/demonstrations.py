"""Examples, of people and of the scripted expert: given first, and counted as such."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from pathlib import Path

import numpy as np

from robofeed.act.recording import Recorded
from robofeed.act.rollout import ExpertPolicy, Rollout
from robofeed.data.batch import StepBatch
from robofeed.data.episode import Episode, TruthTrace
from robofeed.data.episode_frames import NO_FRAMES
from robofeed.data.errors import DataError, SafetyStop
from robofeed.data.feedback import Correction, Demonstration, Stamp
from robofeed.data.observation import Ended
from robofeed.data.run_folder import open_run_folder
from robofeed.data.store import EpisodeStore
from robofeed.interfaces import Needs
from robofeed.training.examples import NAMESPACE, examples_in
from robofeed.training.parts import Run
from robofeed.training.prior import ImitatesPrior


def give(run: Run) -> bool:
    """Hand examples to the learner as prior steps: recorded ones, and the expert's.

    False where the run is to end before all of them were given.

    Raises:
        DataError: the folder of recorded ones holds none, or is of another arm or task.
        SafetyStop: an action was refused in one of them; it is kept, marked FAULT.
    """
    prior = run.resolved.config.prior
    expert = ExpertPolicy(run.fleet)
    # A run that is started over, before its first checkpoint, has them in its ledger already.
    known = {
        each.episode_id if isinstance(each, Demonstration) else each.segment.episode_id
        for each in (entry.feedback for entry in run.ledger.since(0))
        if isinstance(each, Demonstration | Correction)
    }
    from_people = _give_recorded(run, Path(prior.folder), known) if prior.folder else 0
    given = number = 0
    if not run.fleet.spec.simulated:
        given, number = _give_again(run, known)
    while given < prior.demonstrations:
        count = min(run.fleet.size, prior.demonstrations - given)
        ids = [f"d{number + row:06d}" for row in range(count)]
        rollout = Rollout(
            run.fleet,
            run.collector.seeds.take(count),
            ids,
            lambda: expert,
            None,
            with_true_reward=run.ground_truth,
            helm=run.controls.helm if run.controls else None,
            hands_off=True,
        )
        for steps in rollout:
            run.learner.add(steps, "prior")
        if not rollout.recorded:
            return False  # the run is to end while somebody has the arm paused
        for recorded in rollout.recorded:
            run.recorder.keep(recorded)
            if recorded.episode.ended is Ended.FAULT:
                run.recorder.flush()
                raise SafetyStop(
                    f"demonstration {recorded.episode.id}: {recorded.episode.why}. The episode "
                    "is kept in the run folder"
                )
        given += count
        number += count
        run.recorder.flush()
        for episode_id in (each for each in ids if each not in known):
            stamp = Stamp(
                str(uuid.uuid5(NAMESPACE, f"{run.folder.name}/{episode_id}")),
                person="scripted-expert",
                source="simulator",
                answered_at_ns=time.time_ns(),
            )
            run.ledger.append(Demonstration(stamp, episode_id))
    if prior.pretrain_updates and (given or from_people):
        _pretrain(run, prior.pretrain_updates)
    return True


def _give_again(run: Run, known: set[str]) -> tuple[int, int]:
    """Hand over the expert's of before, since a real arm would not move the same again.

    Returns how many there were, and the number of the next one.
    """
    before = sorted(each for each in known if each.startswith("d"))
    for each in before:
        truth = run.store.read_truth(each) if run.ground_truth else None
        run.learner.add(_steps_of(run.store.read(each), truth), "prior")
    run.collector.seeds.take(len(before))  # which were theirs
    used = [int(each[1:]) + 1 for each in run.store.ids() if each.startswith("d")]
    return len(before), max(used, default=0)


def _give_recorded(run: Run, path: Path, known: set[str]) -> int:
    """Copy the examples of another folder into this run, and give them to the learner."""
    folder = open_run_folder(path)
    store = EpisodeStore(folder.path)
    found = examples_in(folder)
    for number, example in enumerate(found):
        episode = replace(store.read(example.episode_id), id=f"h{number:06d}")
        if episode.spec_hash != run.fleet.spec.hash():
            raise DataError(
                f"prior.folder: {path} was recorded with other observations or actions than "
                "this run has; use the same arm, task and kind of action"
            )
        truth = None
        if run.fleet.has_truth and store.has_truth(example.episode_id):
            truth = replace(store.read_truth(example.episode_id), episode_id=episode.id)
        every = _steps_of(episode, truth if run.ground_truth else None)
        chosen = replace(every, by_hand=example.steps(len(episode))).corrections()
        if chosen is not None:
            run.learner.add(chosen, "prior")
        frames = NO_FRAMES  # what its cameras saw then, not what this run's see now
        if store.has_frames(example.episode_id):
            frames = store.read_frames(example.episode_id)
        run.recorder.keep(Recorded(episode, truth), frames)
        run.recorder.flush()
        if episode.id not in known:
            for said in example.retold(run.folder.name, episode.id):
                run.ledger.append(said)
    return len(found)


def _steps_of(episode: Episode, truth: TruthTrace | None) -> StepBatch:
    terminated = np.zeros(len(episode), np.bool_)
    terminated[-1] = episode.ended is Ended.TERMINATED
    return StepBatch(
        observation=episode.observations[:-1],
        action=episode.executed,
        next_observation=episode.observations[1:],
        terminated=terminated,
        true_reward=truth.reward if truth is not None else None,
    )


def _pretrain(run: Run, updates: int) -> None:
    """Clone the demonstrated actions, and let the learner's actor start from there."""
    if Needs.DEMONSTRATIONS in run.learner.needs:
        run.learner.update(updates)
    elif isinstance(run.learner, ImitatesPrior):
        run.learner.imitate_prior(updates)
