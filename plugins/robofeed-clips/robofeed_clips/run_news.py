"""What a run is doing, from its folder, in a few words."""

from __future__ import annotations

import json
import time
from pathlib import Path

from robofeed.data.errors import DataError
from robofeed.data.run_folder import RunFolder

_LOOK_EVERY_S = 2.0
_TAIL_BYTES = 4096


class RunNews:
    """Reads run.json and the end of events.jsonl now and then."""

    def __init__(self, run_dir: Path) -> None:
        self._folder = RunFolder(run_dir)
        self._events = run_dir / "events.jsonl"
        self._next_s = 0.0
        self._words = ""

    def words(self) -> str:
        """Such as "running, step 3,200"."""
        if time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + _LOOK_EVERY_S
            self._words = self._read()
        return self._words

    def _read(self) -> str:
        try:
            status = str(self._folder.about().get("status", ""))
        except DataError:
            status = ""
        steps = self._steps()
        return ", ".join(part for part in (status, steps) if part)

    def _steps(self) -> str:
        try:
            with self._events.open("rb") as file:
                file.seek(0, 2)
                file.seek(max(0, file.tell() - _TAIL_BYTES))
                # The last line may be half-written; the one before it is whole.
                lines = file.read().split(b"\n")[:-1]
            return f"step {json.loads(lines[-1])['steps']:,}"
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            return ""
