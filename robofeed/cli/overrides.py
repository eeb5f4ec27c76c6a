"""Flags that are short for `--set`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

IN_A_WINDOW = ("backend.pybullet.gui=true", "simulation.processes=1")
"""What `--gui` stands for: PyBullet has one window a process"""


def shorthand(flags: Mapping[str, str | int | Path | None]) -> list[str]:
    """The flags that were given, as `table.key=value` with TOML values."""
    return [f"{key}={_toml(value)}" for key, value in flags.items() if value is not None]


def with_arm(
    arm: str | None, preset: str | None, config: Path | None, settings: Sequence[str]
) -> list[str]:
    """What `--arm` is short for, if it was given: the arm of whichever backend is in use.

    Raises:
        ConfigError: the configuration cannot be read.
    """
    from robofeed.run_file import load_config

    if arm is None:
        return []
    use = load_config(preset, file=config, overrides=settings).backend.use
    return shorthand({f"backend.{use}.arm": arm})


def _toml(value: str | int | Path) -> str:
    # A JSON string is a TOML basic string.
    return str(value) if isinstance(value, int) else json.dumps(str(value))
