"""An arm driven through the page of robofeed-web: core's loop for people, with nothing recorded."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from robofeed import ConfigError, load_config, steer
from robofeed_serial.driving.config import SerialConfig

TOOL_SPEED_M_S = 0.1
"""The page's slider is a share of the largest action; a first touch should not be a fast one."""
_CLOSE_S = 5.0


def drive_by_page(config: SerialConfig, backend: str) -> None:
    """Serve the page and let people with its link drive the arm, until Ctrl-C.

    Args:
        config: The arm.
        backend: The name of its driver.

    Raises:
        ConfigError: robofeed-web is not installed.
        SafetyStop: somebody stopped the arm, or it holds by itself.
        HardwareError: the arm cannot be used.
    """
    if not any(each.name == "web" for each in entry_points(group="robofeed.label")):
        raise ConfigError(
            "the page is not installed: pip install -e plugins/robofeed-web. Or drive by keys, "
            "without --browser"
        )
    settings = config.model_dump(exclude_defaults=True)
    pages: list[subprocess.Popen[bytes]] = []

    def opened(folder: Path) -> Callable[[], bool]:
        command = [sys.executable, "-m", "robofeed", "label", "--web", "--live", str(folder)]
        # Ctrl-C is for this program, which then ends that one.
        pages.append(subprocess.Popen(command, start_new_session=True))
        return lambda: pages[0].poll() is not None

    try:
        steer(load_config("reach", overrides=_overrides(backend, settings)), opened=opened)
    finally:
        for page in pages:
            page.terminate()
            try:
                page.wait(_CLOSE_S)
            except subprocess.TimeoutExpired:
                page.kill()
                page.wait()


def _overrides(backend: str, settings: Mapping[str, Any]) -> list[str]:
    given = [f"backend.{backend}.{name}={json.dumps(value)}" for name, value in settings.items()]
    return [f'backend.use="{backend}"', *given]
