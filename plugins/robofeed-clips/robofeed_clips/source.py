"""The feedback source `terminal`: the person who started the training answers in its terminal."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from robofeed import ConfigError
from robofeed.data.feedback import Query
from robofeed.interfaces import Desk
from robofeed_clips.config import TerminalConfig

_END_S = 10.0


class TerminalSource:
    """A `Ranker` whose answers come from a process that has the terminal.

    That process finds the questions in the ledger and writes the answers there, so that training
    waits for nobody. Raises ConfigError where there is no terminal, or no display for a window.
    """

    prompt = False

    def __init__(self, config: TerminalConfig, run_dir: Path | None) -> None:
        if config.window:
            from robofeed_clips.window import check_display

            check_display()
        else:
            from robofeed_clips.terminal import check_terminal

            check_terminal()
        if run_dir is None:
            raise ConfigError("feedback.use = 'terminal' answers for a run's folder; there is none")
        self._config, self._run_dir = config, run_dir
        self._sitting: subprocess.Popen[bytes] | None = None

    def open(self, desk: Desk) -> None:
        """Give the terminal to the process that asks."""
        arguments = ("label", str(self._run_dir), "--terminal", "--settings")
        # The same group as ours: Ctrl-C ends the sitting, and training saves what it has.
        self._sitting = subprocess.Popen(
            [sys.executable, "-m", "robofeed", *arguments, self._config.model_dump_json()]
        )

    def ask(self, queries: Sequence[Query]) -> None:
        """Nothing to do: the questions are in the ledger."""

    def close(self) -> None:
        """Take the terminal back. Idempotent; unanswered questions stay open."""
        sitting, self._sitting = self._sitting, None
        if sitting is None:
            return
        sitting.send_signal(signal.SIGTERM)
        try:
            sitting.wait(_END_S)
        except subprocess.TimeoutExpired:
            sitting.kill()
            sitting.wait()
