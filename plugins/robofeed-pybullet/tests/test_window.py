"""The window, on a virtual screen: the scene fills it, and stdout stays the caller's own."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

_SHOW = """
import sys
from robofeed.plugins import load_plugins
provider = load_plugins().provider("backend", "pybullet")
backend = provider.create(provider.config_type(task="push", gui=True), None)
backend.open()
for seed in (1, 2):
    backend.reset(seed)
    backend.send(backend.present())
print("shown", flush=True)
sys.stdin.readline()
backend.close()
print("closed", flush=True)
"""


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A virtual screen: what DISPLAY is to be, and the file its pixels are in."""
    server = subprocess.Popen(
        [
            *("Xvfb", "-displayfd", "1", "-screen", "0", "1024x768x24"),
            *("-fbdir", str(tmp_path), "-nolisten", "tcp"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdout is not None
    yield f":{server.stdout.readline().strip()}", tmp_path / "Xvfb_screen0"
    server.terminate()
    server.wait(timeout=20)
    server.stdout.close()


@pytest.mark.needs("Xvfb")
@pytest.mark.timeout(240)
def test_the_window_shows_the_arm_at_work_and_prints_nothing(screen: tuple[str, Path]) -> None:
    display, pixels = screen
    shown = subprocess.Popen(
        [sys.executable, "-c", _SHOW],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "DISPLAY": display},
    )
    assert shown.stdout is not None
    first = shown.stdout.readline()
    deadline_s = time.monotonic() + 60
    # The window is drawn by a thread of its own, some time after the step.
    while not (seen := _shares(_picture(pixels)))["cube"] and time.monotonic() < deadline_s:
        time.sleep(0.2)
    rest, error = shown.communicate("\n", timeout=60)

    assert (first, rest) == ("shown\n", "closed\n"), error
    assert shown.returncode == 0 and error == ""
    assert seen["cube"] > 1e-4
    assert seen["goal"] > 1e-4
    assert seen["arm"] > 1e-3


@pytest.mark.needs("Xvfb")
@pytest.mark.timeout(400)
def test_an_episode_is_replayed_in_the_window(screen: tuple[str, Path], tmp_path: Path) -> None:
    display, pixels = screen
    robofeed = (sys.executable, "-m", "robofeed")
    settings = ("schedule.random_steps=50", "stop.steps=50", "simulation.processes=1")
    few = ("evaluation.episodes=1", "evaluation.final_episodes=1")
    subprocess.run(
        [
            *(*robofeed, "train", "reach", "--out", str(tmp_path), "--name", "run", "-q"),
            *(word for setting in (*settings, *few) for word in ("--set", setting)),
        ],
        check=True,
        capture_output=True,
    )
    replaying = subprocess.Popen(
        [*robofeed, "replay", str(tmp_path / "run" / "e000000"), "--gui", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "DISPLAY": display},
    )
    seen = {"arm": 0.0, "goal": 0.0}
    while replaying.poll() is None:
        now = _shares(_picture(pixels))
        seen = {name: max(seen[name], now[name]) for name in seen}
        time.sleep(0.1)
    out, error = replaying.communicate(timeout=60)

    assert replaying.returncode == 0, error
    said = json.loads(out)
    assert (said["episode"], said["steps"]) == ("e000000", 50)
    assert said["same"], "gates touched some of its steps"
    assert seen["arm"] > 1e-3
    assert seen["goal"] > 1e-4


def _picture(pixels: Path) -> np.ndarray:
    """The screen, uint8 [height, width, 3], from the X window dump that Xvfb keeps it in."""
    dump = pixels.read_bytes()
    header = struct.unpack(">25I", dump[:100])
    size, width, height, line, colours = header[0], header[4], header[5], header[12], header[19]
    start = size + 12 * colours
    rows = np.frombuffer(dump[start : start + line * height], np.uint8).reshape(height, line)
    return rows[:, : 4 * width].reshape(height, width, 4)[..., 2::-1]


def _shares(picture: np.ndarray) -> dict[str, float]:
    """How much of the picture has the colours of arm, goal and cube, which nothing else has."""
    red, green, blue = (picture[..., channel].astype(int) for channel in range(3))
    found = {
        "arm": (red > 100) & (green > 0.5 * red) & (blue < 0.4 * red),
        "goal": (green > 80) & (green > 1.3 * red) & (green > 1.2 * blue),
        "cube": (red > 90) & (green < 0.5 * red) & (blue < 0.5 * red),
    }
    return {name: float(mask.mean()) for name, mask in found.items()}
