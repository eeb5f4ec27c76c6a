"""The table in pictures: photographed once, and drawn again only where a shadow may fall.

TinyRenderer spends its time on pixels, two thirds of them the table's, which never moves: drawing
a so101 takes 5 ms a picture this way instead of 13.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from robofeed.data.observation import Picture
from robofeed.data.spec import FloatArray
from robofeed_pybullet.engine import pybullet

COLOUR = (0.83, 0.86, 0.88, 1.0)
LIGHT = (1.2, -0.9, 2.2)
LIGHT_M = 2.0
"""From where light comes: a lamp in this direction, so far from the arm's base."""
_SIZE_M = (0.62, 0.84)
_THICK_M = 0.02
_CENTRE_X_M = 0.15
_TILES = (10, 14)
_AWAY = (0.0, 0.0, 1000.0)
_PLACE, _UPRIGHT = (0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0)
_SLOPE = 1.3
"""How much longer the shadow of a ball is than the ball, at most."""
_SAME_DEPTH = 1e-4

Shot = tuple[Picture, FloatArray]
"""A picture and the depth of each of its pixels, 1 where there is nothing."""
Ball = tuple[float, float, float, float]
"""Centre and radius, in m, of a ball round something that throws a shadow."""


class Table:
    """The table of an arm in one world. `scale` is the arm's size over that of a so101."""

    def __init__(self, client: int, scale: float) -> None:
        self._client, self._scale = client, scale
        self._shots: dict[Any, Shot] = {}
        length = np.array(_SIZE_M) * scale
        corner = np.array([_CENTRE_X_M * scale, 0.0]) - length / 2
        steps = np.array(list(itertools.product(*map(range, _TILES))))
        self._low = corner + steps * length / _TILES
        self._high = corner + (steps + 1) * length / _TILES
        self._tiles = [self._tile(*ends) for ends in zip(self._low, self._high, strict=True)]
        self._shown = np.zeros(len(self._tiles), np.bool_)

    def under(self, shoot: Callable[[int], Shot], kind: Any, balls: Iterable[Ball]) -> Picture:
        """The picture `shoot(client)` takes of this world, with the whole table in it.

        `kind` tells apart pictures of other cameras and sizes.
        """
        if kind not in self._shots:
            self._shots[kind] = self._alone(shoot)
        self._lay(balls)
        picture, depth = shoot(self._client)
        bare, bare_depth = self._shots[kind]
        seen = (depth < 1.0) & (depth <= bare_depth + _SAME_DEPTH)
        whole: Picture = np.where(seen[:, :, None], picture, bare)
        return whole

    def _alone(self, shoot: Callable[[int], Shot]) -> Shot:
        """The table in a world of its own."""
        client: int = pybullet.connect(pybullet.DIRECT)
        try:
            x, y = (length * self._scale / 2 for length in _SIZE_M)
            shape = pybullet.createVisualShape(
                pybullet.GEOM_BOX,
                halfExtents=(x, y, _THICK_M / 2),
                rgbaColor=COLOUR,
                physicsClientId=client,
            )
            pybullet.createMultiBody(
                0,
                baseVisualShapeIndex=shape,
                basePosition=(_CENTRE_X_M * self._scale, 0.0, -_THICK_M / 2),
                physicsClientId=client,
            )
            return shoot(client)
        finally:
            pybullet.disconnect(client)

    def _lay(self, balls: Iterable[Ball]) -> None:
        """Have those tiles there that the shadows of `balls` may touch, and no others."""
        centre_x, centre_y, height, radius = np.array(list(balls)).T
        lamp = np.array(LIGHT) * LIGHT_M / np.linalg.norm(LIGHT)
        # How much larger than itself, seen from the lamp, something is on the table.
        growth = lamp[2] / np.maximum(lamp[2] - height - radius, 0.01 * lamp[2])
        centres = np.stack([centre_x, centre_y], axis=1)
        places = lamp[:2] + growth[:, None] * (centres - lamp[:2])
        reach = (_SLOPE * growth * radius)[:, None]
        touched = (
            ((self._low[:, None] <= places + reach) & (self._high[:, None] >= places - reach))
            .all(axis=2)
            .any(axis=1)
        )
        for number in np.flatnonzero(touched != self._shown).tolist():
            place = _PLACE if touched[number] else _AWAY
            pybullet.resetBasePositionAndOrientation(
                self._tiles[number], place, _UPRIGHT, self._client
            )
        self._shown = touched

    def _tile(self, low: FloatArray, high: FloatArray) -> int:
        (x, y), (right, far) = low.tolist(), high.tolist()
        shape = pybullet.createVisualShape(
            pybullet.GEOM_MESH,
            vertices=[(x, y, 0.0), (right, y, 0.0), (right, far, 0.0), (x, far, 0.0)],
            indices=[0, 1, 2, 0, 2, 3],
            normals=[(0.0, 0.0, 1.0)] * 4,
            uvs=[(0.0, 0.0)] * 4,
            rgbaColor=COLOUR,
            physicsClientId=self._client,
        )
        body: int = pybullet.createMultiBody(
            0, baseVisualShapeIndex=shape, basePosition=_AWAY, physicsClientId=self._client
        )
        return body
