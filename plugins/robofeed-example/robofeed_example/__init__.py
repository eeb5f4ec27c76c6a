"""A point in a plane, as a robofeed backend: the result of the tutorial in plugins/README.md."""

from pydantic import BaseModel, ConfigDict

from robofeed import Backend, Provider, hookimpl


class PointConfig(BaseModel):
    """The table `[backend.point]` of a run file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    horizon: int = 40
    tolerance_m: float = 0.05


def create(config: PointConfig, context: None) -> Backend:
    """Make the backend. What is heavy is imported here and not above."""
    from robofeed_example.point import Point

    return Point(config.horizon, config.tolerance_m)


@hookimpl
def robofeed_backends() -> list[Provider[Backend]]:
    """Offer the backend named `point`."""
    return [Provider("point", PointConfig, create, summary="A point to move to a goal")]
