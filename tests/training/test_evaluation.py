"""`robofeed eval`: the newest policy of a run, measured again on the seeds kept for reporting."""

from __future__ import annotations

import json

import pytest

from robofeed.cli import run as command_line
from robofeed.data.errors import DataError
from robofeed.training import train
from robofeed.training.evaluation import evaluate_run


def test_it_finds_what_the_run_itself_reported(point_config):
    result = train(point_config())

    again = evaluate_run(result.run_dir, episodes=6)

    assert again.successes == result.final.successes
    assert again.interval == result.final.interval
    assert again.first_seed == result.final.seeds[0]
    assert again.checkpoint == "step_000000400"


def test_a_damaged_checkpoint_is_passed_over_and_named(point_config):
    result = train(point_config())
    (result.run_dir / "checkpoints" / "step_000000400" / "policy.safetensors").write_bytes(b"")

    again = evaluate_run(result.run_dir, episodes=2)

    assert again.checkpoint != "step_000000400"
    assert "step_000000400" in again.skipped_checkpoints[0]


def test_the_command_prints_success_with_its_interval_as_json(point_config, capsys):
    result = train(point_config("stop.steps=200"))

    code = command_line(["eval", str(result.run_dir), "--episodes", "4", "--json"])

    printed = json.loads(capsys.readouterr().out)
    assert code == 0
    assert printed["episodes"] == 4
    low, high = printed["interval"]
    assert 0.0 <= low <= printed["success_rate"] <= high <= 1.0


def test_a_run_without_a_checkpoint_says_so(point_config):
    def give_up(event):
        raise KeyError

    config = point_config()
    with pytest.raises(KeyError):
        train(config, listen=give_up)

    with pytest.raises(DataError, match="no checkpoint yet"):
        evaluate_run(train(point_config("stop.steps=40", name="other")).run_dir.parent / "run", 1)
