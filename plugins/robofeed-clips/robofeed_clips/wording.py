"""The words on the screen, the same in a terminal and in a window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from robofeed.data import consent
from robofeed_clips.film import numbers_of
from robofeed_clips.sitting import Mode, Sitting

_SIGNS = {"left": "←", "right": "→", "up": "↑", "down": "↓", "enter": "Enter"}
_SIGNS |= {"backspace": "Backspace", "space": "Space", "escape": "Esc", "tab": "Tab"}
_DEEDS = {
    "equal": "equal; between clips: the next one ties with the last",
    "skip": "can't tell (never the same as equal)",
    "undo": "take back the last answer",
    "accept": "the clips that are left are equally worst",
    "back": "one step back in an answer",
    "pause": "stand still, go on",
    "note": "a note in words",
    "rate": "rate one clip, 1 to 5",
    "outcome": "success or failure of one clip's episode",
    "help": "this help",
    "quit": "end; answers are kept",
}


def prompt(sitting: Sitting) -> str:
    """What is asked now, in one line."""
    query = sitting.query
    if sitting.mode is Mode.CONSENT:
        return "Do you agree?  y yes   n no, end"
    if sitting.mode is Mode.HELP:
        return "Any key goes back."
    if query is None:
        return "No question is open now; the next one appears by itself."
    clips, position = len(query.segments), sitting.position
    which = f"1 to {clips}"
    match sitting.mode:
        case Mode.NOTE:
            return f"Note (Enter stores, Esc drops): {sitting.note}_"
        case Mode.RATE if position is None:
            return f"Rate which clip? {which}, Esc goes back"
        case Mode.RATE if position is not None:
            return f"How good is clip {position + 1}? 1 worst to 5 best"
        case Mode.OUTCOME if position is None:
            return f"The episode of which clip? {which}, Esc goes back"
        case Mode.OUTCOME if position is not None:
            return f"Was the episode of clip {position + 1} a success? y or n"
    if clips == 2:
        return "Which is better?"
    if not sitting.draft.steps:
        return f"Which is best? {which}, then the next best ..."
    answer = " > ".join(
        " = ".join(str(position + 1) for position in group) for group in sitting.draft.groups
    )
    return f"{answer} {'=' if sitting.draft.joining else '>'} ..."


def clip_label(sitting: Sitting, position: int) -> str:
    """What stands under a clip: its number, and its place where it has one."""
    place = numbers_of(sitting.draft.groups).get(position)
    marked = sitting.draft.clips > 2 and sitting.cursor == position
    number = f"[{position + 1}]" if marked else f" {position + 1} "
    return number if place is None else f"{number} place {place}"


def key_line(deeds: Mapping[str, str], clips: int) -> str:
    """The most used keys in one line."""
    words = [f"1-{clips} {'better' if clips == 2 else 'next best'}"]
    short = {"equal": "equal", "skip": "can't tell", "undo": "undo", "pause": "pause"}
    if clips > 2:
        short = {"equal": "tie", "accept": "rest equal", "skip": "can't tell", "undo": "undo"}
    for deed, word in {**short, "help": "help", "quit": "end"}.items():
        words.append(f"{key_for(deeds, deed)} {word}")
    return "  ".join(words)


def help_lines(deeds: Mapping[str, str]) -> list[str]:
    """Every key and what it does."""
    lines = ["1 to 5      this clip is better, or the next best where there are more than two"]
    for deed, meaning in _DEEDS.items():
        names = " ".join(sign(key) for key in _keys_of(deeds, deed))
        lines.append(f"{names:<12}{meaning}")
    arrows = " ".join(sign(key) for deed in ("left", "right") for key in _keys_of(deeds, deed))
    takes = "mark, ↑ takes it" if deeds.get("up") == "equal" else "mark"
    lines.append(f"{arrows:<12}two clips: the left or right one is better; more: {takes}")
    return lines


def consent_lines(width: int) -> list[str]:
    """The text a person agrees to, in lines."""
    import textwrap

    return ["Before you begin", "", *textwrap.wrap(consent.TEXT, width)]


def troubles(trouble: Sequence[str]) -> str:
    """What is wrong with clips, in one line; "" where all is well."""
    return "   ".join(f"clip {number}: {text}" for number, text in enumerate(trouble, 1) if text)


def sign(key: str) -> str:
    """How a key is written."""
    return _SIGNS.get(key, key)


def key_for(deeds: Mapping[str, str], deed: str) -> str:
    """The key to name where a deed is spoken of, as it is written."""
    return sign(_keys_of(deeds, deed)[0])


def _keys_of(deeds: Mapping[str, str], deed: str) -> list[str]:
    return [key for key, its_deed in deeds.items() if its_deed == deed] or ["(no key)"]
