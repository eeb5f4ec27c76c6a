"""`robofeed live --by web` and a real Chromium: a policy acts while somebody has its page open."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from robofeed import load_config, train
from robofeed.data.feedback import Correction, Outcome
from robofeed.data.ledger import Ledger
from robofeed.data.observation import ControlMode
from robofeed.data.store import EpisodeStore

from .browser import ask_for_controls, chromium, come_in
from .test_recording_by_browser import link

__all__ = ["chromium"]

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(300)]
RUN = """
[run]
device = "cpu"
[backend]
use = "point"
[simulation]
processes = 1
[schedule]
random_steps = 1000
[learner.sac]
hidden = [16, 16]
[stop]
steps = 40
[evaluation]
every_steps = 100000
final_episodes = 1
"""
ACTS = ".live[data-phase='live'][data-mode='autonomous']"
PAUSED = ".live[data-phase='live'][data-mode='paused']"
CORRECTING = ".live[data-phase='live'][data-mode='correcting']"


def test_the_policy_acts_while_somebody_has_the_controls_and_only_then(
    chromium: Browser, tmp_path: Path
) -> None:
    file, log = tmp_path / "run.toml", tmp_path / "log"
    file.write_text(RUN, encoding="utf-8")
    run = train(load_config(file=file, overrides=[f'run.out="{tmp_path}"'])).run_dir
    command = [sys.executable, "-m", "robofeed", "live", str(run), "--by", "web"]
    command += ["--episodes", "2", "--name", "acted"]
    with log.open("wb") as out:
        acting = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        page = come_in(chromium.new_page(), link(log), "live")
        page.wait_for_selector(f"{PAUSED} .doing:has-text('until somebody takes the controls')")
        ask_for_controls(page)
        page.wait_for_selector("#release")
        page.wait_for_selector(f"{PAUSED} .doing:has-text('Space lets the policy go on')")
        page.keyboard.press("Space")
        page.wait_for_selector(f"{ACTS} .doing:has-text('Live: 0 done')")

        page.keyboard.down("d")
        page.wait_for_selector(CORRECTING)
        page.wait_for_timeout(300)
        page.keyboard.up("d")
        page.click("button:has-text('End as success')")
        # Whoever has judged does not hold the arm in the next episode.
        page.wait_for_selector(f"{ACTS} .doing:has-text('Live: 1 done')")

        page.click("#release")
        page.wait_for_selector(f"{PAUSED} dd:has-text('nobody')")
        ask_for_controls(page)
        page.wait_for_selector(f"{PAUSED} #pause")
        page.keyboard.press("Space")
        page.wait_for_selector(ACTS)
        page.click("button:has-text('End as failure')")
        assert acting.wait(60) == 0, log.read_text()
    finally:
        acting.kill()
        acting.wait()

    said = log.read_text()
    assert "2 episodes: success 0.50" in said
    assert "0.50 interventions an episode" in said
    folder = tmp_path / "acted"
    with contextlib.closing(Ledger.open(folder / "feedback.sqlite")) as ledger:
        records = [entry.feedback for entry in ledger.standing()]
    assert [each.success for each in records if isinstance(each, Outcome)] == [True, False]
    (correction,) = [each for each in records if isinstance(each, Correction)]
    first = EpisodeStore(folder).read("l000000")
    steered = slice(correction.segment.start, correction.segment.stop)
    assert (first.mode[steered] == ControlMode.CORRECTING).all()
    assert correction.stamp.source == "web"
