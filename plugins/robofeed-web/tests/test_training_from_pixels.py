"""The whole way: an arm trains, asks in a browser, and somebody answers by what the clips show."""

from __future__ import annotations

import base64
import contextlib
import io
import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from robofeed.data.feedback import Ranking
from robofeed.data.ledger import Ledger
from robofeed.data.store import EpisodeStore

from .browser import all_stored, answer, chromium, come_in
from .onlooker import distance_widths

__all__ = ["chromium"]

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(500)]

QUESTIONS = 10
SETTINGS = (
    "schedule.random_steps=600",
    "schedule.ask_after_steps=500",
    "schedule.first_session_answers=20",
    "schedule.answers_per_session=20",
    "schedule.session_every_steps=200",
    f"schedule.answer_budget={4 * QUESTIONS}",
    "schedule.ahead_steps=200",
    "stop.steps=1200",
    "evaluation.episodes=2",
    "evaluation.final_episodes=2",
    "simulation.processes=1",
)
LOOKS = 4


def look(page: Page) -> list[Any]:
    """What each clip shows now, from its canvas, uint8 [height, width, 3] each."""
    script = """() => [...document.querySelectorAll(".clips canvas")].map(
        (canvas) => canvas.toDataURL("image/png").split(",")[1])"""
    return [
        np.array(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB"))
        for png in page.evaluate(script)
    ]


def order_seen(page: Page) -> list[int]:
    """The clips on the screen, best first, after watching them for a second."""
    seen = []
    for _ in range(LOOKS):
        seen.append([distance_widths(picture) for picture in look(page)])
        page.wait_for_timeout(250)
    return [int(place) for place in np.argsort(np.mean(seen, axis=0))]


def test_somebody_who_sees_only_pixels_teaches_a_training_arm(
    chromium: Browser, tmp_path: Path
) -> None:
    robofeed = str(Path(sys.executable).with_name("robofeed"))
    command = [robofeed, "train", "reach", "--feedback", "web", "--name", "pixels"]
    command += ["--out", str(tmp_path), "--seed", "0", "--set", "feedback.web.port=0"]
    command += [word for setting in SETTINGS for word in ("--set", setting)]
    log = tmp_path / "log"
    with log.open("wb") as file:
        training = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
    try:
        page = chromium.new_page()
        come_in(page, link(log, training))
        # The next session is held when the arm has made its steps.
        page.set_default_timeout(150_000)
        for number in range(QUESTIONS):
            # The last one is the worst by itself.
            keys = [str(place + 1) for place in order_seen(page)[:-1]]
            if number < QUESTIONS - 1:
                answer(page, *keys)
            else:
                for key in keys:
                    page.keyboard.press(key)
        all_stored(page)
        assert training.wait(200) == 0, log.read_text()
    finally:
        training.kill()
        training.wait()
    agreed = agreement_with_truth(tmp_path / "pixels")
    assert len(agreed) == QUESTIONS * 10
    assert np.mean(agreed) > 0.6, "pairs of clips"
    assert "RewardFitted" in (tmp_path / "pixels" / "events.jsonl").read_text()


def link(log: Path, training: subprocess.Popen[bytes]) -> str:
    for _ in range(600):
        if found := re.search(r"http://\S+token=\S+", log.read_text()):
            return found.group()
        with contextlib.suppress(subprocess.TimeoutExpired):
            training.wait(0.1)
            break
    raise AssertionError(log.read_text())


def agreement_with_truth(run_dir: Path) -> list[bool]:
    """For every pair of ranked clips, whether the better one had the higher true return."""
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
