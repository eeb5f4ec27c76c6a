"""A run's state at a round's end: what a checkpoint holds, and how a run continues from one."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from robofeed.data.errors import DataError
from robofeed.stop_rules import Progress
from robofeed.training.conversation import Conversation
from robofeed.training.generators import restore_generators, save_generators
from robofeed.training.parts import Run

FORMAT = 1
_EVALUATION = re.compile(r"v\d{4}_")
"""Ids of the run's own evaluation episodes"""


def take(run: Run) -> tuple[dict[str, Mapping[str, Any]], dict[str, Any]]:
    """Arrays by part and by name, and everything else as JSON-ready values."""
    parts: dict[str, Mapping[str, Any]] = {"learner": run.learner.state()}
    if run.reward is not None:
        parts["reward"] = run.reward.state()
    policy, weights = run.learner.export()
    parts["policy"] = {"weights": weights}
    collector = run.collector
    about: dict[str, Any] = {
        "format": FORMAT,
        "policy": policy.describe(),
        "spec_hash": run.fleet.spec.hash(),
        "progress": dataclasses.asdict(run.progress),
        "generators": save_generators(run.generators),
        "next_episode": collector.next_episode,
        "pending_seeds": collector.seeds.pending,
        "footage": [film.episode_id for film in run.footage.recent],
        "policy_version": run.publisher.version,
        "policy_published_at": run.publisher.published_at,
        "owed_updates": run.pace.owed,
        "learning": run.phase.learning,
        "evaluations": run.evaluating.count,
        "next_evaluation": run.evaluating.every.next_step,
        "next_measure": run.measuring.every.next_step,
    }
    conversation = run.conversation
    if isinstance(conversation, Conversation):
        interviewer = conversation.interviewer
        about["conversation"] = {
            "cursor": conversation.book.cursor,
            "next_query": interviewer.next_id,
            "next_session": interviewer.next_step,
            "answers_at_last_fit": conversation.answers_at_last_fit,
        }
    return parts, about


def restore(
    run: Run, parts: Mapping[str, Mapping[str, Any]], about: Mapping[str, Any], exact: bool
) -> None:
    """Bring a freshly opened run to the state of a checkpoint.

    What was recorded after the checkpoint, until the interruption, is kept in any case. `exact`:
    the run will repeat itself, so the same episodes and questions come under the same numbers, and
    answers wait until their question does. Otherwise those answers count at once, and no number is
    given twice.

    Raises:
        DataError: it belongs to another arm, task or version, or lacks something.
    """
    if about.get("format") != FORMAT:
        raise DataError(
            f"the checkpoint has format {about.get('format')}; this robofeed reads {FORMAT}"
        )
    if about["spec_hash"] != run.fleet.spec.hash():
        raise DataError(
            "the checkpoint was made with other observations or actions than this backend has"
        )
    try:
        _restore(run, parts, about, exact)
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"the checkpoint lacks something this run needs: {error!r}") from error


def _restore(
    run: Run, parts: Mapping[str, Mapping[str, Any]], about: Mapping[str, Any], exact: bool
) -> None:
    run.learner.load(parts["learner"])
    if run.reward is not None:
        run.reward.load(parts["reward"])
        if about["learning"]:
            run.learner.label_with(run.reward)
    restore_generators(run.generators, about["generators"])
    _copy_fields(Progress(**about["progress"]), run.progress)
    run.collector.next_episode = about["next_episode"]
    run.collector.seeds.pending = list(about["pending_seeds"])
    run.footage.restore(about["footage"])
    run.publisher.version = about["policy_version"]
    run.publisher.published_at = about["policy_published_at"]
    run.pace.owed = about["owed_updates"]
    run.phase.learning = about["learning"]
    run.evaluating.count = about["evaluations"]
    if not exact:
        _skip_used_numbers(run)
    run.evaluating.every.next_step = about["next_evaluation"]
    run.measuring.every.next_step = about["next_measure"]
    if isinstance(run.conversation, Conversation):
        _restore_conversation(run, run.conversation, about["conversation"], exact)


def start_over(run: Run) -> None:
    """Make a freshly opened run go on in a folder without a checkpoint, where it went otherwise.

    What was recorded in it is kept and answers count; no number is given twice.
    """
    _skip_used_numbers(run)
    conversation = run.conversation
    if isinstance(conversation, Conversation):
        nothing = {
            "next_query": 0,
            "next_session": conversation.interviewer.next_step,
            "cursor": 0,
            "answers_at_last_fit": 0,
        }
        _restore_conversation(run, conversation, nothing, exact=False)


def _skip_used_numbers(run: Run) -> None:
    ids = run.store.ids()
    recorded = [int(name[1:]) + 1 for name in ids if name.startswith("e")]
    run.collector.next_episode = max([run.collector.next_episode, *recorded])
    evaluated = [int(name[1:5]) + 1 for name in ids if _EVALUATION.match(name)]
    run.evaluating.count = max([run.evaluating.count, *evaluated])


def _restore_conversation(
    run: Run, conversation: Conversation, said: Mapping[str, Any], exact: bool
) -> None:
    assert run.ranker is not None
    queries = run.ledger.queries()
    next_query = said["next_query"]
    if not exact:
        next_query = max([next_query, *(int(query.id[1:]) + 1 for query in queries)])
    before = [query for query in queries if int(query.id[1:]) < next_query]
    conversation.interviewer.resume(next_query, said["next_session"], before)
    conversation.book.read(up_to=said["cursor"] if exact else None)
    conversation.answers_at_last_fit = said["answers_at_last_fit"]
    unanswered = [query for query in before if not run.ledger.has_answer(query.id)]
    run.ranker.ask(unanswered)


def _copy_fields(source: Progress, target: Progress) -> None:
    for field in dataclasses.fields(source):
        setattr(target, field.name, getattr(source, field.name))
