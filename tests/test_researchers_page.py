"""What docs/researchers.md shows can be done as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import robofeed
from robofeed.config import RunConfig, resolve
from robofeed.plugins import load_plugins
from robofeed.run_file import load_config, preset_names

PAGE = (Path(__file__).resolve().parent.parent / "docs/researchers.md").read_text("utf-8")
BRIEF = {
    "run.seed": 1,
    "backend.pybullet.horizon": 30,
    "simulation.processes": 1,
    "schedule.random_steps": 60,
    "schedule.ask_after_steps": 60,
    "schedule.answer_budget": 8,
    "schedule.first_session_answers": 8,
    "stop.steps": 120,
    "evaluation.episodes": 1,
    "evaluation.final_episodes": 2,
}


def block(language: str, beginning: str) -> str:
    (found,) = (
        text
        for text in re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
        if text.startswith(beginning)
    )
    return str(found)


def test_the_run_file_is_accepted_to_the_last_setting(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text(block("toml", "[backend]"), encoding="utf-8")

    resolved = resolve(load_config(file=file), load_plugins().provider)

    assert resolved.config.schedule.answer_budget == 1_000
    assert resolved.feedback.settings.model_dump()["kind"] == "mistake"


def test_every_table_of_a_run_file_is_listed() -> None:
    assert re.findall(r"^\| `\[(\w+)]`", PAGE, re.MULTILINE) == list(RunConfig.model_fields)


def test_every_preset_is_named() -> None:
    assert all(f"`{name}`" in PAGE for name in preset_names())


def test_the_python_lines_train(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = block("python", "import robofeed\n\nconfig")
    brief = [f"{key}={value}" for key, value in BRIEF.items()]

    def load_briefly(preset: str, overrides: list[str]) -> RunConfig:
        return load_config(preset, overrides=[*overrides, *brief, f'run.out="{tmp_path}"'])

    monkeypatch.setattr(robofeed, "load_config", load_briefly)
    exec(compile(lines, "docs/researchers.md", "exec"), {})

    shown = capsys.readouterr().out
    assert "RunStarted(" in shown
    assert "stopped by step budget" in shown
    assert re.search(r"^success [01]\.\d\d \(", shown, re.MULTILINE)
