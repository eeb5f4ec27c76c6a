"""G-code as text: letters with numbers."""

from __future__ import annotations

import re

_WORD = re.compile(r"([A-Z])\s*([+-]?(?:\d+\.?\d*|\.\d+))")


def words(line: str) -> list[tuple[str, float]] | None:
    """The words of a line such as `G0 X180 Y0`, in order; None where it holds anything else."""
    found, at = [], 0
    text = line.strip().upper()
    while at < len(text):
        match = _WORD.match(text, at)
        if match is None:
            return None
        found.append((match[1], float(match[2])))
        at = match.end()
        while at < len(text) and text[at] == " ":
            at += 1
    return found
