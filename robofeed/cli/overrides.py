"""Flags that are short for `--set`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

IN_A_WINDOW = ("backend.pybullet.gui=true", "simulation.processes=1")
"""What `--gui` stands for: PyBullet has one window a process"""


def shorthand(flags: Mapping[str, str | int | Path | None]) -> list[str]:
    """The flags that were given, as `table.key=value` with TOML values."""
    return [f"{key}={_toml(value)}" for key, value in flags.items() if value is not None]


def _toml(value: str | int | Path) -> str:
    # A JSON string is a TOML basic string.
    return str(value) if isinstance(value, int) else json.dumps(str(value))
