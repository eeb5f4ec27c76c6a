"""Tests that a machine cannot run are listed, and fail the run where everything is required."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import pytest

@pytest.mark.needs("no-such-tool")
def test_with_a_tool_that_is_missing():
    raise AssertionError("was run")

@pytest.mark.soak
def test_a_whole_load():
    raise AssertionError("was run")

@pytest.mark.soak
def test_a_tenth_of_a_load(load_share):
    assert load_share == 0.1

@pytest.mark.needs("sh")
def test_with_a_tool_that_is_there():
    pass
"""


@pytest.fixture
def suite(tmp_path: Path, repository: Path) -> Path:
    shutil.copy(repository / "conftest.py", tmp_path)
    (tmp_path / "test_tools.py").write_text(TESTS, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nmarkers =\n    needs(tool): x\n    needs_gpu: x\n    soak: x\n", encoding="utf-8"
    )
    return tmp_path


def run(suite: Path, require: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
        cwd=suite,
        env={**os.environ, "ROBOFEED_REQUIRE": require, "ROBOFEED_SOAK": ""},
        capture_output=True,
        text=True,
    )


def test_a_missing_tool_is_listed_and_the_rest_runs(suite: Path) -> None:
    done = run(suite, "")

    assert done.returncode == 0
    assert "2 passed, 2 deselected" in done.stdout
    _, listed = done.stdout.split("NOT CHECKED HERE")
    assert "the tool no-such-tool" in listed
    assert "test_with_a_tool_that_is_missing" in listed
    assert "test_with_a_tool_that_is_there" not in listed


def test_what_was_not_checked_is_handed_on(suite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROBOFEED_NOT_CHECKED", str(suite / "list.json"))

    run(suite, "")

    listed = json.loads((suite / "list.json").read_text("utf-8"))
    assert listed == {
        "the tool no-such-tool": ["test_tools.py::test_with_a_tool_that_is_missing"],
        "time (`make soak` runs it)": ["test_tools.py::test_a_whole_load"],
    }


def test_a_missing_tool_fails_the_run_where_everything_is_required(suite: Path) -> None:
    done = run(suite, "all")

    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "no-such-tool" in done.stderr
    assert "scripts/debian.sh" in done.stderr
