"""Pictures as sixel graphics (DEC VT340), for terminals that say they show them.

Colours are those of 256-colour terminals: a fixed palette needs no search, and the registers are
set once a picture.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from robofeed_clips.half_blocks import Image, nearest_256, rgb_of_256

_BAND = 6
"""Rows of pixels in a line of sixels."""
_BITS = (1 << np.arange(_BAND))[:, None]


def encode(picture: Image) -> str:
    """The escape sequence that draws uint8 [height, width, 3] at the cursor."""
    height, width = picture.shape[:2]
    numbers = nearest_256(picture)
    used = np.unique(numbers)
    parts = [f'\x1bP0;1q"1;1;{width};{height}']
    for number, rgb in zip(used.tolist(), rgb_of_256(used).tolist(), strict=True):
        red, green, blue = (round(100 * level / 255) for level in rgb)
        parts.append(f"#{number};2;{red};{green};{blue}")
    for top in range(0, height, _BAND):
        band = numbers[top : top + _BAND]
        bits = _BITS[: len(band)]
        # All colours of a band are drawn over each other; $ goes back to its beginning.
        lines = [
            f"#{number}{_run_lengths(((band == number) * bits).sum(axis=0))}"
            for number in np.unique(band).tolist()
        ]
        parts.append("$".join(lines) + "-")
    parts.append("\x1b\\")
    return "".join(parts)


def _run_lengths(sixels: NDArray[np.intp]) -> str:
    """A line of sixels (0 to 63), runs of one kind written as !count."""
    text = []
    for sixel, run in itertools.groupby(sixels.tolist()):
        count = sum(1 for _ in run)
        letter = chr(63 + sixel)
        text.append(f"!{count}{letter}" if count > 3 else letter * count)
    if text and text[-1].endswith("?"):
        text.pop()
    return "".join(text)
