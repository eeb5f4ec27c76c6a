"""Where a run learns: here for simulators, in a process of its own for arms that do not wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from robofeed.config import Chosen, ResolvedRun
from robofeed.interfaces import BuildContext, Learner, Needs, RewardModel


@dataclass(frozen=True, slots=True)
class Learning:
    """A learner and the reward model that is fitted for it; None where none is."""

    learner: Learner
    reward: RewardModel | None
    settle: Callable[[], None] = lambda: None
    """waits until no update is owed any more"""
    close: Callable[[], None] = lambda: None


def open_learning(
    resolved: ResolvedRun, context: BuildContext, learns_from_truth: bool
) -> Learning:
    """Make them. With `learns_from_truth` the reward is the simulator's own, and never fitted."""
    if not context.spec.simulated:
        return _elsewhere(resolved, context, learns_from_truth)
    from robofeed.update.device import use_threads

    use_threads(resolved.config.run.threads)
    learner: Learner = resolved.learner.provider.create(resolved.learner.settings, context)
    if Needs.REWARD not in learner.needs:
        return Learning(learner, None)
    reward: RewardModel = resolved.reward.provider.create(resolved.reward.settings, context)
    if learns_from_truth:
        learner.relabel(reward)
        return Learning(learner, None)
    return Learning(learner, reward)


def _elsewhere(resolved: ResolvedRun, context: BuildContext, learns_from_truth: bool) -> Learning:
    from robofeed.training.distant_learner import start_learning
    from robofeed.training.learning_process import Recipe

    learner, reward = start_learning(
        Recipe(
            resolved.learner.provider.name,
            _plain(resolved.learner),
            resolved.reward.provider.name,
            _plain(resolved.reward),
            learns_from_truth,
            context,
            resolved.config.run.threads,
        )
    )
    return Learning(learner, reward, learner.settle, learner.close)


def _plain(chosen: Chosen) -> dict[str, object]:
    return chosen.settings.model_dump(mode="json", exclude_none=True)
