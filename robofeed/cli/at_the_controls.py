"""The front end by which a person comes to the controls of an arm that a verb opens."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import typer

from robofeed.data.errors import ConfigError

KEYBOARD, WEB, NONE = "keyboard", "web", "none"
BY = "keyboard or terminal (here), web (a page), or none: whoever connects to the folder."
"""Help of the option."""
_OTHER_NAMES = {"terminal": KEYBOARD}
_CLOSE_S = 5.0


@contextlib.contextmanager
def at_the_controls(by: str, person: str) -> Iterator[Callable[[Path], Callable[[], bool]]]:
    """Check that a person can come, then yield what calls them to a folder; all ends with it.

    What it yields returns, in turn, what says whether they have gone.

    Raises:
        ConfigError: no such way, or what it needs is not there.
    """
    by = _OTHER_NAMES.get(by, by)
    if by not in (KEYBOARD, WEB, NONE):
        raise ConfigError(f"--by {by}: {KEYBOARD}, {WEB} or {NONE}, please")
    if by == KEYBOARD:
        _check_keyboard()
    elif by == WEB:
        _check_page()
    pilots: list[subprocess.Popen[bytes]] = []

    def opened(folder: Path) -> Callable[[], bool]:
        if by == NONE:
            typer.echo(f"{folder} waits for somebody to take the controls: robofeed drive {folder}")
            return lambda: False
        pilots.append(_keyboard(folder, person) if by == KEYBOARD else _page(folder))
        return lambda: pilots[0].poll() is not None

    try:
        yield opened
    finally:
        for pilot in pilots:
            # Keys leave by themselves, and put the terminal in order, when the socket closes.
            if by == WEB:
                pilot.terminate()
            try:
                pilot.wait(_CLOSE_S)
            except subprocess.TimeoutExpired:
                pilot.terminate()


def _check_keyboard() -> None:
    from robofeed.cli.verbs import find_verbs

    if "drive" not in find_verbs():
        raise ConfigError(
            "the keyboard is not installed: pip install -e plugins/robofeed-keyboard. Or say "
            "--by none and take the controls from elsewhere"
        )
    if not sys.stdin.isatty():
        raise ConfigError(
            "keys can only be read from a terminal, and standard input is none: use `ssh -t` or "
            "tmux, or --by none"
        )


def _check_page() -> None:
    from robofeed.cli.label import front_ends

    if "web" not in front_ends():
        raise ConfigError(
            "the page is not installed: pip install -e plugins/robofeed-web. Or say --by keyboard"
        )


def _page(folder: Path) -> subprocess.Popen[bytes]:
    """`robofeed label --web`, whose live view has the controls; it says where it is."""
    return subprocess.Popen(
        [sys.executable, "-m", "robofeed", "label", "--web", "--live", str(folder)]
    )


def _keyboard(folder: Path, person: str) -> subprocess.Popen[bytes]:
    """`robofeed drive` in this terminal; a process of its own, as with an arm anywhere else."""
    return subprocess.Popen(
        [sys.executable, "-m", "robofeed", "drive", str(folder), "--person", person]
    )
