"""`robofeed live` in a real terminal: a policy acts, and somebody at the keys corrects it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from robofeed import load_config, train
from robofeed.cli import run as robofeed
from robofeed.data.feedback import Consent, Correction, Outcome, Stop
from robofeed.data.ledger import Ledger
from robofeed.data.observation import ControlMode
from robofeed.data.store import EpisodeStore

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
POLICY_ACTS = r"\[autonomous\].* step [1-9]"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that has a checkpoint."""
    place = tmp_path_factory.mktemp("run")
    (place / "run.toml").write_text(RUN, encoding="utf-8")
    config = load_config(file=place / "run.toml", overrides=[f'run.out="{place}"'])
    return train(config).run_dir


@contextlib.contextmanager
def terminal(run: Path, *words: str) -> Iterator[pexpect.spawn]:
    """`robofeed live` in a terminal, agreed to and waiting for somebody to let the policy act."""
    command = ["-m", "robofeed", "live", str(run), "--person", "anna", *words]
    child = pexpect.spawn(
        sys.executable, command, encoding="utf-8", timeout=60, dimensions=(40, 200)
    )
    try:
        child.expect("Do you agree")
        child.send("y")
        child.expect(r"\[paused\] l000000 step 0 \| space: the policy acts \| held by anna")
        yield child
    finally:
        child.close(force=True)


def ended(child: pexpect.spawn, code: int) -> str:
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == code, child.before
    return str(child.before)


def records(folder: Path) -> list[object]:
    with contextlib.closing(Ledger.open(folder / "feedback.sqlite")) as ledger:
        return [entry.feedback for entry in ledger.standing()]


def test_a_person_lets_the_policy_act_corrects_it_pauses_it_and_judges_it(
    run: Path, tmp_path: Path
) -> None:
    place = ("--out", str(tmp_path), "--name", "acted")
    with terminal(run, "--episodes", "2", "--by", "terminal", *place) as child:
        child.send(" ")
        child.expect(POLICY_ACTS)
        child.send("d")
        child.expect(r"\[correcting\] l000000")
        child.expect(r"\[autonomous\] l000000")  # given back after a while without keys
        child.send(" ")
        child.expect(r"\[paused\] l000000 step \d+ \| space: the policy acts")
        child.send(" ")
        child.expect(r"\[autonomous\] l000000")
        child.send("\r")
        child.expect(r"\[autonomous\] l000001 step [1-9]")
        child.send("m")
        said = ended(child, 0)

    folder = tmp_path / "acted"
    assert "2 episodes: success 0.50 (95 % interval 0.09-0.91)" in said
    assert "0.50 interventions an episode" in said
    assert f"--set prior.folder={folder}" in said
    store = EpisodeStore(folder)
    first, second = (store.read(f"l{number:06d}") for number in (0, 1))
    steered = int((first.mode == ControlMode.CORRECTING).sum())
    assert re.search(rf"{steered} of {len(first) + len(second)} steps corrected", said)
    assert steered > 0
    assert not (second.mode == ControlMode.CORRECTING).any()
    kept = records(folder)
    assert sum(isinstance(each, Consent) for each in kept) == 1
    corrections = [each for each in kept if isinstance(each, Correction)]
    assert sum(len(each.segment) for each in corrections) == steered
    assert {(each.stamp.person, each.stamp.source) for each in corrections} == {
        ("anna", "keyboard")
    }
    assert [each.success for each in kept if isinstance(each, Outcome)] == [True, False]


def test_ctrl_c_keeps_what_was_done(run: Path) -> None:
    with terminal(run, "--name", "broken-off") as child:
        child.send(" ")
        child.expect(POLICY_ACTS)
        child.send("w")
        child.expect(r"\[correcting\] l000000")
        child.sendintr()
        said = ended(child, 130)

    folder = run.parent / "broken-off"  # beside the run
    assert "1 episode: none judged" in said
    (name,) = EpisodeStore(folder).ids()
    assert EpisodeStore(folder).read(name).correction is not None
    assert any(isinstance(each, Correction) for each in records(folder))


def test_stop_ends_it_and_says_what_came_of_it(run: Path, tmp_path: Path) -> None:
    with terminal(run, "--out", str(tmp_path), "--name", "stopped") as child:
        child.send(" ")
        child.expect(POLICY_ACTS)
        child.send("X")
        said = ended(child, 5)

    assert "1 episode: success 0.00" in said
    assert "What was done until then is on disk" in said
    assert any(isinstance(each, Stop) for each in records(tmp_path / "stopped"))


def test_who_leaves_before_anything_moved_leaves_nothing_behind_but_the_folder(
    run: Path, tmp_path: Path
) -> None:
    with terminal(run, "--out", str(tmp_path), "--name", "left", "--json") as child:
        child.send("q")
        said = ended(child, 0)

    (line,) = [each for each in said.splitlines() if each.startswith("{")]
    told = json.loads(line)
    assert (told["episodes"], told["success_rate"], told["interrupted"]) == (0, None, False)
    assert EpisodeStore(tmp_path / "left").ids() == ()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["/nowhere"], 4, "/nowhere is not a run: it is not a folder"),
        (["PLACE"], 4, "is not a run: it has no run.json"),
        (["RUN", "--by", "nobody"], 2, "--by nobody: keyboard, web or none"),
        (["RUN", "--set", "control.socket=false", "--by", "none"], 2, "leaves nobody a way"),
        (["RUN", "--by", "keyboard"], 2, "standard input is none"),
    ],
)
def test_what_cannot_begin_says_why(
    run: Path,
    tmp_path: Path,
    words: list[str],
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    places = {"RUN": str(run), "PLACE": str(tmp_path)}
    with open(os.devnull) as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        assert robofeed(["live", *(places.get(word, word) for word in words)]) == code
    assert said in capsys.readouterr().err
