"""The documents say what the files say: links lead somewhere and snippets stand in real files."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("plugins/*.md")]
    + [*ROOT.glob("plugins/*/*.md"), *ROOT.glob("sim_assets/*.md")]
)
LINK = re.compile(r"!?\[[^]]*]\(([^)#\s]+)(?:#[^)]*)?\)")
FENCE = re.compile(r"^```(\w*)(?: from=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TUTORIAL = ROOT / "plugins/README.md"


@dataclass(frozen=True)
class Snippet:
    """A fenced block. `source` is the file it is cut from, where its fence says ` from=FILE`."""

    language: str
    source: str
    text: str


def snippets(page: Path) -> Iterator[Snippet]:
    for language, source, text in FENCE.findall(page.read_text("utf-8")):
        yield Snippet(language, source, text)


def label(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=label)
def test_links_lead_somewhere(page: Path) -> None:
    targets = [target for target in LINK.findall(page.read_text("utf-8")) if ":" not in target]

    assert not [target for target in targets if not (page.parent / target).exists()]


@pytest.mark.parametrize("page", PAGES, ids=label)
def test_python_and_toml_blocks_parse(page: Path) -> None:
    for snippet in snippets(page):
        if snippet.source:
            continue  # part of a file that is checked as a whole
        if snippet.language == "python":
            ast.parse(snippet.text)
        elif snippet.language == "toml":
            tomllib.loads(snippet.text)


@pytest.mark.parametrize("page", PAGES, ids=label)
def test_a_snippet_cut_from_a_file_stands_in_that_file(page: Path) -> None:
    for snippet in snippets(page):
        if snippet.source:
            assert snippet.text in (ROOT / snippet.source).read_text("utf-8"), snippet.source


def test_the_tutorial_shows_every_line_of_the_plugin_it_grows() -> None:
    shown = "".join(snippet.text for snippet in snippets(TUTORIAL) if snippet.source)
    files = [*(ROOT / "plugins/robofeed-example").glob("robofeed_example/*.py")]
    files.append(ROOT / "plugins/robofeed-example/pyproject.toml")
    hidden = [
        f"{file.name}: {line}"
        for file in files
        for line in file.read_text("utf-8").splitlines()
        if line.strip() and line not in shown
    ]

    assert not hidden
