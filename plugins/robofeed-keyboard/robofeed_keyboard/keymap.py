"""Which key does what: bytes from a terminal to keys, keys to steps of an arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_ESCAPES = {
    b"\x1b[A": "up",
    b"\x1b[B": "down",
    b"\x1b[C": "right",
    b"\x1b[D": "left",
    b"\x1bOA": "up",
    b"\x1bOB": "down",
    b"\x1bOC": "right",
    b"\x1bOD": "left",
}
_NAMED = {"\r": "enter", "\n": "enter", "\x7f": "backspace", "\x08": "backspace", " ": "space"}

_BY_NAME: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "x": (("w", "up"), ("s", "down")),
    "y": (("a", "left"), ("d", "right")),
    "z": (("r",), ("f",)),
    "dx": (("d", "right"), ("a", "left")),
    "dy": (("w", "up"), ("s", "down")),
    "gripper": (("o",), ("c",)),
}
"""Keys that move an element of this name up and down."""
_OTHERS = (("w", "s"), ("a", "d"), ("r", "f"), ("t", "g"), ("y", "h"), ("u", "j"), ("i", "k"))
"""Pairs for elements of any other name, joints for instance, in their order."""

COMMANDS: Mapping[str, str] = {
    "space": "pause, and go on",
    "enter": "the episode is over: a success",
    "m": "the episode is over: a failure",
    "backspace": "throw the episode away",
    "b": "give the arm back to the policy now",
    "V": "take the controls over from whoever has them",
    "+": "larger steps",
    "-": "smaller steps",
    "X": "Stop (software): nothing moves any more, the run ends",
    "?": "show the keys",
    "q": "give the controls back and leave",
}
"""What the other keys do."""


@dataclass(frozen=True, slots=True)
class Jog:
    """One key's step: which element of the action, and up (1) or down (-1)."""

    element: int
    sign: int


def jogs_for(names: Sequence[str]) -> dict[str, Jog]:
    """The keys that move an arm whose action has elements of these names."""
    jogs: dict[str, Jog] = {}
    for element, name in enumerate(names):
        if name in _BY_NAME:
            for sign, keys in zip((1, -1), _BY_NAME[name], strict=True):
                jogs |= {key: Jog(element, sign) for key in keys}
    free = [pair for pair in _OTHERS if not set(pair) & set(jogs)]
    others = [element for element, name in enumerate(names) if name not in _BY_NAME]
    for element, (up, down) in zip(others, free, strict=False):
        jogs |= {up: Jog(element, 1), down: Jog(element, -1)}
    return jogs


def keys_of(data: bytes) -> tuple[list[str], bytes]:
    """The keys that bytes from a terminal stand for, and the start of one not yet whole.

    Unknown escape sequences are swallowed: half of one must not become a key that moves an arm.
    """
    keys: list[str] = []
    while data:
        if data[:1] == b"\x1b":
            size = _escape_size(data)
            if size is None:
                break
            if data[:size] in _ESCAPES:
                keys.append(_ESCAPES[data[:size]])
            data = data[size:]
            continue
        size = _character_size(data[0])
        if len(data) < size:
            break
        character, data = data[:size].decode("utf-8", "replace"), data[size:]
        if character in _NAMED:
            keys.append(_NAMED[character])
        elif len(character) == 1 and character.isprintable():
            keys.append(character)
    return keys, data


def _escape_size(data: bytes) -> int | None:
    """Length of the escape sequence at the start; None while it is not whole."""
    if len(data) < 2:
        return None
    if data[1:2] == b"O":
        return 3 if len(data) >= 3 else None
    if data[1:2] != b"[":
        return 2
    for size, byte in enumerate(data[2:], start=3):
        if 0x40 <= byte <= 0x7E:
            return size
    return None


def _character_size(first: int) -> int:
    return 1 + (first >= 0xC0) + (first >= 0xE0) + (first >= 0xF0)


def help_lines(names: Sequence[str]) -> list[str]:
    """The keys, a line each."""
    jogs = jogs_for(names)
    lines = []
    for element, name in enumerate(names):
        up = [key for key, jog in jogs.items() if jog == Jog(element, 1)]
        down = [key for key, jog in jogs.items() if jog == Jog(element, -1)]
        shown = f"{' '.join(up)} / {' '.join(down)}" if up else "no keys left for it"
        lines.append(f"  {shown:<22} {name or f'element {element}'} up / down")
    return [*lines, *(f"  {key:<22} {what}" for key, what in COMMANDS.items())]
