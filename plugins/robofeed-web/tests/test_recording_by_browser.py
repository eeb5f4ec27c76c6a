"""Demonstrations recorded through the page: `robofeed record --by web` and a real Chromium."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from robofeed.data.feedback import Consent, Demonstration, Outcome
from robofeed.data.ledger import Ledger
from robofeed.data.store import EpisodeStore

from .browser import ask_for_controls, chromium, come_in

__all__ = ["chromium"]

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(300)]
POINT = '[backend]\nuse = "point"\n[backend.point]\nhorizon = 40\n[simulation]\nprocesses = 1\n'


def demonstrate(page: Page, key: str, end: str) -> None:
    page.keyboard.down(key)
    page.wait_for_selector(".live[data-mode='correcting']")
    page.wait_for_timeout(400)
    page.keyboard.up(key)
    page.click(f"button:has-text('{end}')")


def test_a_person_shows_the_task_in_a_browser(chromium: Browser, tmp_path: Path) -> None:
    file, log = tmp_path / "point.toml", tmp_path / "log"
    file.write_text(POINT, encoding="utf-8")
    command = [sys.executable, "-m", "robofeed", "record", "--by", "web", "--config", str(file)]
    command += ["--demonstrations", "1", "--out", str(tmp_path), "--name", "shown"]
    with log.open("wb") as out:
        recording = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    try:
        page = come_in(chromium.new_page(), link(log), "live")
        page.wait_for_selector(".doing:has-text('waits for somebody to take the controls')")
        ask_for_controls(page)
        page.wait_for_selector("#release")
        demonstrate(page, "d", "Discard")
        page.wait_for_selector("dd:has-text('d000001')")
        demonstrate(page, "w", "End as success")
        assert recording.wait(60) == 0, log.read_text()
    finally:
        recording.kill()
        recording.wait()

    assert "1 demonstrations of 2 episodes" in log.read_text()
    with contextlib.closing(Ledger.open(tmp_path / "shown" / "feedback.sqlite")) as ledger:
        said = [entry.feedback for entry in ledger.standing()]
    (kept,) = [each for each in said if isinstance(each, Demonstration)]
    assert (kept.episode_id, kept.stamp.source) == ("d000001", "web")
    assert [each.success for each in said if isinstance(each, Outcome)] == [True]
    assert sum(isinstance(each, Consent) for each in said) == 1
    store = EpisodeStore(tmp_path / "shown")
    assert store.read("d000000").reason == "discarded by a person"
    assert store.read("d000001").correction is not None


def link(log: Path) -> str:
    latest_s = time.monotonic() + 60
    while (found := re.search(r"drive at (http://\S+token=\S+)#live", log.read_text())) is None:
        assert time.monotonic() < latest_s, log.read_text()
        time.sleep(0.1)
    return found.group(1)
