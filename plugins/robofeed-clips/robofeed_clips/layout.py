"""Where clips stand on a screen of characters."""

from __future__ import annotations

import math
from dataclasses import dataclass

ABOVE, BELOW = 1, 4
"""Rows kept for the title, and for answer, message and keys."""
_LABELS = 1
_GAP = 2
_LEAST_WIDTH, _LEAST_HEIGHT = 16, 5
"""Below so many characters nobody sees what an arm does."""


@dataclass(frozen=True, slots=True)
class Box:
    """Rows and columns of characters for one clip, from 0; its label is in the row below."""

    row: int
    column: int
    height: int
    width: int


def arrange(
    columns: int, rows: int, clips: int, clip_width: int, clip_height: int
) -> list[Box] | None:
    """The largest boxes for `clips` clips of this size in px, in reading order.

    A character is two pixels high and one wide at least. None where the screen is too small.
    """
    aspect = clip_width / clip_height
    best: tuple[int, int, int, int] | None = None
    for across in range(1, clips + 1):
        down = math.ceil(clips / across)
        room_wide = (columns - _GAP * (across - 1)) // across
        room_high = (rows - ABOVE - BELOW) // down - _LABELS
        width = min(room_wide, int(room_high * 2 * aspect), clip_width)
        height = min(room_high, math.ceil(width / (2 * aspect)), clip_height // 2)
        if width < _LEAST_WIDTH or height < _LEAST_HEIGHT:
            continue
        if best is None or width * height > best[0] * best[1]:
            best = (width, height, across, down)
    if best is None:
        return None
    width, height, across, _ = best
    boxes = []
    for number in range(clips):
        line, place = divmod(number, across)
        in_line = min(across, clips - line * across)
        left = (columns - in_line * width - (in_line - 1) * _GAP) // 2
        boxes.append(
            Box(
                ABOVE + line * (height + _LABELS),
                left + place * (width + _GAP),
                height,
                width,
            )
        )
    return boxes


def least_size(clips: int, clip_width: int, clip_height: int) -> tuple[int, int]:
    """Columns and rows of the smallest screen of usual shape on which `clips` clips fit."""
    for rows in range(10, 200):
        columns = rows * 10 // 3
        if arrange(columns, rows, clips, clip_width, clip_height) is not None:
            return columns, rows
    raise ValueError(f"clips of {clip_width} x {clip_height} px fit no screen")
