"""A camera's own process, with a camera whose driver complains of every picture."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

COMPLAINING = """
import os
import sys
from pathlib import Path

import numpy as np

from robofeed.data.film_roll import RollWriter, size_for
from robofeed.observe.camera_process import Camera
from robofeed.observe.camera_settings import CameraSettings

settings = CameraSettings(source=0, width=32, height=32)
camera = Camera(settings, RollWriter(Path(sys.argv[1]), size_for(32, 32, 10, 15)))
rng = np.random.default_rng(0)
for number in range(60):
    os.write(2, 50_000 * b"?")
    camera.take(rng.integers(0, 255, (32, 32, 3), np.uint8), number * 100_000_000)
os.write(2, b"the last words")
"""


def test_what_a_driver_complains_of_for_days_fills_no_disk(tmp_path: Path) -> None:
    words = tmp_path / "words"
    with words.open("a+b") as file:
        command = [sys.executable, "-c", COMPLAINING, str(tmp_path / "front.roll")]
        subprocess.run(command, stderr=file, check=True)
    assert words.stat().st_size < 1_200_000, "of 3,000,000"
    assert words.read_bytes().endswith(b"the last words")
