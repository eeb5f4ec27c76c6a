"""Run folders with questions about the example plugin's point, and a real terminal (tmux)."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from robofeed.data.episode import Episode, Segment
from robofeed.data.feedback import Query
from robofeed.data.ledger import Ledger
from robofeed.data.observation import Ended
from robofeed.data.run_folder import RunFolder
from robofeed.data.store import EpisodeStore

STEPS = 20
CONFIG = '[backend]\nuse = "point"\n[clips]\nwidth = 96\nheight = 72\n'


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[[int, int], Path]:
    """Makes a run with so many questions about so many clips."""

    def make(questions: int, clips: int = 2) -> Path:
        folder = RunFolder(tmp_path / "run")
        folder.path.mkdir()
        folder.config_path.write_text(CONFIG, encoding="utf-8")
        folder.write_about({"name": "run", "status": "running"})
        store = EpisodeStore(folder.path)
        for number in range(clips):
            along = np.linspace(-0.4, 0.4, STEPS + 1, dtype=np.float32)
            way = np.float32(1 - number / 2)
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
                    scene=np.stack([along, way * along, 0 * along, 0 * along], axis=1),
                    ended=Ended.TRUNCATED,
                    seed=number,
                    spec_hash="0",
                )
            )
        ledger = Ledger.open(folder.ledger)
        order = tuple(reversed(range(clips)))
        ledger.add_queries(
            Query(
                f"q{number:06d}",
                tuple(
                    Segment(f"e{clip:06d}", number % 5, number % 5 + 10) for clip in range(clips)
                ),
                order,
            )
            for number in range(questions)
        )
        ledger.close()
        return folder.path

    return make


class Tmux:
    """A terminal of so many columns and rows in which one command runs."""

    def __init__(self, columns: int, rows: int, *command: object) -> None:
        self._name = f"robofeed-{uuid.uuid4().hex[:12]}"
        line = shlex.join([sys.executable, "-m", "robofeed", *map(str, command)])
        environment = {**os.environ, "COLORTERM": "truecolor", "OMP_NUM_THREADS": "1"}
        subprocess.run(
            [*self._tmux(), "-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y",
             str(rows), f"{line}; echo ended with $?; cat"],
            env=environment,
            check=True,
        )  # fmt: skip

    def press(self, *keys: str) -> None:
        """Send keys, by tmux's names."""
        self._run("send-keys", *keys)

    def resize(self, columns: int, rows: int) -> None:
        """Make the terminal another size."""
        self._run("resize-window", "-x", str(columns), "-y", str(rows))

    def screen(self, *options: str) -> str:
        """What stands on it."""
        return self._run("capture-pane", "-p", *options)

    def until(self, text: str, timeout_s: float = 90.0) -> str:
        """Wait until `text` is on the screen, and return the screen."""
        end_s = time.monotonic() + timeout_s
        while text not in (screen := self.screen()):
            assert time.monotonic() < end_s, f"{text!r} did not appear; there is:\n{screen}"
            time.sleep(0.05)
        return screen

    def close(self) -> None:
        """End it and what runs in it."""
        subprocess.run([*self._tmux(), "kill-server"], check=False, capture_output=True)

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self._tmux(), *arguments], check=True, capture_output=True, text=True
        )
        return done.stdout

    def _tmux(self) -> tuple[str, ...]:
        return "tmux", "-L", self._name


@pytest.fixture
def tmux() -> Iterator[Callable[..., Tmux]]:
    """Starts `robofeed` with arguments in a terminal: tmux(columns, rows, *arguments)."""
    terminals: list[Tmux] = []

    def start(columns: int, rows: int, *arguments: object) -> Tmux:
        terminals.append(Tmux(columns, rows, *arguments))
        return terminals[-1]

    yield start
    for terminal in terminals:
        terminal.close()
