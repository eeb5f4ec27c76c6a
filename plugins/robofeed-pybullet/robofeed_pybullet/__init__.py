"""Simulated arms and tasks on PyBullet. Importing this loads neither pybullet nor numpy.

It also makes the arms known to Gymnasium, as soon as that is imported:

    import gymnasium
    import robofeed_pybullet

    env = gymnasium.make("robofeed/So101Reach-v0")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from robofeed import hookimpl
from robofeed_pybullet.registration import register_environments

if TYPE_CHECKING:
    from robofeed.interfaces import Backend, Provider


@hookimpl
def robofeed_backends() -> list[Provider[Backend]]:
    """The simulator, `[backend] use = "pybullet"`."""
    from robofeed.interfaces import Provider
    from robofeed_pybullet.config import PybulletConfig

    def create(config: Any, context: Any) -> Backend:
        from robofeed_pybullet.backend import PybulletBackend

        return PybulletBackend(config)

    return [Provider("pybullet", PybulletConfig, create, summary="simulated arms on PyBullet")]


register_environments()
