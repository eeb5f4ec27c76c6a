"""The process that makes clips: requests as JSON lines on stdin first, then open questions.

Started by `ClipMaker`. It ends when stdin does.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import select
import sys
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from robofeed.data.episode import Segment
    from robofeed.data.feedback import Query, Retraction
    from robofeed.data.ledger import Ledger

NICE = 5
"""Of this process. At 19 it stands still where training takes every core, and a person waits a
minute for two clips; at 5 it then has a sixth of one core, enough for a question in six seconds."""
AHEAD = 12
"""Open questions whose clips are made before anyone asks for them."""
_LOOK_EVERY_S = 0.5


class Requests:
    """Lines on a file descriptor, without waiting longer than asked."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._text = b""
        self.ended = False

    def waiting(self, timeout_s: float) -> Iterator[dict[str, Any]]:
        """The requests that are there, or that come within `timeout_s` if none is."""
        if not select.select([self._descriptor], [], [], timeout_s)[0]:
            return
        data = os.read(self._descriptor, 1 << 16)
        self.ended = not data
        *lines, self._text = (self._text + data).split(b"\n")
        for line in lines:
            yield json.loads(line)


class OpenQuestions:
    """The segments of the questions in a ledger that nobody has answered, oldest first.

    What was read once is not read again: a person's machine may be slow, and a ledger long.
    """

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._ledger: Ledger | None = None
        self._done: set[Segment] = set()
        self._queries: list[Query] = []
        self._open: dict[str, Query] = {}
        self._cursor = 0
        self._answers: dict[str, str] = {}
        """query of each answer's uuid, taken back or not"""
        self._retractions: list[Retraction] = []

    def segments(self) -> list[Segment]:
        """Segments not yet given out, of the first open questions."""
        from robofeed.data.ledger import Ledger
        from robofeed.data.run_folder import RunFolder

        if self._ledger is None:
            place = RunFolder(self._run_dir).ledger
            if isinstance(place, Path) and not place.is_file():
                return []
            self._ledger = Ledger.open(place)
        if not self._read(self._ledger):
            return []
        still_open = itertools.islice(self._open.values(), AHEAD)
        wanted = [segment for query in still_open for segment in query.segments]
        fresh = [segment for segment in dict.fromkeys(wanted) if segment not in self._done]
        self._done.update(fresh)
        return fresh

    def _read(self, ledger: Ledger) -> bool:
        """Take in what was committed since; returns whether anything was."""
        from robofeed.data.feedback import Ranking, Retraction, Skip, taken_back

        asked = ledger.queries(after=len(self._queries))
        self._queries += asked
        self._open |= {query.id: query for query in asked}
        said = ledger.since(self._cursor)
        retractions = len(self._retractions)
        answered: list[str] = []
        for entry in said:
            self._cursor = entry.sequence
            if isinstance(entry.feedback, Retraction):
                self._retractions.append(entry.feedback)
            elif isinstance(entry.feedback, Ranking | Skip):
                self._answers[entry.feedback.stamp.uuid] = entry.feedback.query_id
                answered.append(entry.feedback.query_id)
        if len(self._retractions) > retractions:
            # It may open a question again; it is rare, so all is counted anew.
            void = taken_back(self._retractions)
            answered = [query for uuid, query in self._answers.items() if uuid not in void]
            self._open = {query.id: query for query in self._queries}
        for query_id in answered:
            self._open.pop(query_id, None)
        return bool(asked or said)


def serve(run_dir: Path, requests: Requests, say: Callable[[dict[str, Any]], None]) -> None:
    """Make clips until the requests end."""
    from robofeed.data.episode import Segment
    from robofeed.data.errors import RobofeedError
    from robofeed.labelling.run_camera import open_clips

    clips = open_clips(run_dir)
    questions = OpenQuestions(run_dir)
    ahead: deque[Segment] = deque()

    def make(segment: Segment) -> None:
        try:
            clip = clips.clip(segment)
        except RobofeedError as error:
            say({"segment": asdict(segment), "error": str(error)})
        else:
            say({"segment": asdict(segment), "clip": {**asdict(clip), "path": str(clip.path)}})

    while not requests.ended:
        for request in requests.waiting(0.0 if ahead else _LOOK_EVERY_S):
            make(Segment(**request))
        if ahead:
            make(ahead.popleft())
        else:
            with contextlib.suppress(RobofeedError):
                # A ledger that is locked for a moment is looked at again in the next round.
                ahead.extend(questions.segments())


def main(run_dir: str) -> None:
    """Serve stdin with a low priority, so that training and pages go first."""
    import signal

    os.nice(NICE)
    # Ctrl-C in a terminal reaches the whole group; this process ends with its parent.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def say(answer: dict[str, Any]) -> None:
        print(json.dumps(answer), flush=True)

    with contextlib.suppress(BrokenPipeError):
        serve(Path(run_dir), Requests(sys.stdin.fileno()), say)


if __name__ == "__main__":
    main(sys.argv[1])
