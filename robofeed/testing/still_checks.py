"""What a backend promises before it is opened."""

from __future__ import annotations

import numpy as np

from robofeed.data.spec import ArraySpec
from robofeed.testing.trial import NotChecked, Trial

GOLDEN_M = 1e-3


def can_be_read(trial: Trial) -> None:
    """The specification can be read before opening, and is the same each time."""
    first, second = trial.make().spec, trial.make().spec
    assert first.hash() == second.hash(), "two of the same settings have different specifications"
    assert first.period_s > 0, f"a period of {first.period_s} s"
    assert first.horizon is None or first.horizon > 0, f"a horizon of {first.horizon}"


def bounds_make_sense(trial: Trial) -> None:
    """Bounds are finite, names are unique."""
    spec = trial.make().spec
    for what, array in (("observation", spec.observation), ("action", spec.action)):
        if not isinstance(array, ArraySpec):
            continue
        assert np.isfinite([array.low, array.high]).all(), f"{what}: a bound is not finite"
        assert np.all(array.low < array.high), f"{what}: an element cannot vary"
        assert len(set(array.names)) == len(array.names), f"{what}: two elements have one name"


def limits_are_there(trial: Trial) -> None:
    """A real arm has limits, with room between them."""
    spec = trial.make().spec
    if spec.limits is None:
        assert spec.simulated, "a real arm without limits"
        raise NotChecked("a simulator without limits")
    limits = spec.limits
    for name in ("joint_speed_rad_s", "joint_acceleration_rad_s2"):
        assert np.all(getattr(limits, name) > 0), f"{name} is not positive"
    assert limits.tool_speed_m_s > 0, "tool_speed_m_s is not positive"


def kinematics_are_pure(trial: Trial) -> None:
    """Forward kinematics needs no opening, gives the same again and changes nothing."""
    backend = trial.make()
    limits = backend.spec.limits
    if limits is None:
        raise NotChecked("no limits to draw joints from")
    joints = np.float32(0.5) * (limits.joint_low_rad + limits.joint_high_rad)
    given = joints.copy()
    first, second = backend.tool_at(joints), backend.tool_at(joints)
    assert np.array_equal(first, second), "tool_at differs from one call to the next"
    assert np.array_equal(joints, given), "tool_at changed what it was given"
    assert first.shape == (3,) and np.isfinite(first).all(), f"tool_at gives {first}"


def kinematics_are_right(trial: Trial) -> None:
    """The tool is where another program says it is."""
    if not trial.golden:
        raise NotChecked("no poses of another program were given")
    backend = trial.make()
    for joint_rad, tool_m in trial.golden:
        here_m = backend.tool_at(np.array(joint_rad, np.float32))
        off_m = float(np.linalg.norm(here_m - np.array(tool_m, np.float32)))
        assert off_m <= GOLDEN_M, f"the tool is {1e3 * off_m:.1f} mm beside, at {list(joint_rad)}"


def closing_is_harmless(trial: Trial) -> None:
    """Stopping and closing what was never opened raise nothing, also twice."""
    backend = trial.make()
    backend.stop()
    backend.close()
    backend.close()
    backend.stop()


CHECKS = [
    can_be_read,
    bounds_make_sense,
    limits_are_there,
    kinematics_are_pure,
    kinematics_are_right,
    closing_is_harmless,
]
