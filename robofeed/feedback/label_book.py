"""The learner's view of the ledger: what stands, resolved to arrays, counted honestly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from robofeed.data.batch import Resolved
from robofeed.data.feedback import (
    Demonstration,
    Feedback,
    Query,
    Ranking,
    Retraction,
    Skip,
    taken_back,
)
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
    forgone: int = 0
    """answers that the skipped questions would have counted beyond the one that a skip counts"""


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
        self._rankings: list[Resolved] = []
        self._retractions: list[Retraction] = []
        self._answered: set[str] = set()
        self.tally = Tally()

    @property
    def cursor(self) -> int:
        """Sequence of the last record read."""
        return self._cursor

    @property
    def labels(self) -> list[Resolved]:
        """Every standing ranking, in commit order."""
        void = taken_back(self._retractions)
        standing = [each for each in self._rankings if each.feedback.stamp.uuid not in void]
        return sorted(standing, key=lambda each: each.sequence)

    @property
    def retractions(self) -> int:
        """How many records took back another."""
        return len(self._retractions)

    @property
    def answered(self) -> int:
        """How many questions got a ranking or a skip."""
        return len(self._answered)

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
        if isinstance(feedback, Ranking):
            segments = self._query(feedback.query_id).segments
            clips = tuple(self._footage.clip(segment) for segment in segments)
            self._rankings.append(Resolved(sequence, feedback, clips))
            self._answered.add(feedback.query_id)
            answers = tally.answers + feedback.answers
            self.tally = replace(tally, answers=answers, rankings=tally.rankings + 1)
        elif isinstance(feedback, Skip):
            self._answered.add(feedback.query_id)
            forgone = tally.forgone + len(self._query(feedback.query_id).segments) - 2
            self.tally = replace(
                tally, answers=tally.answers + 1, skips=tally.skips + 1, forgone=forgone
            )
        elif isinstance(feedback, Demonstration):
            self.tally = replace(tally, demonstrations=tally.demonstrations + 1)
        elif isinstance(feedback, Retraction):
            self._retractions.append(feedback)
