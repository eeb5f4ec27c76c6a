"""What core itself offers, through the same door as every plugin. Imports nothing heavy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from robofeed.hookspecs import hookimpl

if TYPE_CHECKING:
    from robofeed.feedback.teacher_config import ReplayConfig, TeacherConfig
    from robofeed.interfaces import BuildContext, Learner, Provider, Ranker, RewardModel
    from robofeed.update.config import RewardConfig, SacConfig, TruthConfig


@hookimpl
def robofeed_feedback_sources() -> list[Provider[Ranker]]:
    """Simulated people, and people whose answers were recorded."""
    from robofeed.feedback.teacher_config import ReplayConfig, TeacherConfig
    from robofeed.interfaces import Provider

    return [
        Provider("teacher", TeacherConfig, _teacher, "a simulated person (B-Pref)"),
        Provider("replay", ReplayConfig, _replay, "the answers of an earlier run"),
    ]


@hookimpl
def robofeed_reward_models() -> list[Provider[RewardModel]]:
    """The preference ensemble, and the baseline that reads the simulator's reward."""
    from robofeed.interfaces import Provider
    from robofeed.update.config import RewardConfig, TruthConfig

    return [
        Provider("ensemble", RewardConfig, _ensemble, "an ensemble fitted to preferences"),
        Provider("truth", TruthConfig, _truth, "ground-truth baseline: no feedback is used"),
    ]


@hookimpl
def robofeed_learners() -> list[Provider[Learner]]:
    """Reinforcement learning and imitation."""
    from robofeed.interfaces import Provider
    from robofeed.update.config import SacConfig

    return [
        Provider("sac", SacConfig, _sac, "soft actor-critic"),
    ]


def _teacher(config: TeacherConfig, context: BuildContext) -> Ranker:
    from robofeed.feedback.teachers import SimulatedTeacher

    return SimulatedTeacher(config, context.seed)


def _replay(config: ReplayConfig, context: BuildContext) -> Ranker:
    from robofeed.data.errors import ConfigError
    from robofeed.data.feedback import Ranking, Skip
    from robofeed.data.ledger import Ledger
    from robofeed.feedback.replayed import ReplayedAnswers

    if not Path(config.ledger).is_file():
        raise ConfigError(
            f"feedback.replay.ledger = {config.ledger!r}: name a recorded run's feedback.sqlite"
        )
    ledger = Ledger.open(config.ledger)
    try:
        queries = {query.id: query for query in ledger.queries()}
        records = [entry.feedback for entry in ledger.standing()]
    finally:
        ledger.close()
    answers = [record for record in records if isinstance(record, (Ranking, Skip))]
    return ReplayedAnswers(
        {
            answer.query_id: (queries[answer.query_id], answer)
            for answer in answers
            if answer.query_id in queries
        }
    )


def _ensemble(config: RewardConfig, context: BuildContext) -> RewardModel:
    from robofeed.update.reward_model import PreferenceEnsemble

    return PreferenceEnsemble(config, context.spec, context.seed, context.device)


def _truth(config: TruthConfig, context: BuildContext) -> RewardModel:
    from robofeed.update.truth_reward import TruthReward

    return TruthReward()


def _sac(config: SacConfig, context: BuildContext) -> Learner:
    from robofeed.update.sac import SacLearner

    return SacLearner(config, context.spec, context.seed, context.device)
