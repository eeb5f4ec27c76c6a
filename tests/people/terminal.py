"""Somebody at a real terminal (tmux); what they see are the colours of its characters."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from .lesson import CLIPS, Order
from .onlooker import Picture

COLUMNS, ROWS = 240, 67
"""Of a terminal that fills a screen of 1920 x 1080 pixels with the usual letters of 8 x 16."""
LOOKS, LOOK_EVERY_S = 6, 0.2
_WAIT_S = 300.0
_HALF = "▀"
_PART = re.compile(r"\x1b\[([0-9;]*)m|(\n)|([^\x1b])")


def answer_at_terminal(
    command: list[str],
    folder: Path,
    questions: int,
    judge: Callable[[list[list[Picture]]], Order],
    looks: int = LOOKS,
) -> None:
    """Train by `command` in a terminal, and answer every question there as `judge` says."""
    with Tmux(command) as terminal:
        terminal.until("Do you agree?")
        terminal.press("y")
        for number in range(questions):
            terminal.until(f"   {number} answered")
            terminal.until(_HALF)
            seen = [look(terminal) for _ in range(looks)]
            # The last one is the worst by itself.
            terminal.press(*(str(place + 1) for place in judge(seen)[:-1]))
        terminal.until("ended with 0")


def look(terminal: Tmux) -> list[Picture]:
    """All clips at a moment at which the terminal was not just drawing them for the first time."""
    while True:
        time.sleep(LOOK_EVERY_S)
        shown = clips_shown(terminal.screen("-e"))
        if len(shown) == CLIPS and len({picture.shape for picture in shown}) == 1:
            return shown


def clips_shown(screen: str) -> list[Picture]:
    """The pictures on a screen of half blocks, in reading order, two pixels a character."""
    upper = np.zeros((ROWS, COLUMNS, 3), np.uint8)
    lower = np.zeros((ROWS, COLUMNS, 3), np.uint8)
    drawn = np.zeros((ROWS, COLUMNS), np.bool_)
    row = column = 0
    front = back = (0, 0, 0)
    for codes, newline, letter in _PART.findall(screen):
        if newline:
            row, column = row + 1, 0
        elif letter:
            if letter == _HALF:
                upper[row, column], lower[row, column] = front, back
                drawn[row, column] = True
            column += 1
        else:
            front, back = _colours(codes, front, back)
    pixels = np.stack([upper, lower], axis=1).reshape(2 * ROWS, COLUMNS, 3)
    return [pixels[2 * top : 2 * bottom, left:right] for top, bottom, left, right in _boxes(drawn)]


Colour = tuple[int, int, int]


def _colours(codes: str, front: Colour, back: Colour) -> tuple[Colour, Colour]:
    """The colours after an SGR sequence."""
    numbers = [int(code or 0) for code in codes.split(";")]
    while numbers:
        match numbers:
            case [38, 2, red, green, blue, *numbers]:
                front = red, green, blue
            case [48, 2, red, green, blue, *numbers]:
                back = red, green, blue
            case [0, *numbers]:
                front = back = (0, 0, 0)
            case [_, *numbers]:
                pass
    return front, back


def _boxes(drawn: np.ndarray) -> Iterator[tuple[int, int, int, int]]:
    """The rectangles that are drawn on: top, bottom, left, right."""
    above: dict[tuple[int, int], int] = {}
    for row in range(len(drawn) + 1):
        line = drawn[row] if row < len(drawn) else np.zeros_like(drawn[0])
        edges = np.flatnonzero(np.diff(np.pad(line.astype(np.int8), 1)))
        runs = [(int(left), int(right)) for left, right in edges.reshape(-1, 2)]
        for run in sorted(above.keys() - set(runs)):
            yield above.pop(run), row, *run
        for run in runs:
            above.setdefault(run, row)


class Tmux:
    """A terminal in which one command runs."""

    def __init__(self, command: list[str]) -> None:
        self._name = f"robofeed-{uuid.uuid4().hex[:12]}"
        self._command = command

    def __enter__(self) -> Tmux:
        line = f"{shlex.join(self._command)}; echo ended with $?; cat"
        size = ("-x", str(COLUMNS), "-y", str(ROWS))
        subprocess.run(
            ["tmux", "-L", self._name, "-f", "/dev/null", "new-session", "-d", *size, line],
            env={**os.environ, "COLORTERM": "truecolor"},
            check=True,
        )
        return self

    def __exit__(self, *trouble: object) -> None:
        kill = ("tmux", "-L", self._name, "kill-server")
        subprocess.run(kill, check=False, capture_output=True)

    def press(self, *keys: str) -> None:
        """Send keys, by tmux's names."""
        self._run("send-keys", *keys)

    def screen(self, *options: str) -> str:
        """What stands on it."""
        return self._run("capture-pane", "-p", *options)

    def until(self, text: str) -> str:
        """Wait until `text` is on the screen, and return the screen."""
        end_s = time.monotonic() + _WAIT_S
        while text not in (screen := self.screen()):
            assert time.monotonic() < end_s, f"{text!r} did not appear; there is:\n{screen}"
            time.sleep(0.1)
        return screen

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-L", self._name, *arguments], check=True, capture_output=True, text=True
        )
        return done.stdout
