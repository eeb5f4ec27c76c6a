"""Simulated arms and tasks on PyBullet. Importing this loads neither pybullet nor numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from robofeed import hookimpl

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
