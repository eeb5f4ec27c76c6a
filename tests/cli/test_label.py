"""`robofeed label` hands everything to a front end of another distribution."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from robofeed.cli import label, run

FRONT_END = '''"""Answer on paper."""

from pathlib import Path

def command(run: Path, sheets: int = 1) -> None:
    """Answer on paper."""
    print("{name}", run, sheets)
'''


class Distribution:
    def __init__(self, name: str) -> None:
        self.name = name


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Makes front ends of these names the installed ones; "broken" cannot be imported."""

    def offering(*names: str) -> None:
        points = []
        for name in names:
            module = f"label_on_{name}"
            text = "import no_such_library\n" if name == "broken" else FRONT_END.format(name=name)
            (tmp_path / f"{module}.py").write_text(text, encoding="utf-8")
            monkeypatch.delitem(sys.modules, module, raising=False)
            point = EntryPoint(name, f"{module}:command", label.GROUP)
            vars(point).update(dist=Distribution(f"robofeed-{name}"))
            points.append(point)
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.setattr(label, "entry_points", lambda group: EntryPoints(points))

    return offering


def test_the_flag_chooses_and_the_rest_is_handed_on(offer, capsys) -> None:
    offer("terminal", "web", "paper")

    assert run(["label", "runs/a", "--paper", "--sheets", "3"]) == 0
    assert run(["label", "--terminal", "runs/a"]) == 0
    assert run(["label", "runs/a"]) == 0, "the web page where it is installed"
    assert capsys.readouterr().out.split("\n")[:3] == [
        "paper runs/a 3",
        "terminal runs/a 1",
        "web runs/a 1",
    ]


def test_help_lists_front_ends_unimported_and_each_has_its_own(offer, capsys) -> None:
    offer("paper", "terminal")

    assert run(["label", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "--paper" in shown and "Answer on paper." in shown
    assert "label_on_paper" not in sys.modules
    assert run(["label", "--paper", "--help"]) == 0
    assert "--sheets" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--paper", "--terminal", "runs/a"], "choose one of them"),
        (["--paper", "runs/a", "--shets", "3"], "--shets"),
        (["--paper"], "Missing argument"),
        (["--broken", "runs/a"], "robofeed-broken"),
    ],
)
def test_what_cannot_be_used_is_a_usage_error(offer, capsys, arguments, said) -> None:
    offer("paper", "terminal", "broken")

    assert run(["label", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_without_a_front_end_it_is_said_how_to_get_one(offer, capsys) -> None:
    offer()

    assert run(["label", "runs/a"]) == 2
    assert "plugins/robofeed-web" in capsys.readouterr().err
