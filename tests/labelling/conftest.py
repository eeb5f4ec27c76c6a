"""Run folders of the example plugin's point, whose pictures cost next to nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from robofeed.data.episode import Episode
from robofeed.data.observation import Ended
from robofeed.data.run_folder import RunFolder
from robofeed.data.store import EpisodeStore

CONFIG = """
[backend]
use = "point"
[clips]
width = 128
height = 96
"""
STEPS = 20


@pytest.fixture
def point_run(tmp_path: Path) -> Path:
    """A run of two episodes of 20 steps in which the point moves, each its own way."""
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    folder.config_path.write_text(CONFIG, encoding="utf-8")
    folder.write_about({"name": "run", "status": "running"})
    store = EpisodeStore(folder.path)
    for number, way in enumerate((0.8, -0.8)):
        along = np.linspace(-0.4, 0.4, STEPS + 1, dtype=np.float32)
        scene = np.stack([along, way * along, 0 * along, 0 * along], axis=1)
        store.write(
            Episode(
                id=f"e{number:06d}",
                observations=np.zeros((STEPS + 1, 4), np.float32),
                time_ns=np.arange(STEPS + 1) * 50_000_000,
                proposed=np.zeros((STEPS, 2), np.float32),
                executed=np.zeros((STEPS, 2), np.float32),
                gates=np.zeros(STEPS, np.uint16),
                mode=np.zeros(STEPS, np.uint8),
                policy_version=np.zeros(STEPS, np.int64),
                scene=scene,
                ended=Ended.TRUNCATED,
                seed=number,
                spec_hash="0",
            )
        )
    return folder.path
