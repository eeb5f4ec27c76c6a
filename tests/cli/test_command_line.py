"""The `robofeed` command: verbs, help, exit codes and what a failing verb says."""

from __future__ import annotations

import importlib
import inspect
import json
import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest
import typer

from robofeed.cli import run, verbs
from robofeed.data.errors import ConfigError, DataError, HardwareError, SafetyStop

VERB = '''"""Wave the arm."""

def command(times: int = 1) -> None:
    """Wave the arm."""
    print("waving", times)
'''


class Distribution:
    def __init__(self, name: str) -> None:
        self.name = name


def offer(monkeypatch: pytest.MonkeyPatch, *points: tuple[str, str, str]) -> None:
    """Make (name, target, distribution) the installed verbs of other distributions.

    Each distribution also has a plugin named after the part behind the hyphen.
    """
    made: dict[str, list[EntryPoint]] = {verbs.GROUP: [], "robofeed": []}
    for name, target, distribution in points:
        plugin = distribution.rpartition("-")[2]
        for point in (
            EntryPoint(name, target, verbs.GROUP),
            EntryPoint(plugin, f"{plugin}_plugin", "robofeed"),
        ):
            vars(point).update(dist=Distribution(distribution))
            made[point.group].append(point)
    monkeypatch.setattr(verbs, "entry_points", lambda group: EntryPoints(made[group]))


def module(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, text: str) -> None:
    """Make a module importable for this test."""
    (folder / f"{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, name, raising=False)


def raising(error: str) -> str:
    return (
        "from robofeed.data.errors import *\n\n"
        f'def command() -> None:\n    """Fail."""\n    raise {error}\n'
    )


@pytest.mark.parametrize("name", verbs.OWN_VERBS)
def test_the_help_line_of_a_verb_is_its_docstrings_first(name: str) -> None:
    command = importlib.import_module(f"robofeed.cli.{name}").command
    if isinstance(command, typer.Typer):
        assert command.registered_callback is not None
        command = command.registered_callback.callback

    assert (inspect.getdoc(command) or "").splitlines()[0] == verbs.OWN_VERBS[name]


def test_help_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out

    assert all(name in shown for name in verbs.OWN_VERBS)


def test_a_mistyped_verb_is_a_usage_error_with_the_nearest_match(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["trian"]) == 2
    assert "Did you mean 'train'?" in capsys.readouterr().err


def test_the_version_is_the_distributions(capsys: pytest.CaptureFixture[str]) -> None:
    from importlib.metadata import version

    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"robofeed {version('robofeed')}\n"


def test_another_distributions_verb_is_listed_unimported_and_run_when_called(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module(monkeypatch, tmp_path, "waving_arm", VERB)
    offer(monkeypatch, ("wave", "waving_arm:command", "robofeed-waving"))

    assert run(["--help"]) == 0
    assert "Wave the arm." in capsys.readouterr().out
    assert "waving_arm" not in sys.modules

    assert run(["wave", "--times", "3"]) == 0
    assert capsys.readouterr().out == "waving 3\n"


def test_two_verbs_of_one_name_are_refused_naming_both(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    offer(monkeypatch, ("wave", "a:command", "robofeed-a"), ("wave", "b:command", "robofeed-b"))

    assert run(["--help"]) == 2
    said = capsys.readouterr().err
    assert "robofeed-a" in said
    assert "robofeed-b" in said


def test_a_verb_cannot_take_the_place_of_cores(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    offer(monkeypatch, ("train", "a:command", "robofeed-a"))

    assert run(["doctor"]) == 2
    assert "robofeed-a" in capsys.readouterr().err


def test_a_broken_verb_harms_only_those_who_call_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module(monkeypatch, tmp_path, "broken_arm", "import no_such_library\n")
    offer(monkeypatch, ("wave", "broken_arm:command", "robofeed-broken"))

    assert run(["--help"]) == 0
    assert run(["wave"]) == 2
    said = capsys.readouterr().err
    assert "robofeed-broken" in said
    assert "no_such_library" in said


@pytest.mark.parametrize("listed", ["robofeed-waving", "waving", "other, robofeed_Waving"])
def test_a_listed_plugins_verb_is_there(
    listed: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    module(monkeypatch, tmp_path, "waving_arm", VERB)
    offer(monkeypatch, ("wave", "waving_arm:command", "robofeed-waving"))
    monkeypatch.setenv("ROBOFEED_PLUGINS", listed)

    assert run(["wave"]) == 0


@pytest.mark.parametrize("listed", ["", "other"])
def test_a_plugin_that_is_not_listed_has_no_verb(
    listed: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    module(monkeypatch, tmp_path, "waving_arm", VERB)
    offer(monkeypatch, ("wave", "waving_arm:command", "robofeed-waving"))
    monkeypatch.setenv("ROBOFEED_PLUGINS", listed)

    assert run(["wave"]) == 2
    assert "waving_arm" not in sys.modules


@pytest.mark.parametrize("error", [ConfigError, HardwareError, DataError, SafetyStop])
def test_a_deliberate_error_is_a_message_and_its_exit_code(
    error: type[ConfigError],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    module(monkeypatch, tmp_path, "failing_arm", raising(f"{error.__name__}('the arm sulks')"))
    offer(monkeypatch, ("wave", "failing_arm:command", "robofeed-failing"))

    assert run(["wave"]) == error.exit_code
    assert capsys.readouterr().err == "robofeed: error: the arm sulks\n"


def test_the_exit_codes_are_the_documented_ones(repository: Path) -> None:
    page = (repository / "docs/exit-codes.md").read_text("utf-8")
    codes = {error.exit_code for error in (ConfigError, HardwareError, DataError, SafetyStop)}

    assert codes == {2, 3, 4, 5}
    assert all(f"| {code} |" in page for code in {*codes, 0, 1, 130})


def test_control_c_ends_with_130(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module(monkeypatch, tmp_path, "stopped_arm", raising("KeyboardInterrupt"))
    offer(monkeypatch, ("wave", "stopped_arm:command", "robofeed-stopped"))

    assert run(["wave"]) == 130
    assert capsys.readouterr().err == "robofeed: interrupted\n"


def test_control_c_while_a_verb_is_imported_ends_with_130(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module(monkeypatch, tmp_path, "slow_arm", "raise KeyboardInterrupt\n")
    offer(monkeypatch, ("wave", "slow_arm:command", "robofeed-slow"))

    assert run(["wave"]) == 130
    assert capsys.readouterr().err == "robofeed: interrupted\n"


def test_an_unforeseen_error_is_short_and_its_traceback_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module(monkeypatch, tmp_path, "faulty_arm", raising("ZeroDivisionError('by nought')"))
    offer(monkeypatch, ("wave", "faulty_arm:command", "robofeed-faulty"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    assert run(["wave"]) == 1
    said = capsys.readouterr().err
    assert "ZeroDivisionError: by nought" in said
    assert "Traceback" not in said
    (saved,) = tmp_path.glob("robofeed-traceback-*.txt")
    assert str(saved) in said
    assert "faulty_arm.py" in saved.read_text("utf-8")


def test_debugging_prints_the_traceback(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module(monkeypatch, tmp_path, "failing_arm", raising("ConfigError('the arm sulks')"))
    offer(monkeypatch, ("wave", "failing_arm:command", "robofeed-failing"))
    monkeypatch.setenv("ROBOFEED_DEBUG", "1")

    assert run(["wave"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_runs_lists_readable_and_unreadable_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in (
        ("late", '{"created_at": "2026-01-02T00:00:00", "status": "running", "task": "reach"}'),
        ("early", '{"created_at": "2026-01-01T00:00:00", "status": "finished"}'),
        ("torn", '{"created_at": "2026'),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(text, encoding="utf-8")

    assert run(["runs", str(tmp_path), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)

    assert [row["name"] for row in rows] == ["torn", "early", "late"]
    assert [row["status"] for row in rows] == ["unreadable", "finished", "running"]
    assert run(["runs", str(tmp_path)]) == 0
    assert "reach" in capsys.readouterr().out


def test_runs_in_a_folder_that_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["runs", str(tmp_path / "nowhere")]) == 2
    assert "nowhere" in capsys.readouterr().err


def test_plugins_list_shows_the_bundled_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plugins", "list", "--json"]) == 0
    rows = {row["distribution"]: row for row in json.loads(capsys.readouterr().out)}

    assert "backend point" in rows["robofeed-example"]["offers"]
    assert "watches updated" in rows["robofeed-tensorboard"]["offers"]
    assert run(["plugins", "list"]) == 0
    assert "robofeed-example" in capsys.readouterr().out


def test_doctor_looks_at_everything(capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["doctor", "--json"])
    findings = {row["subject"]: row for row in json.loads(capsys.readouterr().out)}

    assert {"python", "torch", "pybullet", "disk", "plugins", "versions"} <= set(findings)
    assert findings["torch"]["state"] == "ok"
    assert code == (3 if any(row["state"] == "problem" for row in findings.values()) else 0)


def test_doctor_survives_a_library_that_kills_the_process() -> None:
    from robofeed.cli.doctor import _native

    finding = _native("arms", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "mend it")

    assert finding.state == "problem"
    assert "signal 11" in finding.detail
    assert finding.advice == "mend it"


def test_doctor_names_a_missing_library() -> None:
    from robofeed.cli.doctor import _native

    finding = _native("arms", "import no_such_library", "pip install it")

    assert finding.state == "problem"
    assert "no_such_library" in finding.detail
