"""Several seeds of one configuration, one run after the other, and their aggregate."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import numpy as np
import typer

from robofeed.cli.course import follow, headline, summary
from robofeed.config import RunConfig
from robofeed.data.errors import ConfigError
from robofeed.report.statistics import bootstrap_interval, interquartile_mean
from robofeed.run_file import load_config
from robofeed.training import RunResult, train
from robofeed.training.session import Listener

_MOST = 1_000


def parse_seeds(text: str) -> list[int]:
    """Read "0-4" or "0,3,7" or both mixed.

    Raises:
        ConfigError: not such a list.
    """
    seeds: list[int] = []
    try:
        for part in text.split(","):
            first, dash, last = part.strip().partition("-")
            seeds.extend(range(int(first), int(last if dash else first) + 1))
    except ValueError:
        seeds = []
    if not seeds or len(seeds) != len(set(seeds)) or len(seeds) > _MOST:
        raise ConfigError(f"--seeds {text}: write a range such as 0-4 or a list such as 0,3,7")
    return seeds


def _train(config: RunConfig, listen: Listener) -> RunResult:
    return train(config, listen=listen)


def train_seeds(
    preset: str | None,
    file: Path | None,
    overrides: list[str],
    seeds: str,
    quiet: bool,
    as_json: bool,
) -> None:
    """Train once a seed; then print every result, the median and the interquartile mean."""
    results: list[RunResult] = []
    for seed in parse_seeds(seeds):
        config = load_config(preset, file=file, overrides=[*overrides, f"run.seed={seed}"])
        if config.run.name:
            named = [*overrides, f"run.seed={seed}", f'run.name="{config.run.name}-seed{seed}"']
            config = load_config(preset, file=file, overrides=named)

        start = functools.partial(_train, config)
        results.append(follow(start, config, quiet, as_json))
    rates = np.array([result.final.success_rate for result in results if result.final])
    mean = float(interquartile_mean(rates))
    low, high = bootstrap_interval([rates], np.random.default_rng(0))
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "runs": [summary(result) for result in results],
                    "median": float(np.median(rates)),
                    "interquartile_mean": mean,
                    "interval": [low, high],
                }
            )
        )
        return
    for result in results:
        typer.echo(f"{result.run_dir}: {headline(result)}")
    typer.echo(
        f"{len(rates)} seeds: median success {np.median(rates):.2f}, interquartile mean {mean:.2f} "
        f"(95 % bootstrap interval {low:.2f}-{high:.2f})"
    )
    typer.echo("compare: robofeed compare " + " ".join(str(result.run_dir) for result in results))
