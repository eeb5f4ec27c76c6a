"""`robofeed record`: demonstrations by a person, for runs to learn from."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from robofeed.cli.overrides import shorthand

if TYPE_CHECKING:
    from robofeed.training.recording import RecordingResult

_CLOSE_S = 5.0


def command(
    preset: Annotated[
        str | None, typer.Argument(help="A preset: reach, push, obstacles, pick_place.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="A run file (TOML) instead of a preset.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Change one key: table.key=value.")
    ] = None,
    arm: Annotated[
        str | None, typer.Option(help="Simulated arm: so101, panda, kuka_iiwa, xarm6.")
    ] = None,
    demonstrations: Annotated[int, typer.Option(min=1, help="How many to record.")] = 10,
    seconds: Annotated[float, typer.Option(min=1.0, help="The longest one, in seconds.")] = 60.0,
    by: Annotated[
        str,
        typer.Option(
            help="keyboard (here), web (a page), or none: whoever connects to the folder."
        ),
    ] = "keyboard",
    person: Annotated[str, typer.Option(help="Pseudonym they are kept under.")] = "operator",
    seed: Annotated[int | None, typer.Option(help="Seed of the scenes.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder that holds the run folders.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the folder.")] = None,
    gui: Annotated[bool, typer.Option("--gui", help="Show the simulator in a window.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Record demonstrations by a person at the controls."""
    from robofeed.cli.failure import INTERRUPTED
    from robofeed.cli.overrides import IN_A_WINDOW
    from robofeed.data.errors import ConfigError
    from robofeed.run_file import load_config
    from robofeed.training.recording import record

    overrides = [
        *shorthand(
            {
                "backend.pybullet.arm": arm,
                "run.seed": seed,
                "run.out": out,
                "run.name": name,
            }
        ),
        *(IN_A_WINDOW if gui else ()),
        *(settings or []),
    ]
    if by not in ("keyboard", "web", "none"):
        raise ConfigError(f"--by {by}: keyboard, web or none, please")
    loaded = load_config(preset, file=config, overrides=overrides)
    pilots: list[subprocess.Popen[bytes]] = []

    def opened(folder: Path) -> Callable[[], bool]:
        if by == "none":
            typer.echo(f"{folder} waits for somebody to take the controls: robofeed drive {folder}")
            return lambda: False
        pilots.append(_keyboard(folder, person) if by == "keyboard" else _page(folder))
        return lambda: pilots[0].poll() is not None

    if by == "keyboard":
        _check_keyboard()
    elif by == "web":
        _check_page()
    try:
        result = record(loaded, demonstrations, seconds=seconds, opened=opened)
    finally:
        for pilot in pilots:
            # Keys leave by themselves, and put the terminal in order, when the socket closes.
            if by == "web":
                pilot.terminate()
            try:
                pilot.wait(_CLOSE_S)
            except subprocess.TimeoutExpired:
                pilot.terminate()
    if as_json:
        typer.echo(json.dumps({"folder": str(result.folder), "kept": result.kept}))
    else:
        typer.echo(summary(result))
    if result.interrupted:
        raise typer.Exit(INTERRUPTED)


def summary(result: RecordingResult) -> str:
    """What was recorded, how fast keys were obeyed, and how to use it."""
    lines = [f"{result.kept} demonstrations of {result.episodes} episodes in {result.folder}"]
    if result.latencies_ms:
        lines.append(
            f"key to motion: median {statistics.median(result.latencies_ms):.0f} ms of "
            f"{len(result.latencies_ms)} keys (one period and 20 ms: "
            f"{1e3 * result.period_s + 20:.0f} ms)"
        )
    if result.kept:
        lines.append(f"to learn from them: --set prior.folder={result.folder}")
    return "\n".join(lines)


def _check_keyboard() -> None:
    from robofeed.cli.verbs import find_verbs
    from robofeed.data.errors import ConfigError

    if "drive" not in find_verbs():
        raise ConfigError(
            "the keyboard is not installed: pip install -e plugins/robofeed-keyboard. Or record "
            "with --by none and take the controls from elsewhere"
        )
    if not sys.stdin.isatty():
        raise ConfigError(
            "keys can only be read from a terminal, and standard input is none: use `ssh -t` or "
            "tmux, or --by none"
        )


def _check_page() -> None:
    from robofeed.cli.label import front_ends
    from robofeed.data.errors import ConfigError

    if "web" not in front_ends():
        raise ConfigError(
            "the page is not installed: pip install -e plugins/robofeed-web. Or record with "
            "--by keyboard"
        )


def _page(folder: Path) -> subprocess.Popen[bytes]:
    """`robofeed label --web`, whose live view has the controls; it says where it is."""
    return subprocess.Popen([sys.executable, "-m", "robofeed", "label", "--web", str(folder)])


def _keyboard(folder: Path, person: str) -> subprocess.Popen[bytes]:
    """`robofeed drive` in this terminal; a process of its own, as with an arm anywhere else."""
    return subprocess.Popen(
        [sys.executable, "-m", "robofeed", "drive", str(folder), "--person", person]
    )
