"""Domain randomisation: how this episode's world differs from the nominal one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from robofeed.data.spec import ArraySpec
from robofeed.data.tasks import Body, Layout
from robofeed_pybullet.config import Randomisation


@dataclass(frozen=True, slots=True)
class Variation:
    """One episode's draw. The nominal world by default."""

    layout: Layout
    link_mass_share: tuple[float, ...] = ()
    """of each link of the arm; empty = nominal"""
    finger_friction_share: float = 1.0
    delay_steps: int = 0
    noise: Callable[[list[float]], list[float]] | None = None
    """adds a draw to an observation"""


def vary(
    config: Randomisation,
    layout: Layout,
    links: int,
    observation: ArraySpec,
    rng: np.random.Generator,
) -> Variation:
    """Draw an episode's world around `layout`, for an arm of `links` links."""
    if config == Randomisation():
        return Variation(layout)
    noise = None
    if config.observation_noise:
        spread = (observation.high - observation.low) * np.float32(config.observation_noise)

        def noise(values: list[float]) -> list[float]:
            noisy: list[float] = (values + rng.standard_normal(len(spread)) * spread).tolist()
            return noisy

    return Variation(
        layout=replace(layout, bodies=tuple(_body(config, body, rng) for body in layout.bodies)),
        link_mass_share=tuple(_share(config.mass, rng) for _ in range(links)),
        finger_friction_share=_share(config.friction, rng),
        delay_steps=int(rng.integers(config.action_delay_steps + 1)),
        noise=noise,
    )


def _body(config: Randomisation, body: Body, rng: np.random.Generator) -> Body:
    """A body of another size, mass, friction and place, still standing on what it stood on."""
    size = _share(config.object_size, rng)
    x, y, z = body.position_m
    dx, dy = rng.uniform(-config.object_position_m, config.object_position_m, 2).tolist()
    yaw_rad = rng.uniform(-config.object_yaw_rad, config.object_yaw_rad)
    height_m = body.size_m[2]
    sx, sy, sz = (edge * size for edge in body.size_m)
    return replace(
        body,
        size_m=(sx, sy, sz),
        position_m=(x + dx, y + dy, z + 0.5 * (size - 1.0) * height_m),
        quaternion=_turned(body.quaternion, yaw_rad) if body.mass_kg else body.quaternion,
        mass_kg=body.mass_kg * size**3 * _share(config.mass, rng),
        friction=body.friction * _share(config.friction, rng),
    )


def _share(spread: float, rng: np.random.Generator) -> float:
    return float(rng.uniform(1.0 - spread, 1.0 + spread))


def _turned(
    quaternion: tuple[float, float, float, float], yaw_rad: float
) -> tuple[float, float, float, float]:
    """The quaternion (x, y, z, w) turned about the vertical."""
    sin, cos = float(np.sin(yaw_rad / 2)), float(np.cos(yaw_rad / 2))
    x, y, z, w = quaternion
    return (cos * x - sin * y, cos * y + sin * x, cos * z + sin * w, cos * w - sin * z)
