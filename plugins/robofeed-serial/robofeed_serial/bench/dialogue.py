"""What commands ask a person at a terminal, and how they are answered."""

from __future__ import annotations

import sys

from robofeed import ConfigError, SafetyStop


def wait_for_enter(text: str) -> None:
    """Print `text` and wait until Enter is pressed.

    Raises:
        ConfigError: standard input has ended: there is nobody to ask.
    """
    print(f"{text}, then press Enter ", end="", flush=True)
    _line()


def insist_on_yes(text: str) -> None:
    """Go on only after the word yes.

    Raises:
        SafetyStop: anything else was answered.
        ConfigError: there is nobody to ask.
    """
    print(f"{text} Type yes to go on: ", end="", flush=True)
    if _line().strip().lower() != "yes":
        raise SafetyStop("not confirmed: nothing has moved")


def _line() -> str:
    try:
        line = sys.stdin.readline() if sys.stdin is not None else ""
    except UnicodeDecodeError:  # a key that no keyboard sends by itself: no answer to anything
        return "?"
    except OSError:  # the terminal is gone
        line = ""
    if not line:
        print(flush=True)  # what is said now begins on a line of its own
        raise ConfigError("this asks questions and standard input has ended: run it in a terminal")
    return line
