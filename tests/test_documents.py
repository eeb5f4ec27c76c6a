"""The documents say what the files say: links lead somewhere and snippets stand in real files."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer.main

from robofeed.cli import application
from robofeed.cli.verbs import find_verbs

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("plugins/*.md")]
    + [*ROOT.glob("plugins/*/*.md"), *ROOT.glob("sim_assets/*.md"), *ROOT.glob("hardware/**/*.md")]
)
LINK = re.compile(r"!?\[[^]]*]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
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


def headings(page: Path) -> set[str]:
    """What links to parts of the page have behind their `#`, as sites that show pages make it."""
    prose = FENCE.sub("", page.read_text("utf-8"))
    words = [re.sub(r"\[([^]]*)]\([^)]*\)", r"\1", found) for found in HEADING.findall(prose)]
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in words}


def commands(page: Path) -> Iterator[list[str]]:
    """The words behind `robofeed` in shell blocks and in code within a line."""
    text = page.read_text("utf-8")
    lines = re.findall(r"`(robofeed [^`\n]*)`", FENCE.sub("", text))
    for snippet in snippets(page):
        if snippet.language == "sh":
            lines += re.sub(r"\\\n\s*", " ", snippet.text).splitlines()
    for line in lines:
        words = shlex.split(line, comments=True) if "robofeed " in line else []
        if words[:1] in (["robofeed"], [".venv/bin/robofeed"]):
            yield words[1:]


def label(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=label)
def test_links_lead_somewhere(page: Path) -> None:
    lost = []
    for target in LINK.findall(page.read_text("utf-8")):
        if ":" in target:
            continue  # on other machines
        file, _, part = target.partition("#")
        there = page.parent / file if file else page
        if not there.exists() or (part and part not in headings(there)):
            lost.append(target)

    assert not lost


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
def test_python_blocks_import_what_there_is(page: Path) -> None:
    for snippet in snippets(page):
        if snippet.language != "python" or snippet.source:
            continue
        for node in ast.walk(ast.parse(snippet.text)):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("robofeed"):
                module = importlib.import_module(str(node.module))
                assert not [name.name for name in node.names if not hasattr(module, name.name)]
            elif isinstance(node, ast.Import):
                for name in node.names:
                    importlib.import_module(name.name)


@pytest.mark.parametrize("page", PAGES, ids=label)
def test_commands_have_their_verbs_and_options(page: Path) -> None:
    verbs = find_verbs()
    for words in commands(page):
        options = {word for word in words if word.startswith("--")}
        names = [word for word in words if word not in options]
        if not names or "|" in words or names[0] == "label":
            continue  # a choice, as in `list | verify`; or the options of a front end of `label`
        assert names[0] in verbs, words
        command: Any = typer.main.get_command(application(verbs, called=names[0]))
        while hasattr(command, "commands") and names and names[0] != "...":
            assert names[0] in command.commands, words
            command = command.commands[names.pop(0)]
        known = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
        assert options <= known | {"--help"}, words


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
