"""Whether a camera still sees: it may be dark, covered, or show one picture for ever.

A picture that shows nothing, or the same as the one before, is no new picture. So the age of the
newest one grows from the moment at which a camera fell blind or froze, whatever its driver says.
"""

from __future__ import annotations

import numpy as np

from robofeed.data.observation import Picture

_EVERY = 4
"""rows and columns of which one is looked at"""
_BLOCKS = 6
"""parts of height and width over which brightness is averaged, against the sensor's noise"""
_DARK = 14
"""of 255: no part of a picture in the dark is brighter"""
_PLAIN = 5
"""of 255: parts of a picture of nothing differ by less, whatever its colour"""
_BLIND_S = 0.5
"""Exposure settles, and somebody walks past; a camera is not blind before."""


class PictureWatch:
    """Told of each picture; says which count, and what is wrong.

    Args:
        frozen_s: After so long with one picture a camera is frozen; 0 = never.
    """

    def __init__(self, frozen_s: float) -> None:
        self._frozen_ns = round(frozen_s * 1e9)
        self._before = b""
        self._changed_ns = self._seeing_ns = -1
        self.trouble = ""
        """in words, "" = none"""

    def is_news(self, picture: Picture, time_ns: int) -> bool:
        """Whether the picture shows something, and not the same as the one before."""
        # Whole rows: a driver that repeats itself does so to the bit, and any sensor has noise.
        rows = picture[:: 2 * _EVERY].tobytes()
        changed = rows != self._before
        self._before = rows
        nothing = shows_nothing(picture)
        if changed or self._changed_ns < 0:
            self._changed_ns = time_ns
        if not nothing or self._seeing_ns < 0:
            self._seeing_ns = time_ns
        still_ns = time_ns - self._changed_ns
        if nothing and time_ns - self._seeing_ns > _BLIND_S * 1e9:
            self.trouble = nothing
        elif self._frozen_ns and still_ns > self._frozen_ns:
            self.trouble = (
                f"frozen: it has shown the same picture for {self._frozen_ns / 1e9:g} s. Unplug it "
                "and plug it in again"
            )
        elif not nothing:
            self.trouble = ""
        return not nothing and (changed or not self._frozen_ns)


def shows_nothing(picture: Picture) -> str:
    """Why nothing can be seen on a picture; "" where something can."""
    seen = picture[::_EVERY, ::_EVERY].mean(axis=2)
    parts = [
        float(part.mean())
        for band in np.array_split(seen, _BLOCKS)
        for part in np.array_split(band, _BLOCKS, axis=1)
    ]
    if max(parts) < _DARK:
        return "dark: take its cover off, or switch a light on"
    if max(parts) - min(parts) < _PLAIN:
        return "covered or blinded: its picture is of one colour. Look what is before it"
    return ""
