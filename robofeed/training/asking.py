"""Who is asked in a run, how questions are put, and how answers are heard."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import numpy as np

from robofeed.config import ResolvedRun
from robofeed.data.errors import ConfigError
from robofeed.data.feedback import Query
from robofeed.data.ledger import Ledger
from robofeed.data.spec import BackendSpec
from robofeed.events import Event
from robofeed.feedback.footage import FootageLibrary, TruthLibrary
from robofeed.feedback.interviewer import Interviewer, Sessions
from robofeed.feedback.label_book import LabelBook
from robofeed.feedback.queries import ClipScores, QueryMaker
from robofeed.interfaces import BuildContext, Ranker, RewardModel, UsesTruth
from robofeed.training.conversation import Conversation
from robofeed.training.pace import Phase

_log = logging.getLogger(__name__)


def unseen(spec: BackendSpec, use: str) -> str:
    """What to tell those who are to ask people about an arm of which there will be no pictures.

    "" where scenes are stored, to be drawn, or a camera is there.
    """
    if spec.scene_size or spec.frames:
        return ""
    return (
        f"people will be asked about clips, and of this arm (backend {use}) there are no pictures: "
        "it has no camera, and nothing draws it. Give it one, [backend."
        f"{use}.cameras.front] in the run file (docs/cameras.md)"
    )


def open_conversation(
    resolved: ResolvedRun,
    context: BuildContext,
    ledger: Ledger,
    footage: FootageLibrary,
    truths: TruthLibrary | None,
    reward: RewardModel | None,
    generators: dict[str, np.random.Generator],
    phase: Phase,
    tell: Callable[[Event], None],
    flush: Callable[[], None],
) -> tuple[Ranker, Conversation]:
    """Open who is asked, and all that asking and hearing takes.

    Args:
        resolved: Says who, about what, and how often.
        context: Of the run.
        ledger: Of the run, where questions and answers are kept.
        footage: Episodes to ask about.
        truths: For simulated teachers; None where there are none.
        reward: Scores clips once it has learned; None where there is none.
        generators: Of the run.
        phase: Says whether it has learned.
        tell: Given the events.
        flush: Returns when all episodes are safe from a power cut.

    Raises:
        ConfigError: a simulated teacher, before an arm of which nobody knows the truth; clips
            longer than an episode.
    """
    config = resolved.config
    steps, horizon = config.queries.segment_steps, context.spec.horizon
    if horizon is not None and steps > horizon:
        raise ConfigError(
            f"queries.segment_steps = {steps}, but an episode has {horizon} steps of "
            f"{context.spec.period_s:g} s: there would be no clip to ask about. Set "
            f"queries.segment_steps to {max(1, horizon // 2)}, say, or a longer horizon of "
            f"backend.{config.backend.use}"
        )
    ranker: Ranker = resolved.feedback.provider.create(resolved.feedback.settings, context)
    if isinstance(ranker, UsesTruth):
        if truths is None:
            raise ConfigError(
                f"feedback.use = {config.feedback.use!r} is a simulated teacher and needs a "
                f"backend that knows the truth; {config.backend.use!r} does not"
            )
        ranker.use_truth(truths.rewards, ledger.queries())
    if not ranker.prompt and (warning := unseen(context.spec, config.backend.use)):
        _log.warning(warning)
    ranker.open(ledger)
    queries, schedule = config.queries, config.schedule
    repeats_itself = ranker.prompt and context.spec.simulated

    def put(asked: Sequence[Query]) -> None:
        # No answer is to speak of an episode that a power cut could still take; a run that repeats
        # itself makes it again.
        if not repeats_itself:
            flush()
        ledger.add_queries(asked)

    interviewer = Interviewer(
        Sessions(
            first_at_step=schedule.ask_after_steps,
            every_steps=schedule.session_every_steps,
            first_answers=schedule.first_session_answers,
            answers=schedule.answers_per_session,
            budget=schedule.answer_budget,
            most_open=None if ranker.prompt else schedule.open_queries,
            repeats=queries.repeats(of_people=not ranker.prompt),
        ),
        QueryMaker(
            queries.context,
            queries.selection,
            queries.segment_steps,
            queries.candidates,
            queries.clips,
            queries.late_share,
        ),
        footage,
        ranker,
        put,
        ledger.has_answer,
        generators["queries"],
    )
    book = LabelBook(ledger.since, ledger.query, interviewer.has_asked, footage)

    def scores() -> ClipScores | None:
        if reward is None or not phase.learning:
            return None
        return lambda segments: reward.segment_scores(footage.clips(segments))

    return ranker, Conversation(interviewer, book, scores, schedule.fit_every_answers, tell)
