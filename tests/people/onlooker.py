"""Someone who judges clips of an so101 reaching for a ball by nothing but their pixels.

They see the green ball and the blue fingers, the black hand behind them, and how far apart ball and
finger tips are in each of two views of the same moment. They know nothing of cameras or metres.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Place = NDArray[np.float64]
Weights = NDArray[np.float64]

UNSEEN = 0.5
"""share of a view's width that is taken for the distance where ball or fingers are out of sight"""
_TINGE = 25
"""Levels by which a colour must stand out: less is noise of the video, or a shadow."""
_LEAST_SHARE = 1.5e-4
"""of a view's pixels that a ball or fingers fill at least"""
_TIP = 0.8
"""of the fingers' length lies behind the point that is to be at the ball"""


def badness(looks: Sequence[Picture], views: int = 2) -> float:
    """How far the fingers were from the ball on average, in widths of a view.

    Args:
        looks: what a clip showed at several moments, uint8 [height, width, 3], the views one above
            the other where that is higher than wide, else side by side.
        views: how many there are.
    """
    height, width = looks[0].shape[:2]
    axis = 0 if height > width else 1
    films = [np.array_split(look, views, axis) for look in looks]
    seen = [_apart([film[view] for film in films]) for view in range(views)]
    known = [distance for distance in seen if distance is not None]
    if not known:
        return UNSEEN
    # A view in which something is hidden is taken to say the same as the other.
    return float(np.sqrt(np.mean(np.square(known))))


def _apart(looks: Sequence[Picture]) -> float | None:
    """Mean distance in one view; None where ball or fingers are never seen in it."""
    balls = [_ball(look) for look in looks]
    size, ball = max(balls, key=lambda each: each[0])
    if size < _LEAST_SHARE:
        return None
    # The ball lies still: where fingers hide it, it is where it was seen best.
    tips = [tip for tip in map(_finger_tip, looks) if tip is not None]
    if not tips:
        return None
    return float(np.mean([np.linalg.norm(tip - ball) for tip in tips])) / looks[0].shape[1]


def _ball(look: Picture) -> tuple[float, Place]:
    """Which share of the view the ball fills, and its centre."""
    red, green, blue = _channels(look)
    weights = np.clip(green - np.maximum(red, blue) - _TINGE, 0, 50) / 50
    return float(weights.mean()), _middle(weights)


def _finger_tip(look: Picture) -> Place | None:
    """Row and column of the point between the ends of the fingers."""
    red, green, blue = _channels(look)
    fingers = np.clip(blue - np.maximum(red, green) - _TINGE, 0, 50) / 50
    if fingers.mean() < _LEAST_SHARE:
        return None
    middle = _middle(fingers)
    hand = np.clip(90 - look.max(axis=-1).astype(float), 0, 30) / 30
    from_middle = np.moveaxis(np.indices(hand.shape, float), 0, -1) - middle
    near = 2.5 * np.sqrt(fingers.sum())
    hand *= np.linalg.norm(from_middle, axis=-1) < near
    if hand.sum() < 0.2 * fingers.sum():
        return middle
    ahead = middle - _middle(hand)
    length = np.linalg.norm(ahead)
    if length < 0.1 * near:
        return middle
    along = from_middle @ (ahead / length)
    order = np.argsort(along, axis=None)
    behind = np.cumsum(fingers.ravel()[order]) / fingers.sum()
    reach = along.ravel()[order][np.searchsorted(behind, _TIP)]
    tip: Place = middle + reach * ahead / length
    return tip


def _channels(look: Picture) -> tuple[Weights, Weights, Weights]:
    red, green, blue = np.moveaxis(look.astype(np.float64), -1, 0)
    return red, green, blue


def _middle(weights: Weights) -> Place:
    """Centre of gravity, row and column."""
    total = max(float(weights.sum()), 1e-9)
    rows, columns = np.indices(weights.shape, float)
    return np.array([(weights * rows).sum(), (weights * columns).sum()]) / total
