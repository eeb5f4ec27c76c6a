"""The process in which a real arm's learner and reward model live: what runs there.

Whoever keeps an arm's time must not wait for an update. So transitions and the number of updates
that are owed come in as they happen, and weights go out through a slot; neither side waits for the
other. Everything else is a request with an answer, made while the arm rests.
"""

from __future__ import annotations

import contextlib
import os
import time
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.shared_memory import SharedMemory
from typing import Any, Final

import numpy as np

from robofeed.act.policy_slot import PolicySlot
from robofeed.data.child_process import leave_signals_to_parent
from robofeed.data.errors import RobofeedError
from robofeed.data.policy_spec import PolicySpec
from robofeed.interfaces import BuildContext, Learner, Needs, RewardModel
from robofeed.plugins import load_plugins
from robofeed.training.prior import ImitatesPrior

OWED, DONE, TAKEN = range(3)
"""Numbers both sides see: updates owed, updates done, transitions' messages taken."""
NICENESS: Final = 10
"""Of its process: whoever keeps an arm's time goes first."""
_PUBLISH_S: Final = 0.01
"""Weights go out no more often than this, but always when nothing is owed any more."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to make there: plain values only."""

    learner: str
    learner_settings: dict[str, Any]
    reward: str
    reward_settings: dict[str, Any]
    learns_from_truth: bool
    """the reward model is the ground-truth baseline's, and nobody asks it anything"""
    context: BuildContext
    threads: int


@dataclass(frozen=True, slots=True)
class Hello:
    """What was made."""

    needs: frozenset[Needs]
    policy: PolicySpec
    imitates: bool
    has_reward: bool


def work(recipe: Recipe, counts: Any, pipe: Connection) -> None:
    """Obey what comes through the pipe until it closes, and do owed updates in between."""
    leave_signals_to_parent()
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    host: _Host | None = None
    try:
        try:
            host = _Host(recipe, counts)
            answer: tuple[str, Any] = ("done", host.hello)
        except Exception as error:
            answer = _told(error)
        pipe.send(answer)
        while host is not None:
            if not pipe.poll(0 if host.behind else None):
                host.catch_up(1)
                continue
            name, *arguments = pipe.recv()
            if name == "add":
                host.add(*arguments)
            else:
                pipe.send(host.answer(name, *arguments))
    except (EOFError, ConnectionError):
        # The run is gone, or wants no more.
        pass
    finally:
        if host is not None:
            host.close()


class _Host:
    def __init__(self, recipe: Recipe, counts: Any) -> None:
        from robofeed.update.device import use_threads

        use_threads(recipe.threads)
        self._counts = counts
        plugins = load_plugins()
        provider = plugins.provider("learner", recipe.learner)
        settings = provider.config_type.model_validate(recipe.learner_settings)
        self.learner: Learner = provider.create(settings, recipe.context)
        self.reward: RewardModel | None = None
        if Needs.REWARD in self.learner.needs:
            provider = plugins.provider("reward", recipe.reward)
            settings = provider.config_type.model_validate(recipe.reward_settings)
            made: RewardModel = provider.create(settings, recipe.context)
            if recipe.learns_from_truth:
                self.learner.relabel(made)
            else:
                self.reward = made
        self._memory: SharedMemory | None = None
        self._slot: PolicySlot | None = None
        self._published_s = 0.0
        self._failure: Exception | None = None

    @property
    def hello(self) -> Hello:
        policy, _ = self.learner.export()
        imitates = isinstance(self.learner, ImitatesPrior)
        return Hello(self.learner.needs, policy, imitates, self.reward is not None)

    @property
    def behind(self) -> int:
        return 0 if self._failure else int(self._counts[OWED] - self._counts[DONE])

    def add(self, *arguments: Any) -> None:
        # Nobody waits for an answer: what goes wrong is said with the next one.
        try:
            self.learner.add(*arguments)
        except Exception as error:
            self._failure = error
        self._counts[TAKEN] += 1

    def catch_up(self, most: int) -> None:
        count = min(most, self.behind)
        try:
            self.learner.update(count)
        except Exception as error:
            self._failure = error
            return
        self._counts[DONE] += count
        if not self.behind or time.monotonic() - self._published_s > _PUBLISH_S:
            self._publish()

    def answer(self, name: str, *arguments: Any) -> tuple[str, Any]:
        try:
            while self.behind:
                self.catch_up(1)
            if self._failure is not None:
                raise self._failure
            value = self._obey(name, *arguments)
            self._publish()
        except Exception as error:
            return _told(error)
        return "done", value

    def _obey(self, name: str, *arguments: Any) -> Any:
        if name == "settle":
            return None
        if name == "open slot":
            self._memory = SharedMemory(arguments[0])
            assert self._memory.buf is not None
            self._slot = PolicySlot(self._memory.buf, arguments[1])
            return None
        if name == "reward.fit":
            labels, rng = arguments
            assert self.reward is not None
            report = self.reward.fit(labels, rng)
            return report, rng.bit_generator.state
        if name in ("learner.relabel", "learner.label_with"):
            arguments = (self.reward,)
        owner, method = name.split(".")
        return getattr(self.learner if owner == "learner" else self.reward, method)(*arguments)

    def _publish(self) -> None:
        if self._slot is not None:
            _, weights = self.learner.export()
            self._slot.put(np.asarray(weights, np.float32))
            self._published_s = time.monotonic()

    def close(self) -> None:
        self._slot = None
        if self._memory is not None:
            self._memory.close()


def _told(error: Exception) -> tuple[str, Any]:
    if isinstance(error, RobofeedError):
        return type(error).__name__, str(error)
    return "broken", "".join(traceback.format_exception(error))
