"""The whole way: an arm trains, asks people, and somebody answers by what the clips show.

In full (`make soak`) what the arm learns from them is compared to what it learns in the same run
from somebody who presses keys blindly.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from .lesson import (
    CLIPS,
    SEEDS,
    TENTH,
    WHOLE,
    Order,
    Outcome,
    answers_in,
    by_pixels,
    command,
    outcome_of,
)
from .onlooker import Picture
from .page import answer_at_page
from .terminal import answer_at_terminal

WAYS = {"web": answer_at_page, "terminal": answer_at_terminal}
AT_MOST = 0.6
"""of the final distance that blind answers lead to"""
Judge = Callable[[list[list[Picture]]], Order]


def blind(seed: int) -> Judge:
    rng = np.random.default_rng(seed)
    return lambda looks: [int(place) for place in rng.permutation(CLIPS)]


def lesson(folder: Path, way: str, seed: int, sees: bool, settings: dict[str, float]) -> Path:
    """Have a run taught; returns its folder."""
    name = f"{way}-{'pixels' if sees else 'blind'}-{seed}"
    (folder / name).mkdir()
    judge, looks = (by_pixels, {}) if sees else (blind(seed), {"looks": 0})
    words = command(folder / name, name, seed, way, settings)
    questions = round(settings["schedule.answer_budget"]) // (CLIPS - 1)
    WAYS[way](words, folder / name, questions, judge, **looks)
    return folder / name / name


def measured(folder: Path, way: str, seed: int, sees: bool) -> Outcome:
    """Have a run taught in full, and measure what it learned."""
    outcome = outcome_of(lesson(folder, way, seed, sees, WHOLE))
    print(f"{way}, seed {seed}, {'by pixels' if sees else 'blindly'}: {outcome}", flush=True)
    return outcome


def pair(folder: Path, way: str, seed: int) -> tuple[Outcome, Outcome]:
    """By pixels and blindly, beside each other."""
    with ThreadPoolExecutor(2) as two:
        seen, unseen = (two.submit(measured, folder, way, seed, sees) for sees in (True, False))
        return seen.result(), unseen.result()


@pytest.mark.timeout(500)
@pytest.mark.parametrize(
    "way",
    [
        pytest.param("web", marks=pytest.mark.needs("chromium")),
        pytest.param("terminal", marks=pytest.mark.needs("tmux")),
    ],
)
def test_somebody_who_sees_only_pixels_teaches_a_training_arm(way: str, tmp_path: Path) -> None:
    run_dir = lesson(tmp_path, way, 0, True, TENTH)
    answers = answers_in(run_dir)
    assert answers.count == TENTH["schedule.answer_budget"]
    assert answers.agreed > 0.7
    assert "RewardFitted" in (run_dir / "events.jsonl").read_text(encoding="utf-8")


@pytest.mark.soak
@pytest.mark.timeout(7_200)
@pytest.mark.parametrize(
    "way",
    [
        pytest.param("web", marks=pytest.mark.needs("chromium")),
        pytest.param("terminal", marks=pytest.mark.needs("tmux")),
    ],
)
def test_what_is_learned_from_pixels_beats_blind_answers(way: str, tmp_path: Path) -> None:
    outcomes = [pair(tmp_path, way, seed) for seed in SEEDS]
    pixels, blindly = np.mean(
        [[seen.distance_m, unseen.distance_m] for seen, unseen in outcomes], axis=0
    )
    print(f"{way}: final distance {pixels / blindly:.2f} of that of blind answers")
    assert pixels <= AT_MOST * blindly
    assert all(seen.distance_m <= AT_MOST * unseen.distance_m for seen, unseen in outcomes)
