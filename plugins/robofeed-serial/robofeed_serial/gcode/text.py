"""Lines of text out of bytes that come in any pieces, and numbers into G-code."""

from __future__ import annotations

import math
from collections.abc import Mapping

LONGEST = 512


class LineReader:
    """Gives whole lines; bytes that are no ASCII make a line that nothing matches."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[str]:
        """The lines that `data` completes, without their ends and without empty ones."""
        self._rest += data
        *lines, rest = bytes(self._rest).replace(b"\r", b"\n").split(b"\n")
        # What never ends is no line: noise may not fill the memory.
        self._rest = bytearray(rest[-LONGEST:])
        return [line.decode("ascii", "replace") for line in lines if line]


def move_words(place: Mapping[str, float], speed: float) -> str:
    """`X180.000 Y0.000 F5000.0`; `speed` in units a second becomes units a minute.

    Raises:
        ValueError: a number that is not finite, or a speed that is not above 0.
    """
    if not place or not all(math.isfinite(value) for value in place.values()):
        raise ValueError(f"a move needs finite numbers, not {dict(place)}")
    if not (math.isfinite(speed) and speed > 0.0):
        raise ValueError(f"a move needs a speed above 0, not {speed}")
    axes = " ".join(f"{name}{value:.3f}" for name, value in place.items())
    return f"{axes} F{speed * 60.0:.1f}"
