"""The learner's view of the ledger: what stands, resolved to arrays, counted honestly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from robofeed.data.batch import Resolved
from robofeed.data.feedback import Demonstration, Feedback, Query, Ranking, Retraction, Skip
from robofeed.feedback.footage import FootageLibrary


class Entry(Protocol):
    """A ledger row."""

    @property
    def sequence(self) -> int:
        """Commit order."""

    @property
    def feedback(self) -> Feedback:
        """The record."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What people have given so far. `answers` counts questions about two clips.

    A ranking of K clips counts K - 1, a skip counts one, repeats count, retracted ones too: they
    all cost a person's time.
    """

    answers: int = 0
    rankings: int = 0
    skips: int = 0
    demonstrations: int = 0
    records: int = 0


class LabelBook:
    """Reads the ledger from a cursor on and keeps every standing answer with its clips.

    `asked` says whether a query was put in this run's own timeline. After a resume the ledger may
    hold answers to questions the resumed run has yet to put; they are kept waiting until it does.
    """

    def __init__(
        self,
        since: Callable[[int], Sequence[Entry]],
        query: Callable[[str], Query],
        asked: Callable[[str], bool],
        footage: FootageLibrary,
    ) -> None:
        self._since, self._query, self._asked = since, query, asked
        self._footage = footage
        self._cursor = 0
        self._early: list[Entry] = []
        self._labels: dict[str, Resolved] = {}
        self.tally = Tally()

    @property
    def cursor(self) -> int:
        """Sequence of the last record read."""
        return self._cursor

    @property
    def labels(self) -> list[Resolved]:
        """Every standing ranking, in commit order."""
        return list(self._labels.values())

    def read(self, up_to: int | None = None) -> int:
        """Take in what is new (up to sequence `up_to`, when resuming); returns how many records."""
        entries = [*self._early]
        self._early = []
        for entry in self._since(self._cursor):
            if up_to is not None and entry.sequence > up_to:
                break
            entries.append(entry)
            self._cursor = entry.sequence
        taken = 0
        for entry in entries:
            query_id = getattr(entry.feedback, "query_id", None)
            if query_id is not None and not self._asked(query_id):
                self._early.append(entry)
            else:
                self._take(entry.sequence, entry.feedback)
                taken += 1
        return taken

    def _take(self, sequence: int, feedback: Feedback) -> None:
        tally = self.tally
        answers, rankings, skips = tally.answers, tally.rankings, tally.skips
        demonstrations = tally.demonstrations
        if isinstance(feedback, Ranking):
            answers, rankings = answers + feedback.answers, rankings + 1
            segments = self._query(feedback.query_id).segments
            clips = tuple(self._footage.clip(segment) for segment in segments)
            self._labels[feedback.stamp.uuid] = Resolved(sequence, feedback, clips)
        elif isinstance(feedback, Skip):
            answers, skips = answers + 1, skips + 1
        elif isinstance(feedback, Demonstration):
            demonstrations += 1
        elif isinstance(feedback, Retraction):
            self._labels.pop(feedback.retracts, None)
        self.tally = Tally(answers, rankings, skips, demonstrations, tally.records + 1)
