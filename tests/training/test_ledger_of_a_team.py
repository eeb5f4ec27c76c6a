"""A run whose ledger is in PostgreSQL: found again by every verb, and no password kept."""

from __future__ import annotations

import json
import signal

import pytest

from robofeed.cli import run as robofeed
from robofeed.data.errors import ConfigError
from robofeed.data.ledger import Ledger
from robofeed.data.run_folder import open_run_folder
from robofeed.events import FeedbackReceived
from robofeed.training import resume, train


@pytest.mark.needs("postgres")
def test_a_run_keeps_its_answers_in_the_teams_database_and_finds_them_again(point_config, postgres):
    seen = []

    def interrupt(event):
        if isinstance(event, FeedbackReceived):
            if not seen:
                signal.raise_signal(signal.SIGINT)
            seen.append(event)

    short = ("stop.steps=240", "schedule.updates_per_step=0.05", "reward.ensemble.max_epochs=1")
    few = ("evaluation.every_steps=1000", "evaluation.final_episodes=2", "evaluation.episodes=1")
    config = point_config(f'ledger.url="{postgres.url()}"', *short, *few)
    first = train(config, listen=interrupt)
    assert first.interrupted
    result = resume(first.run_dir)

    folder = open_run_folder(result.run_dir)
    assert not list(result.run_dir.glob("*.sqlite*"))
    assert json.loads((result.run_dir / "run.json").read_text())["ledger"] == folder.ledger
    ledger = Ledger.open(folder.ledger, make=False)
    assert ledger.count_answers() == result.final.answers > 10
    assert ledger.verify().problems == ()
    ledger.close()
    assert robofeed(["report", str(result.run_dir)]) == 0
    assert "Rankings" in (result.run_dir / "report.html").read_text("utf-8")


def test_a_password_in_the_url_is_refused_before_there_is_a_folder(point_config, tmp_path):
    config = point_config('ledger.url="postgresql://p1:correct-horse@host/db"')
    with pytest.raises(ConfigError, match="PGPASSWORD") as caught:
        train(config)
    assert "correct-horse" not in str(caught.value)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("setting", "code", "said"),
    [
        ("ledger.url=postgresql://p1:correct-horse@host/db", 2, "PGPASSWORD"),
        ("ledger.url=['postgresql://p1:correct-horse@host/db']", 2, "string"),
        ("ledger.url=\"postgresql://p1:correct-horse@host/db", 2, "TOML"),
        ("ledger.url=sqlite:///shared.sqlite", 2, "PostgreSQL URL, please"),
        ("ledger.url=postgresql://p1@127.0.0.1:1/db", 4, "is the server running"),
    ],
)  # fmt: skip
def test_a_wrong_url_ends_with_its_code_and_without_the_password(
    setting, code, said, tmp_path, capsys
):
    runs = f"run.out={tmp_path / 'runs'}"
    assert robofeed(["train", "reach", "--quiet", "--set", runs, "--set", setting]) == code
    told = "".join(capsys.readouterr())
    assert said in told
    assert "correct-horse" not in told
    saved = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"correct-horse" not in saved
