"""What core itself offers, through the same door as every plugin. Imports nothing heavy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from robofeed.hookspecs import hookimpl

if TYPE_CHECKING:
    from robofeed.feedback.teacher_config import ReplayConfig, TeacherConfig
    from robofeed.interfaces import BuildContext, Learner, Provider, Ranker, RewardModel
    from robofeed.update.config import (
        BehaviourCloningConfig,
        RewardConfig,
        SacConfig,
        TruthConfig,
    )


@hookimpl
def robofeed_feedback_sources() -> list[Provider[Ranker]]:
    """The simulated teacher, and answers recorded in another run."""
    from robofeed.feedback.teacher_config import ReplayConfig, TeacherConfig
    from robofeed.interfaces import Provider

    return [
        Provider("teacher", TeacherConfig, _teacher, "a simulated person who sees true returns"),
        Provider("replay", ReplayConfig, _replay, "the answers of another run's ledger"),
    ]


@hookimpl
def robofeed_reward_models() -> list[Provider[RewardModel]]:
    """The preference ensemble, and the ground-truth baseline."""
    from robofeed.interfaces import Provider
    from robofeed.update.config import RewardConfig, TruthConfig

    return [
        Provider("ensemble", RewardConfig, _ensemble, "an ensemble fitted to rankings"),
        Provider("truth", TruthConfig, _truth, "ground-truth baseline: no one is asked"),
    ]


@hookimpl
def robofeed_learners() -> list[Provider[Learner]]:
    """Soft actor-critic and behaviour cloning."""
    from robofeed.interfaces import Provider
    from robofeed.update.config import BehaviourCloningConfig, SacConfig

    return [
        Provider("sac", SacConfig, _sac, "soft actor-critic on a relabelled replay"),
        Provider("bc", BehaviourCloningConfig, _bc, "behaviour cloning from demonstrations"),
    ]


def _teacher(config: TeacherConfig, context: BuildContext) -> Ranker:
    from robofeed.feedback.teachers import SimulatedTeacher

    return SimulatedTeacher(config, context.seed)


def _replay(config: ReplayConfig, context: BuildContext) -> Ranker:
    from robofeed.feedback.replayed import read_answers

    return read_answers(config.ledger)


def _ensemble(config: RewardConfig, context: BuildContext) -> RewardModel:
    from robofeed.update.reward_model import PreferenceEnsemble

    return PreferenceEnsemble(config, context.spec, context.seed, context.device)


def _truth(config: TruthConfig, context: BuildContext) -> RewardModel:
    from robofeed.update.truth_reward import TruthReward

    return TruthReward()


def _sac(config: SacConfig, context: BuildContext) -> Learner:
    from robofeed.update.sac import SacLearner

    return SacLearner(config, context.spec, context.seed, context.device)


def _bc(config: BehaviourCloningConfig, context: BuildContext) -> Learner:
    from robofeed.update.behaviour_cloning import BehaviourCloning

    return BehaviourCloning(config, context.spec, context.seed, context.device)
