"""The whole way of a correction: a training run, its page in a real Chromium, somebody steering."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from robofeed.data.feedback import Correction, Stop
from robofeed.data.ledger import Ledger
from robofeed.data.observation import ControlMode
from robofeed.data.people import Role
from robofeed.data.store import EpisodeStore

from .browser import ask_for_controls, chromium, come_in
from .conftest import Caller

__all__ = ["chromium"]

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(400)]

SETTINGS = (
    "schedule.random_steps=300",
    "schedule.ask_after_steps=200",
    "schedule.first_session_answers=20",
    "schedule.ahead_steps=100",
    "stop.steps=100000",
    "evaluation.every_steps=100000",
    "evaluation.episodes=1",
    "simulation.processes=1",
    # So long that somebody who clicks is sure to do so while it goes on.
    "reward.ensemble.max_epochs=1500",
    "reward.ensemble.patience=1500",
)
WAITING = ".live[data-busy='waiting for answers']"
FITTING = ".live[data-busy='the reward model is being fitted']"
CORRECTING = ".live[data-mode='correcting']:not([data-busy])"


@dataclass
class Training:
    process: subprocess.Popen[bytes]
    run_dir: Path
    log: Path

    @property
    def url(self) -> str:
        for _ in range(900):
            if found := re.search(r"http://\S+token=\S+", self.log.read_text()):
                return found.group()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.1)
                break
        raise AssertionError(self.log.read_text())

    def records(self) -> list[object]:
        with contextlib.closing(Ledger.open(self.run_dir / "feedback.sqlite")) as ledger:
            return [entry.feedback for entry in ledger.standing()]

    def link(self, person: str, role: Role) -> str:
        with contextlib.closing(Ledger.open(self.run_dir / "feedback.sqlite")) as ledger:
            token = ledger.people.add(person, role).token
        return f"{self.url.rpartition('=')[0]}={token}"


@pytest.fixture
def training(tmp_path: Path) -> Iterator[Training]:
    robofeed = str(Path(sys.executable).with_name("robofeed"))
    command = [robofeed, "train", "reach", "--feedback", "web", "--name", "steered"]
    command += ["--out", str(tmp_path), "--seed", "0"]
    command += [word for setting in SETTINGS for word in ("--set", setting)]
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
    yield Training(process, tmp_path / "steered", log)
    process.kill()
    process.wait()


def steer(page: Page, key: str) -> None:
    """Hold a key until the page says that the arm is corrected, and a little longer."""
    page.keyboard.down(key)
    page.wait_for_selector(CORRECTING)
    page.wait_for_timeout(500)
    page.keyboard.up(key)


def take(page: Page) -> None:
    ask_for_controls(page)
    page.wait_for_selector("#release")


def answer_all(url: str) -> None:
    """What a person says on the label page, said by a program: every open question."""
    caller = Caller(int(url.split(":")[2].split("/")[0])).enter(url.rpartition("=")[2]).agree()
    open_questions = caller.said("POST", "/api/questions", {"count": 20})[1]["questions"]
    assert open_questions
    for asked in open_questions:
        places = [[place] for place in range(len(asked["clips"]))]
        said = {"kind": "ranking", "uuid": str(uuid.uuid4()), "query": asked["id"]}
        assert caller.said("POST", "/api/feedback", said | {"places": places})[0] == 200


def test_an_arm_that_trains_is_taken_steered_given_back_and_stopped(
    chromium: Browser, training: Training
) -> None:
    page = come_in(chromium.new_page(), training.url, "live")
    page.set_default_timeout(90_000)

    # Training waits for answers; it waits no longer once somebody wants the arm.
    page.wait_for_selector(WAITING)
    take(page)
    steer(page, "w")
    page.click("#release")
    page.wait_for_selector("#take")
    page.wait_for_selector(WAITING)

    # A reward model is fitted: the controls are there at once, the arm when that is done.
    answer_all(training.url)
    page.wait_for_selector(FITTING)
    take(page)
    page.wait_for_selector(f"{FITTING} .doing:has-text('You have the controls')")
    steer(page, "d")

    # Somebody who may only look stops it.
    viewer = come_in(chromium.new_page(), training.link("vera", Role.VIEW), "live")
    viewer.wait_for_selector(".live[data-mode]")
    viewer.click("#stop")
    viewer.wait_for_selector("#news:has-text('nothing moves any more')")
    assert training.process.wait(60) == 5, training.log.read_text()

    records = training.records()
    assert [each.stamp.person for each in records if isinstance(each, Stop)] == ["vera"]
    corrections = [each for each in records if isinstance(each, Correction)]
    assert {(each.stamp.person, each.stamp.source) for each in corrections} == {("operator", "web")}
    store = EpisodeStore(training.run_dir)
    for each in corrections:
        mode = store.read(each.segment.episode_id).mode[each.segment.start : each.segment.stop]
        assert (mode == ControlMode.CORRECTING).all()
    assert sum(len(each.segment) for each in corrections) >= 10
