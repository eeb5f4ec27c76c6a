"""Clips made beside everything else: a process of low priority with one thread."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO

from robofeed.data.episode import Segment
from robofeed.data.errors import DataError
from robofeed.feedback.clips import Clip
from robofeed.labelling import clip_process

_ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
_END_S = 5.0


class ClipMaker:
    """Makes the clips of a run in a process of its own, those of open questions unasked.

    with ClipMaker(run_dir) as maker:
        clip = maker.clip(segment)

    Every method may be called from any thread.

    Raises:
        DataError: the process cannot be started.
    """

    def __init__(self, run_dir: Path) -> None:
        self._made: dict[Segment, Clip | str] = {}
        self._news = threading.Condition()
        self._trouble: IO[bytes] = tempfile.TemporaryFile()
        self._ended = False
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", clip_process.__name__, str(run_dir)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._trouble,
                env={**os.environ, **_ONE_THREAD},
            )
        except OSError as error:
            raise DataError(f"the process that makes clips cannot start: {error}") from error
        self._reader = threading.Thread(target=self._read, name="clip maker", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def ready(self, segment: Segment) -> Clip | None:
        """The clip of a segment if it is made. Raises DataError where it could not be."""
        with self._news:
            made = self._made.get(segment)
        return self._clip(made) if made is not None else None

    def clip(self, segment: Segment, timeout_s: float = 30.0) -> Clip:
        """The clip of a segment, waiting while it is made before all others.

        Raises:
            DataError: it cannot be made, not within `timeout_s`, or the process is gone.
        """
        end_s = time.monotonic() + timeout_s
        with self._news:
            made = self._made.get(segment)
        if isinstance(made, Clip) and made.path.is_file():
            return made
        self.want(segment)  # also where it failed before: a full disk may have room again
        with self._news:
            while segment not in self._made:
                if self._ended:
                    raise DataError(f"the process that makes clips ended: {self._last_words()}")
                if not self._news.wait(end_s - time.monotonic()):
                    raise DataError(
                        f"the clip of {segment} was not made within {timeout_s:g} s; the machine "
                        "is busy: ask again"
                    )
            return self._clip(self._made[segment])

    def want(self, segment: Segment) -> None:
        """Have a clip made before those of other questions. Returns at once."""
        line = json.dumps(asdict(segment)).encode() + b"\n"
        with self._news:
            self._made.pop(segment, None)
            if self._ended or self._process.stdin is None:
                raise DataError(f"the process that makes clips ended: {self._last_words()}")
            try:
                self._process.stdin.write(line)
                self._process.stdin.flush()
            except (OSError, ValueError) as error:
                raise DataError(
                    f"the process that makes clips ended: {self._last_words()}"
                ) from error

    def close(self) -> None:
        """End the process; a clip it is at is finished first, or left out. Idempotent."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            with contextlib.suppress(BrokenPipeError):  # one that died left a wish unread
                self._process.stdin.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._trouble.close()

    def __enter__(self) -> ClipMaker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            answer = json.loads(line)
            made: Clip | str = answer.get("error", "")
            if "clip" in answer:
                said = answer["clip"]
                made = Clip(
                    **{**said, "path": Path(said["path"]), "missing": tuple(said["missing"])}
                )
            with self._news:
                self._made[Segment(**answer["segment"])] = made
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def _last_words(self) -> str:
        if self._trouble.closed:
            return "it was closed"
        self._trouble.seek(0)
        lines = self._trouble.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"exit code {self._process.poll()}"

    @staticmethod
    def _clip(made: Clip | str) -> Clip:
        if isinstance(made, str):
            raise DataError(made)
        return made
