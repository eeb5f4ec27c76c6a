"""A stranger's backend goes through everything that core does with one."""

import re
from pathlib import Path

import pytest

from robofeed import load_config, train
from robofeed.cli import run

RUN_FILE = Path(__file__).resolve().parent.parent / "point.toml"
BRIEF = [
    "simulation.processes=1",
    "schedule.random_steps=160",
    "schedule.ask_after_steps=160",
    "schedule.first_session_answers=16",
    "schedule.answer_budget=16",
    "stop.steps=320",
    "evaluation.episodes=1",
    "evaluation.final_episodes=2",
]


def documented_names() -> set[str]:
    """What the table of docs/files.md says may stand in a run folder."""
    page = Path(__file__).resolve().parents[3] / "docs/files.md"
    return set(re.findall(r"^\| `([\w.]+)", page.read_text("utf-8"), re.MULTILINE))


def test_a_run_from_preferences_ends_with_a_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = [word for setting in BRIEF for word in ("--set", setting)]
    place = ["--out", str(tmp_path), "--name", "point", "--quiet"]

    assert run(["train", "--config", str(RUN_FILE), *place, *settings]) == 0

    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"report: {tmp_path / 'point' / 'report.html'}"
    assert "<video" in (tmp_path / "point/report.html").read_text("utf-8")
    assert {entry.name for entry in (tmp_path / "point").iterdir()} <= documented_names()


def test_every_question_of_the_budget_is_asked_and_answered(tmp_path: Path) -> None:
    result = train(load_config(file=RUN_FILE, overrides=[*BRIEF, f'run.out="{tmp_path}"']))

    assert result.final is not None
    assert result.final.answers == 16
    assert result.final.steps == 320
    assert result.stop_rule == "step budget"
