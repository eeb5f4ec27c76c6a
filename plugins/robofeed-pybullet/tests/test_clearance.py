"""The clearance that `obstacles` observes agrees with the contacts that the simulator finds."""

from __future__ import annotations

import numpy as np

from robofeed.data.spec import ArraySpec
from robofeed.safety import Guarded
from robofeed_pybullet.backend import PybulletBackend
from robofeed_pybullet.config import PybulletConfig


def test_clearance_is_negative_in_contact_and_positive_away_from_it() -> None:
    backend = PybulletBackend(PybulletConfig(arm="so101", task="obstacles"))
    arm = Guarded(backend)
    arm.open()
    names, bounds = backend.spec.observation.names, backend.spec.action
    assert isinstance(bounds, ArraySpec)
    nearest = names.index("block0.clearance")
    to_target = names.index("target_from_tool.x")
    rng = np.random.default_rng(0)
    seen = []
    try:
        for seed in range(40):
            state = arm.reset(seed).state
            for step in range(50):
                if step % 8 == 0:
                    held = rng.uniform(bounds.low, bounds.high)
                towards = 0.5 * held + 0.3 * state[to_target : to_target + 3]
                arm.apply(np.clip(towards, bounds.low, bounds.high).astype(np.float32))
                state = arm.observe().state
                seen.append((state[nearest], backend.truth().collided))
    finally:
        arm.close()
    clearance_m, touching = (np.array(column) for column in zip(*seen, strict=True))
    assert 200 < touching.sum() < 1_800, "a test needs both"
    assert (clearance_m[touching] < 0).mean() > 0.95
    assert (clearance_m[touching] < 0.005).mean() > 0.99
    assert touching[clearance_m > 0.005].mean() < 0.01
