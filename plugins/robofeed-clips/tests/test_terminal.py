"""A person at a real terminal (tmux), as over SSH: ranks by keys, and sees clips move."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from robofeed import event_log
from robofeed.data.feedback import Consent, Feedback, Ranking, Retraction, Skip
from robofeed.data.ledger import Ledger
from robofeed.events import FeedbackReceived, RewardFitted
from robofeed_clips.config import TerminalConfig
from robofeed_clips.terminal import colours
from robofeed_clips.window import check_display, key_name, side_by_side

pytestmark = pytest.mark.timeout(300)
Start = Callable[..., Any]
MakeRun = Callable[..., Path]

POINT = """
[run]
device = "cpu"
[backend]
use = "point"
[backend.point]
horizon = 20
[clips]
width = 96
height = 72
[simulation]
processes = 1
[queries]
clips = 2
segment_steps = 8
[schedule]
random_steps = 100
ask_after_steps = 100
first_session_answers = 6
answer_budget = 6
updates_per_step = 0.05
[stop]
answers = 6
settle_steps = 40
steps = "none"
[evaluation]
every_steps = 1000000
episodes = 1
final_episodes = 2
[checkpoint]
every_steps = 1000000
[learner.sac]
hidden = [16, 16]
batch_size = 16
exploration_particles = 64
[reward.ensemble]
hidden = [16, 16]
max_epochs = 5
"""


def said(run: Path) -> list[Feedback]:
    ledger = Ledger.open(run / "feedback.sqlite")
    try:
        return [entry.feedback for entry in ledger.since()]
    finally:
        ledger.close()


@pytest.mark.needs("tmux")
def test_twenty_pairs_are_ranked_by_keys(make_run: MakeRun, tmux: Start) -> None:
    run = make_run(22)
    terminal = tmux(80, 24, "label", run, "--terminal", "--person", "ada")
    terminal.until("Do you agree?")
    terminal.press("y")
    keys = "1212=s12Lu21R1=2s1=21"
    number = answered = 0
    for key in keys:
        terminal.until(f"question q{number:06d}   {answered} answered")
        terminal.until("▀")
        terminal.press({"L": "Left", "R": "Right"}.get(key, key))
        number, answered = (number - 1, answered - 1) if key == "u" else (number + 1, answered + 1)
    terminal.until(f"{answered} answered")
    terminal.press("q")
    screen = terminal.until("ended with 0")
    assert f"{answered} answers stored" in screen

    consent, *records = said(run)
    assert isinstance(consent, Consent)
    meant = {"1": ((1,), (0,)), "2": ((0,), (1,)), "=": ((0, 1),)}
    meant |= {"L": meant["1"], "R": meant["2"]}
    for key, record in zip(keys, records, strict=True):
        assert record.stamp.person == "ada" and record.stamp.source == "terminal"
        if key == "s":
            assert isinstance(record, Skip)
        elif key == "u":
            assert isinstance(record, Retraction)
        else:
            assert isinstance(record, Ranking) and record.order == meant[key]
            assert record.stamp.shown_order == (1, 0)
            assert 0 < record.stamp.shown_at_ns < record.stamp.answered_at_ns
    assert len(records) == 21 and answered == 19


@pytest.mark.needs("tmux")
def test_clips_move_stand_still_and_follow_the_size(make_run: MakeRun, tmux: Start) -> None:
    terminal = tmux(100, 30, "label", make_run(1), "--terminal")
    terminal.until("Do you agree?")
    terminal.press("y")
    terminal.until("▀")

    def pictures() -> set[str]:
        seen = set()
        for _ in range(25):
            seen.add("\n".join(terminal.screen("-e").splitlines()[1:-6]))
            time.sleep(0.05)
        return seen

    assert len(pictures()) > 4, "ten pictures in half a second and then again"
    terminal.press("Space")
    terminal.until("PAUSED")
    time.sleep(0.3)
    assert len(pictures()) == 1
    terminal.resize(30, 10)
    terminal.until("too small")
    terminal.resize(80, 24)
    terminal.until("▀")
    terminal.press("?")
    terminal.until("take back the last answer")
    terminal.press("x", "C-c")
    terminal.until("ended with 0")


@pytest.mark.needs("tmux")
def test_training_learns_from_answers_given_meanwhile(tmp_path: Path, tmux: Start) -> None:
    file = tmp_path / "point.toml"
    file.write_text(POINT, encoding="utf-8")
    arguments = ("--config", file, "--feedback", "terminal", "--out", tmp_path, "--name", "run")
    terminal = tmux(100, 30, "train", *arguments)
    terminal.until("Do you agree?")
    terminal.press("y")
    for number in range(6):
        terminal.until(f"question q{number:06d}")
        terminal.until("▀")
        terminal.press("1")
    terminal.until("ended with 0", timeout_s=200)

    events = event_log.read_events(tmp_path / "run")
    heard = [event for event in events if isinstance(event, FeedbackReceived)]
    assert heard[-1].answers == 6 and heard[-1].open_queries == 0
    assert any(isinstance(event, RewardFitted) for event in events)
    assert len(said(tmp_path / "run")) == 7
    assert "success" in terminal.screen() and "stopped by: label budget" in terminal.screen("-J")


@pytest.mark.needs("tmux")
def test_a_run_that_ends_before_its_questions_are_answered_says_so(
    tmp_path: Path, tmux: Start
) -> None:
    file = tmp_path / "point.toml"
    file.write_text(POINT, encoding="utf-8")
    arguments = ("--config", file, "--feedback", "terminal", "--out", tmp_path, "--name", "run")
    short = ("--set", "stop.answers=none", "--set", "stop.steps=140")
    terminal = tmux(100, 30, "train", *arguments, *short)
    terminal.until("ended with 0", timeout_s=200)

    assert "6 questions were never answered" in terminal.screen()


@pytest.mark.needs("tmux")
def test_a_terminal_that_is_too_small_is_refused(make_run: MakeRun, tmux: Start) -> None:
    terminal = tmux(30, 10, "label", make_run(1), "--terminal")

    terminal.until("ended with 2")
    terminal.resize(120, 30)
    assert "too small" in terminal.screen("-J", "-S", "-50")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "needs one: standard input and output are not both a terminal"),
        (("--window",), "no display for a window"),
        (("--sixel", "perhaps"), "--sixel"),
        (("--person", "../x"), "--person"),
    ],
)
def test_what_cannot_be_drawn_on_is_said(
    make_run: MakeRun, arguments: tuple[str, ...], said: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "robofeed", "label", make_run(1), "--terminal", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={"PATH": "", "TERM": "xterm"},
    )

    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr


def test_training_without_a_terminal_is_refused_and_leaves_no_folder(tmp_path: Path) -> None:
    file = tmp_path / "point.toml"
    file.write_text(POINT, encoding="utf-8")
    command = ("train", "--config", file, "--feedback", "terminal", "--out", tmp_path / "runs")
    done = subprocess.run(
        [sys.executable, "-m", "robofeed", *command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 2 and "needs one" in done.stderr
    assert not any((tmp_path / "runs").glob("*"))


def test_colours_are_those_the_terminal_says_it_has() -> None:
    assert colours({"COLORTERM": "truecolor", "TERM": "xterm"}) == "24bit"
    assert colours({"TERM": "xterm-direct"}) == "24bit"
    assert colours({"TERM": "screen-256color"}) == colours({}) == "256"
    assert TerminalConfig().colours == "auto"


def test_a_window_shows_clips_side_by_side_and_knows_its_keys() -> None:
    import numpy as np

    left, right = (np.full((40, 60, 3), level, np.uint8) for level in (50, 200))
    row = side_by_side([left, right])

    assert (row[:40, :60] == 50).all() and (row[:40, -60:] == 200).all()
    assert row.shape[1] > 120 and row.shape[0] > 40
    assert [key_name(code) for code in (ord("1"), 0x10FF51, 13, 32, -1, 0xFFE1)] == [
        *("1", "left", "enter", "space", None, None)
    ]
    with pytest.raises(Exception, match="no display"):
        check_display({})
