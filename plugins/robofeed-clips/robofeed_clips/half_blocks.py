"""Pictures as characters: each shows two pixels, the upper in the colour of a half block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Cells = NDArray[np.uint8]
"""[rows, columns, 6]: red, green, blue of the upper pixel, then of the lower one."""

_UNSEEN = 10
"""Levels of 256 by which a colour may be off: encoding alone changes still parts by as much."""
_LEVELS = np.array([0, 95, 135, 175, 215, 255])
"""Of the 6x6x6 colour cube of 256-colour terminals (as xterm has it); greys are 8, 18 ... 238."""


def scaled(picture: Image, height: int, width: int) -> Image:
    """`picture` in another size; each pixel is the mean of those it covers."""
    rows = _edges(picture.shape[0], height)
    columns = _edges(picture.shape[1], width)
    sums = np.add.reduceat(picture.astype(np.uint32), rows[:-1], axis=0)
    sums = np.add.reduceat(sums, columns[:-1], axis=1)
    area = np.diff(rows)[:, None, None] * np.diff(columns)[None, :, None]
    mean: Image = (sums // area).astype(np.uint8)
    return mean


def to_cells(picture: Image, rows: int, columns: int) -> Cells:
    """`picture` as rows x columns characters."""
    pixels = scaled(picture, 2 * rows, columns)
    return np.concatenate([pixels[0::2], pixels[1::2]], axis=2)


def draw(cells: Cells, before: Cells | None, row: int, column: int, code: Colour) -> Drawn:
    """Escape sequences that bring `cells` to the screen at row, column (from 0).

    `before` is what stands there: only what differs from it by more than the eye sees is written,
    since a moving arm in a still picture is a small part of it and lines may be slow.
    """
    if before is None:
        changed = np.ones(cells.shape[:2], np.bool_)
        standing = cells.copy()
    else:
        changed = (np.abs(cells.astype(np.int16) - before) > _UNSEEN).any(axis=2)
        standing = np.where(changed[:, :, None], cells, before)
    text: list[str] = []
    upper_now = lower_now = ""
    for line, places in ((line, np.flatnonzero(changed[line])) for line in range(len(cells))):
        last = -2
        for place in places.tolist():
            if place != last + 1:
                text.append(f"\x1b[{row + line + 1};{column + place + 1}H")
            last = place
            red, green, blue, *below = cells[line, place].tolist()
            upper, lower = code(red, green, blue), code(*below)
            if upper_now != upper:
                text.append(f"\x1b[38;{upper}m")
            if lower_now != lower:
                text.append(f"\x1b[48;{lower}m")
            upper_now, lower_now = upper, lower
            text.append("▀")
    if text:
        text.append("\x1b[0m")
    return Drawn("".join(text), standing)


@dataclass(frozen=True, slots=True)
class Drawn:
    """What to write, and what then stands on the screen."""

    text: str
    standing: Cells


Colour = Callable[[int, int, int], str]
"""Red, green, blue to the end of an SGR code."""


def true_colour(red: int, green: int, blue: int) -> str:
    """24 bits."""
    return f"2;{red};{green};{blue}"


@lru_cache(maxsize=1 << 15)
def of_256(red: int, green: int, blue: int) -> str:
    """The nearest of 256 colours."""
    return f"5;{int(nearest_256(np.array([red, green, blue], np.uint8)))}"


def nearest_256(pixels: Image) -> NDArray[np.uint8]:
    """The nearest of the cube's colours and greys for pixels [..., 3], as numbers 16 to 255."""
    values = pixels.astype(np.int32)
    steps = np.abs(values[..., None] - _LEVELS).argmin(axis=-1)
    cube_error = ((_LEVELS[steps] - values) ** 2).sum(axis=-1)
    grey = np.clip(np.rint((values.mean(axis=-1) - 8) / 10), 0, 23).astype(np.int32)
    grey_error = ((8 + 10 * grey[..., None] - values) ** 2).sum(axis=-1)
    cube = 16 + 36 * steps[..., 0] + 6 * steps[..., 1] + steps[..., 2]
    nearest = np.where(grey_error < cube_error, 232 + grey, cube)
    numbers: NDArray[np.uint8] = nearest.astype(np.uint8)
    return numbers


def rgb_of_256(numbers: NDArray[np.uint8]) -> Image:
    """What numbers 16 to 255 look like: [..., 3]."""
    index = numbers.astype(np.int32)
    cube = np.clip(index - 16, 0, 215)
    colours = _LEVELS[np.stack([cube // 36, cube // 6 % 6, cube % 6], axis=-1)]
    grey = 8 + 10 * np.clip(index - 232, 0, 23)
    looks: Image = np.where((index >= 232)[..., None], grey[..., None], colours).astype(np.uint8)
    return looks


def _edges(length: int, parts: int) -> NDArray[np.intp]:
    """Where `parts` nearly equal parts begin and end; where there are too few pixels, they repeat.

    Raises:
        ValueError: more parts than pixels.
    """
    if parts > length:
        raise ValueError(f"a picture of {length} pixels cannot fill {parts}")
    return np.linspace(0, length, parts + 1).astype(np.intp)
