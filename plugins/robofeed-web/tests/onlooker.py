"""Someone who judges clips of an so101 reaching for a ball by nothing but their pixels.

They see the green ball and the yellow fingers beyond the black hand, and how many widths of the
ball lie between the two. Depth they guess as little as anybody who looks at one picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]

UNSEEN_WIDTHS = 12.0
"""taken for the distance where ball or hand is out of sight"""
_SPECK = 6
"""pixels; smaller patches of a colour are noise of the video"""


def distance_widths(picture: Picture) -> float:
    """Distance between ball and finger tips in the picture, in widths of the ball.

    Args:
        picture: uint8 [height, width, 3].
    """
    red, green, blue = (picture[..., channel].astype(int) for channel in range(3))
    ball = (green > red + 35) & (green > blue + 20)
    if ball.sum() < _SPECK:
        return UNSEEN_WIDTHS
    tip = finger_tip(
        yellow=(red > 120) & (green > 85) & (blue < 100) & (red > blue + 60) & (red > green),
        black=picture.max(axis=-1) < 75,
    )
    if tip is None:
        return UNSEEN_WIDTHS
    centre = np.argwhere(ball).mean(axis=0)
    width = 2 * np.sqrt(ball.sum() / np.pi)
    return float(np.linalg.norm(centre - tip) / width)


def finger_tip(yellow: Mask, black: Mask) -> NDArray[np.float64] | None:
    """Row and column of the finger tips: the far end of the small yellow patches at the hand."""
    hands = list(patches(black))
    if not hands:
        return None
    hand = max(hands, key=len)
    middle = hand.mean(axis=0)
    beside = around(hand, black.shape)
    touching = [patch for patch in patches(yellow) if beside[patch[:, 0], patch[:, 1]].any()]
    if not touching:
        return middle
    # The forearm is the large patch at the hand's other end; the fingers go on from there.
    forearm = max(touching, key=len)
    ahead = middle - forearm.mean(axis=0)
    ahead /= np.linalg.norm(ahead)
    size = np.sqrt(len(hand))
    from_hand = np.argwhere(yellow) - middle
    along = from_hand @ ahead
    across = np.abs(from_hand @ np.array([-ahead[1], ahead[0]]))
    fingers = along[(along > 0.2 * size) & (along < 1.7 * size) & (across < 0.8 * size)]
    reach = float(np.quantile(fingers, 0.9)) if len(fingers) >= _SPECK else 0.9 * size
    tip: NDArray[np.float64] = middle + reach * ahead
    return tip


def around(patch: NDArray[np.int64], shape: tuple[int, ...], pixels: int = 3) -> Mask:
    """The picture's pixels that are in a patch or this near to it."""
    mask = np.zeros(shape, np.bool_)
    for shift in np.ndindex(2 * pixels + 1, 2 * pixels + 1):
        near = np.clip(patch + shift - np.array(pixels), 0, np.array(shape) - 1)
        mask[near[:, 0], near[:, 1]] = True
    return mask


def patches(mask: Mask) -> Iterator[NDArray[np.int64]]:
    """The connected patches of a mask, as rows and columns [N, 2]; specks are left out."""
    left = {(int(row), int(column)) for row, column in np.argwhere(mask)}
    while left:
        patch = [left.pop()]
        for row, column in patch:
            for near in (
                (row + 1, column),
                (row - 1, column),
                (row, column + 1),
                (row, column - 1),
            ):
                if near in left:
                    left.remove(near)
                    patch.append(near)
        if len(patch) >= _SPECK:
            yield np.array(patch)


def badness(film: Sequence[Picture]) -> float:
    """Mean distance over the pictures of a clip."""
    return float(np.mean([distance_widths(picture) for picture in film]))
