"""The run in which somebody teaches an arm to reach, whole and at a tenth, and what came of it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from robofeed.data.feedback import Ranking
from robofeed.data.ledger import Ledger
from robofeed.data.store import EpisodeStore

from .onlooker import Picture, badness

SEEDS = (0, 1, 2)
CLIPS = 5
"""in a question, as the preset has it; a ranking of them counts as four answers"""
WHOLE = {
    "schedule.answer_budget": 200,
    "schedule.first_session_answers": 24,
    "schedule.answers_per_session": 16,
    "schedule.ahead_steps": 300,
    "stop.steps": 6_000,
    "reward.ensemble.label_noise": 0.1,
    "queries.repeat_share": 0.0,
    "evaluation.every_steps": 100_000,
    "simulation.processes": 1,
}
"""The preset `reach` with fewer answers, given in larger sessions by somebody who errs at times;
the same whoever answers."""
TENTH = WHOLE | {
    "schedule.answer_budget": 20,
    "schedule.first_session_answers": 20,
    "schedule.random_steps": 600,
    "schedule.ask_after_steps": 500,
    "schedule.ahead_steps": 200,
    "stop.steps": 1_200,
    "evaluation.episodes": 1,
    "evaluation.final_episodes": 1,
}
METRES = 0.1
"""Reward of reach is minus the distance in these."""

Order = Sequence[int]
"""Clips by their place on the screen, from 0, best first."""
Look = Callable[[], list[Picture]]
"""What each clip on the screen shows now."""


def by_pixels(looks: Sequence[list[Picture]]) -> Order:
    """The order of somebody who looked at all clips at these moments."""
    films = zip(*looks, strict=True)
    return [int(place) for place in np.argsort([badness(film) for film in films])]


def command(folder: Path, name: str, seed: int, way: str, settings: dict[str, float]) -> list[str]:
    """The command line of a training that asks in this `way`, web or terminal."""
    words = [sys.executable, "-m", "robofeed", "train", "reach", "--feedback", way]
    words += ["--name", name, "--out", str(folder), "--seed", str(seed)]
    for key, value in settings.items():
        words += ["--set", f"{key}={value}"]
    return words


@dataclass(frozen=True, slots=True)
class Answers:
    """What somebody said, judged by the simulator's truth."""

    count: int
    agreed: float
    """share of the pairs of ranked clips in which the better one had the higher true return"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to, all by the simulator's truth."""

    answers: Answers
    distance_m: float
    """from tool to target at the end of an episode, mean over 100 reporting episodes"""
    success: float

    def __str__(self) -> str:
        return (
            f"{self.answers.count} answers, {self.answers.agreed:.2f} of pairs as in truth, final "
            f"distance {1000 * self.distance_m:.0f} mm, success {self.success:.2f}"
        )


def outcome_of(run_dir: Path) -> Outcome:
    """Judge a finished run by the truth that nobody in it saw."""
    said = subprocess.run(
        [sys.executable, "-m", "robofeed", "eval", str(run_dir), "--json"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    measured = json.loads(said.splitlines()[-1])
    return Outcome(
        answers=answers_in(run_dir),
        distance_m=-METRES * measured["mean_last_reward"],
        success=measured["success_rate"],
    )


def answers_in(run_dir: Path) -> Answers:
    """Count and judge the answers of a run."""
    agreed = _agreements(run_dir)
    pairs = CLIPS * (CLIPS - 1) // 2
    return Answers(len(agreed) // pairs * (CLIPS - 1), float(np.mean(agreed)))


def _agreements(run_dir: Path) -> list[bool]:
    store = EpisodeStore(run_dir)
    agreed = []
    with contextlib.closing(Ledger.open(run_dir / "feedback.sqlite")) as ledger:
        for entry in ledger.standing():
            if not isinstance(ranking := entry.feedback, Ranking):
                continue
            returns = [
                store.read_truth(segment.episode_id).reward[segment.start : segment.stop].sum()
                for segment in ledger.query(ranking.query_id).segments
            ]
            order = [place for (place,) in ranking.order]
            agreed += [bool(returns[a] > returns[b]) for a, b in combinations(order, 2)]
    return agreed
