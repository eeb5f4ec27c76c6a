"""How far boxes are apart that stand anyhow in space, for many pairs at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_NEXT, _AFTER = [1, 2, 0], [2, 0, 1]
_PARALLEL = 1e-6
"""edges whose directions' cross product, squared, is less than this give no plane of their own"""


class BoxPairs:
    """Pairs of boxes.

    Planes that part two boxes are parallel to a face of one or to an edge of each (the separating
    axis theorem; Gottschalk, Lin and Manocha 1996): 15 directions to try.

    Args:
        first_half_m: Half the edges of each pair's first box, [pairs, 3].
        second_half_m: And of its second one.
    """

    def __init__(self, first_half_m: Array, second_half_m: Array) -> None:
        self._first, self._second = first_half_m, second_half_m
        one, other = first_half_m[:, :, None], second_half_m[:, None, :]
        self._first_next, self._first_after = one[:, _NEXT], one[:, _AFTER]
        self._second_next, self._second_after = other[:, :, _NEXT], other[:, :, _AFTER]

    def gaps(self, first: Array, second: Array) -> Array:
        """The widest gap between two parallel planes with one box on either side of them, m.

        That is no more than the boxes' distance. Below 0 they overlap, and it is how far one must
        be moved at least, negative.

        Args:
            first: Where the first boxes are, [poses, pairs, 4, 4].
            second: And the second ones.

        Returns:
            [poses, pairs].
        """
        turned = first[..., :3, :3].swapaxes(-1, -2)
        apart = second[..., :3, 3:] - first[..., :3, 3:]
        rotation = turned @ second[..., :3, :3]
        away = (turned @ apart)[..., 0]
        size = np.abs(rotation)
        faces = np.abs(away) - self._first - (size @ self._second[:, :, None])[..., 0]
        there = (away[..., None, :] @ rotation)[..., 0, :]
        others = np.abs(there) - self._second - (self._first[:, None, :] @ size)[..., 0, :]
        edges = (
            np.abs(
                away[..., _AFTER, None] * rotation[..., _NEXT, :]
                - away[..., _NEXT, None] * rotation[..., _AFTER, :]
            )
            - self._first_next * size[..., _AFTER, :]
            - self._first_after * size[..., _NEXT, :]
            - self._second_next * size[..., _AFTER]
            - self._second_after * size[..., _NEXT]
        )
        square = 1.0 - rotation * rotation
        edges = np.where(
            square > _PARALLEL, edges / np.sqrt(np.maximum(square, _PARALLEL)), -np.inf
        )
        widest: Array = np.maximum(np.maximum(faces, others).max(axis=-1), edges.max(axis=(-2, -1)))
        return widest
