"""Correct a run's arm from this terminal while it moves."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

HELLO_S = 30.0
"""A run answers between two steps: it may be fitting a reward model first."""
_WAIT_S = 0.02


def command(
    run: Annotated[Path, typer.Argument(help="The folder of a run that is going on.")],
    person: Annotated[
        str, typer.Option(help="Pseudonym under which corrections are kept.")
    ] = "operator",
) -> None:
    """Correct a run's arm from this terminal while it moves."""
    from robofeed import ControlClient
    from robofeed.data.errors import DataError
    from robofeed.data.intervention import Driver
    from robofeed_keyboard.agreement import agree
    from robofeed_keyboard.keymap import help_lines, keys_of
    from robofeed_keyboard.pilot import Pilot
    from robofeed_keyboard.terminal import RawTerminal, hidden_cursor

    terminal = RawTerminal(sys.stdin.fileno())
    with ControlClient(run, Driver(person, "keyboard")) as client:
        welcome = client.receive(HELLO_S)
        if welcome is None:
            raise DataError(
                f"{run} has not answered for {HELLO_S:g} s: it is busy, or hangs; try again"
            )
        pilot = Pilot(client, welcome, time.monotonic)
        rest, shown = b"", ""
        with terminal, hidden_cursor(_write):
            try:
                if not agree(run, person, terminal, _write):
                    return
                for line in sources(welcome):
                    _write(f"{line}\r\n")
                _write("\r\n".join(help_lines(pilot.names)) + "\r\n")
                pilot.take()
                while True:
                    rest += terminal.read(_WAIT_S, client.fileno())
                    pressed_ns = time.monotonic_ns()
                    keys, rest = keys_of(rest)
                    for key in keys:
                        if key == "?":
                            _write("\r\x1b[K" + "\r\n".join(help_lines(pilot.names)) + "\r\n")
                            shown = ""
                        elif not pilot.press(key, pressed_ns):
                            return
                    client.flush()
                    for event in client.receive_all():
                        pilot.hear(event)
                    pilot.pass_time()
                    if notice := pilot.news():
                        _write(f"\r\x1b[K{notice}\r\n")
                        shown = ""
                    line = status_line(pilot.state)
                    if line != shown:
                        _write(f"\r{line}\x1b[K")
                        shown = line
            except DataError as ended:
                _write(f"\r\x1b[K{ended}\r\n")
            except EOFError:
                # The window was closed; the run gives the controls back by itself.
                return
            finally:
                _leave(pilot)


def sources(welcome: Mapping[str, Any]) -> list[str]:
    """Which source of corrections is in use here, and why others are not."""
    return [
        f"{welcome['run']}: corrections by keyboard (in use).",
        "  A terminal does not tell when a key comes up: each key is one short step.",
        "  Browser (hold to move): not used here; a page of the run can take the controls over.",
        "  Gamepad: not supported yet.",
    ]


def status_line(state: Mapping[str, Any]) -> str:
    """One line about the arm, cut to the terminal's width."""
    if not state:
        text = "waiting for the run ..."
    elif state["is"] == "busy":
        holder = state["holder"]
        whose = f"held by {holder['person']} ({holder['source']})" if holder else "held by nobody"
        does = "moves by itself" if state.get("moves") else "holds still"
        text = f"[the arm {does}: {state['doing']}] {whose}"
    else:
        holder = state["holder"]
        # An arm that was not switched on yet may not know where it is.
        place = " ".join("-" if value is None else f"{value:.3f}" for value in state["tool_m"])
        latency = state["latency"]
        parts = [
            f"[{state['mode']}] {state['episode_id']} step {state['step']}",
            f"held by {holder['person']} ({holder['source']})" if holder else "held by nobody",
            f"tool {place} m",
        ]
        if state["gripper"] is not None:
            parts.append(f"gripper {state['gripper']:.2f}")
        if state["phase"] == "recording":
            parts.insert(1, f"{state['kept']} kept")
        elif state["phase"] == "live":
            paused = state["mode"] == "paused"
            parts.insert(1, "space: the policy acts" if paused else f"{state['kept']} done")
        elif state["phase"] == "evaluation":
            parts.insert(0, "evaluation: watch and stop only")
        if latency["count"]:
            parts.append(
                f"key to motion {latency['last_ms']:.0f} ms, median {latency['median_ms']:.0f}"
            )
        text = " | ".join(parts)
    width = shutil.get_terminal_size().columns
    return text[: max(0, width - 1)]


def _leave(pilot: Any) -> None:
    from robofeed.data.errors import DataError

    try:
        pilot.leave()
    except DataError:
        # The run has ended: nothing to give back.
        return


def _write(text: str) -> None:
    data = text.encode()
    while data:
        data = data[os.write(sys.stdout.fileno(), data) :]
