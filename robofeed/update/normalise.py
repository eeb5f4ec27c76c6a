"""Linear maps between physical units and what networks see."""

from __future__ import annotations

import numpy as np

from robofeed.data.errors import ConfigError
from robofeed.data.spec import ArraySpec, BackendSpec, FloatArray


def unit_range(spec: ArraySpec) -> tuple[FloatArray, FloatArray]:
    """Return (centre, scale) so that `(x - centre) / scale` maps the bounds onto [-1, 1].

    Elements that have no finite bounds, or equal ones, are left as they are: centre 0, scale 1.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        centre = (spec.low.astype(np.float64) + spec.high) / 2
        scale = (spec.high.astype(np.float64) - spec.low) / 2
    usable = np.isfinite(centre) & np.isfinite(scale) & (scale > 0)
    return (
        np.where(usable, centre, 0.0).astype(np.float32).reshape(-1),
        np.where(usable, scale, 1.0).astype(np.float32).reshape(-1),
    )


def continuous_action(spec: BackendSpec) -> ArraySpec:
    """Return the action spec, if it is a bounded vector.

    Raises:
        ConfigError: discrete actions, or bounds that are not finite.
    """
    action = spec.action
    if not isinstance(action, ArraySpec):
        raise ConfigError("this learner needs continuous actions; the backend's are discrete")
    if not (np.isfinite(action.low).all() and np.isfinite(action.high).all()):
        raise ConfigError("this learner needs finite action bounds; the backend's are infinite")
    return action
