"""The run's random generators: one a purpose, all from one seed, saved as plain numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from robofeed.data.errors import DataError

PURPOSES = ("seeds", "actions", "queries", "reward")


def make_generators(seed: int) -> dict[str, np.random.Generator]:
    """Independent generators by purpose."""
    children = np.random.SeedSequence(seed).spawn(len(PURPOSES))
    return {
        purpose: np.random.Generator(np.random.PCG64(child))
        for purpose, child in zip(PURPOSES, children, strict=True)
    }


def save_generators(generators: dict[str, np.random.Generator]) -> dict[str, Any]:
    """Their states, JSON-ready (the numbers are large integers, which JSON holds exactly)."""
    return {name: generator.bit_generator.state for name, generator in generators.items()}


def restore_generators(generators: dict[str, np.random.Generator], states: dict[str, Any]) -> None:
    """Set each generator to its saved state.

    Raises:
        DataError: a state is missing or not one of a PCG64.
    """
    try:
        for name, generator in generators.items():
            generator.bit_generator.state = states[name]
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"checkpoint: the generators cannot be restored: {error}") from error
