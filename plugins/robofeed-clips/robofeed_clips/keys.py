"""Bytes of a terminal to names of keys, and to the terminal's replies."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAMED = {
    "\r": "enter",
    "\n": "enter",
    "\x7f": "backspace",
    "\x08": "backspace",
    "\t": "tab",
    " ": "space",
}
_ARROWS = {"A": "up", "B": "down", "C": "right", "D": "left"}
_SEQUENCE = re.compile(r"\x1b(?:\[([<=>?]?)([0-9;:]*)[ -/]*([@-~])|O([ -~]))")
_BEGUN = re.compile(r"\x1b(?:\[[<=>?]?[0-9;:]*[ -/]*|O)?\Z")


@dataclass(frozen=True, slots=True)
class Key:
    """A key: a character, or enter, backspace, space, tab, escape, up, down, left, right."""

    name: str


@dataclass(frozen=True, slots=True)
class Attributes:
    """The terminal's answer to "what are you" (DA1). 4 means sixel graphics."""

    codes: tuple[int, ...]

    @property
    def sixel(self) -> bool:
        """Whether it shows sixel graphics."""
        return 4 in self.codes[1:]


@dataclass(frozen=True, slots=True)
class CellSize:
    """Height and width of a character in px, the answer to CSI 16 t."""

    height: int
    width: int


Event = Key | Attributes | CellSize


class KeyParser:
    """Takes bytes as they come, in pieces of any size. Sequences it does not know are dropped."""

    def __init__(self) -> None:
        self._bytes = b""

    @property
    def waiting(self) -> bool:
        """Whether a sequence has begun: more may come, or it was the escape key alone."""
        return bool(self._bytes)

    def feed(self, data: bytes) -> list[Event]:
        """What these bytes complete."""
        self._bytes += data
        events: list[Event] = []
        while self._bytes:
            text, whole = _decoded(self._bytes)
            if not text:
                if whole:
                    break  # the first bytes of a character
                self._bytes = self._bytes[1:]
                continue
            found = _SEQUENCE.match(text)
            if found:
                event = _sequence(found)
                if event is not None:
                    events.append(event)
                used = found.end()
            elif _BEGUN.match(text):
                break
            elif text[0] == "\x1b":
                events.append(Key("escape"))
                used = 1
            else:
                name = _NAMED.get(text[0], text[0])
                if name.isprintable():
                    events.append(Key(name))
                used = 1
            self._bytes = self._bytes[len(text[:used].encode()) :]
        return events

    def flush(self) -> list[Event]:
        """Nothing came for a while: what has begun was the escape key."""
        begun, self._bytes = self._bytes, b""
        return [Key("escape")] if begun.startswith(b"\x1b") else []


def _decoded(data: bytes) -> tuple[str, bool]:
    """The characters that are whole, and whether what follows them may become one."""
    try:
        return data.decode(), True
    except UnicodeDecodeError as error:
        return data[: error.start].decode(), "unexpected end" in error.reason


def _sequence(found: re.Match[str]) -> Event | None:
    mark, numbers, final, simple = found.groups()
    codes = tuple(int(number) for number in re.findall(r"\d+", numbers or ""))
    if (simple or final) in _ARROWS and not mark:
        return Key(_ARROWS[simple or final])
    if final == "c" and mark == "?":
        return Attributes(codes)
    if final == "t" and not mark and len(codes) == 3 and codes[0] == 6:
        return CellSize(codes[1], codes[2])
    return None
