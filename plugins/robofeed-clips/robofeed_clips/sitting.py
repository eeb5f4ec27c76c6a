"""One person answering: which question is on, what a key does, what is stored. Draws nothing."""

from __future__ import annotations

import enum
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Protocol

from robofeed import DataError, Draft, Respondent
from robofeed.data import consent
from robofeed.data.feedback import (
    Consent,
    Feedback,
    Query,
    Ranking,
    Receipt,
    Retraction,
    Skip,
    Stamp,
)

SOURCE = "terminal"
_TRY_AGAIN_S = 1.0
_LONGEST_NOTE = 500


class Questions(Protocol):
    """Lends questions: `Ledger.leases()`."""

    def take(self, person: str, count: int, now_ns: int) -> list[Query]:
        """Up to `count` open questions, those held already first."""


class Mode(enum.Enum):
    """What keys mean now."""

    CONSENT = "consent"
    RANK = "rank"
    NOTE = "note"
    RATE = "rate"
    OUTCOME = "outcome"
    HELP = "help"


class Sitting:
    """What happens between a person and the ledger. Everything is asked for and told by methods.

    Args:
        person: Pseudonym.
        append: `Ledger.append`: returns once the record is durable.
        questions: Lends questions.
        find: A question by its id, `Ledger.query`.
        deeds: What keys do (`TerminalConfig.deeds`).
        agreed: Whether this person agreed to the present consent text before.
        now_ns: Wall clock.
    """

    def __init__(
        self,
        person: str,
        append: Callable[[Feedback], Receipt],
        questions: Questions,
        find: Callable[[str], Query],
        deeds: Mapping[str, str],
        agreed: bool,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._person, self._append, self._questions = person, append, questions
        self._find, self._deeds, self._now_ns = find, deeds, now_ns
        self._help_key = next((key for key, deed in deeds.items() if deed == "help"), "(no key)")
        self._respondent = Respondent(person, SOURCE, _new_uuid, now_ns)
        self._pending: Feedback | None = None
        self._try_again_ns = 0
        self._look_again_ns = 0
        self.mode = Mode.RANK if agreed else Mode.CONSENT
        self.query: Query | None = None
        self.next_query: Query | None = None
        """the one after it, to have its clips ready"""
        self.draft = Draft(2)
        self.cursor = 0
        """position that arrows have marked"""
        self.position: int | None = None
        """the clip that is being rated or judged, where that is said"""
        self.note = ""
        self.shown_at_ns = 0
        """when the clips of the question were first seen; 0 = not yet"""
        self.paused = False
        self.over = False
        self.message = ""
        self.alarm = False
        """whether the message is about something that is not stored"""
        self.stored = 0
        """answers stored in this sitting and not taken back"""

    def tick(self) -> None:
        """Store what could not be stored, and look for a question where none is on."""
        now_ns = self._now_ns()
        if self._pending is not None:
            if now_ns >= self._try_again_ns:
                self._store(self._pending)
        elif self.query is None and self.mode is not Mode.CONSENT and now_ns >= self._look_again_ns:
            self._look_again_ns = now_ns + round(_TRY_AGAIN_S * 1e9)
            self._next()

    def seen(self) -> None:
        """The clips of the present question are on the screen."""
        if not self.shown_at_ns:
            self.shown_at_ns = self._now_ns()

    def press(self, key: str) -> None:
        """Take a key, by its name in `keys.py`."""
        if self._pending is not None:
            if self._deeds.get(key) == "quit":
                self.over = True
            return
        match self.mode:
            case Mode.CONSENT:
                self._consent(key)
            case Mode.NOTE:
                self._write(key)
            case Mode.RATE | Mode.OUTCOME:
                self._judge_one(key)
            case Mode.HELP:
                self.mode = Mode.RANK
            case Mode.RANK:
                self._rank(key)

    def _rank(self, key: str) -> None:
        deed = self._deeds.get(key, "")
        query = self.query
        self.message, self.alarm = "", False
        match deed:
            case "quit":
                self.over = True
            case "help":
                self.mode = Mode.HELP
            case "pause":
                self.paused = not self.paused
            case "undo":
                self._undo()
            case _ if query is None:
                self.message = "There is no question now."
            case "skip":
                # Clips that cannot be made are skipped unseen.
                self._store(self._respondent.skip(query, self.shown_at_ns))
            case "note":
                self.mode, self.note = Mode.NOTE, ""
            case "rate" | "outcome":
                self.mode = Mode.RATE if deed == "rate" else Mode.OUTCOME
                self.position = None
            case _ if not self.shown_at_ns:
                self.message = "The clips are not on the screen yet."
            case _:
                self._compose(key, deed, query)

    def _compose(self, key: str, deed: str, query: Query) -> None:
        draft, clips = self.draft, len(query.segments)
        if key in "12345":
            draft = draft.place(int(key) - 1)
        elif deed in ("left", "right") and clips == 2:
            draft = draft.place(0 if deed == "left" else 1)
        elif deed in ("left", "right"):
            self.cursor = (self.cursor + (1 if deed == "right" else -1)) % clips
        elif deed == "equal" and key == "up" and clips > 2:
            draft = draft.place(self.cursor)
        elif deed == "equal":
            draft = draft.tie()
        elif deed == "accept":
            draft = draft.rest()
        elif deed == "back":
            draft = draft.back()
        else:
            self.message = f"The key {key} does nothing here; {self._help_key} shows what keys do."
        self.draft = draft
        if draft.finished is not None:
            self._store(self._respondent.ranking(query, draft.finished, self.shown_at_ns))

    def _undo(self) -> None:
        retraction = self._respondent.undo()
        if retraction is None:
            self.message = "There is nothing left to take back in this sitting."
        else:
            self._store(retraction)

    def _write(self, key: str) -> None:
        if key == "escape":
            self.mode = Mode.RANK
        elif key == "enter":
            self.mode = Mode.RANK
            if self.note.strip() and self.query is not None:
                self._store(
                    self._respondent.remark(self.query, self.note.strip(), self.shown_at_ns)
                )
        elif key == "backspace":
            self.note = self.note[:-1]
        elif key == "space" or len(key) == 1:
            self.note = (self.note + (" " if key == "space" else key))[:_LONGEST_NOTE]

    def _judge_one(self, key: str) -> None:
        query = self.query
        if query is None or key == "escape" or self._deeds.get(key) == "back":
            self.mode = Mode.RANK
        elif self.position is None:
            if key in "12345" and int(key) <= len(query.segments):
                self.position = int(key) - 1
        elif self.mode is Mode.RATE and key in "12345":
            self.mode = Mode.RANK
            stars = int(key)
            self._store(self._respondent.rating(query, self.position, stars, self.shown_at_ns))
        elif self.mode is Mode.OUTCOME and key in "yn":
            self.mode = Mode.RANK
            success = key == "y"
            self._store(self._respondent.outcome(query, self.position, success, self.shown_at_ns))

    def _consent(self, key: str) -> None:
        if key == "y":
            stamp = Stamp(_new_uuid(), self._person, SOURCE, 0, self._now_ns())
            self._store(Consent(stamp, consent.VERSION, consent.TEXT))
        elif key == "n" or self._deeds.get(key) == "quit":
            self.over = True

    def _store(self, record: Feedback) -> None:
        """Show as said only what the ledger has acknowledged.

        Anything else is kept and tried again, the same record, so that it is not stored twice.
        """
        try:
            self._append(record)
        except DataError as error:
            self._pending = record
            self._try_again_ns = self._now_ns() + round(_TRY_AGAIN_S * 1e9)
            self.alarm, self.message = True, f"NOT STORED YET, trying again: {error}"
            return
        self._pending, self.alarm = None, False
        if isinstance(record, Consent):
            self.mode, self.message = Mode.RANK, "Thank you."
            self._next()
            return
        before = self._respondent.last
        self._respondent.stored(record)
        if isinstance(record, Ranking | Skip):
            self.stored += 1
            self.message = f"Stored: {in_words(record, self.query)}"
            self._next()
        elif isinstance(record, Retraction):
            self.message = "Taken back: " + (
                in_words(before, self._asked(before)) if before is not None else ""
            )
            if isinstance(before, Ranking | Skip):
                self.stored -= 1
                self._put(self._find(before.query_id), self.query)
        else:
            self.message = f"Stored: {in_words(record, self.query)}"

    def _asked(self, record: Feedback | None) -> Query | None:
        query_id = getattr(record, "query_id", None)
        return self._find(query_id) if query_id is not None else self.query

    def _next(self) -> None:
        try:
            lent = self._questions.take(self._person, 2, self._now_ns())
        except DataError as error:
            self.query = self.next_query = None
            self.message = f"No question can be read: {error}"
            return
        self._put(*(lent[0], lent[1] if len(lent) > 1 else None) if lent else (None, None))

    def _put(self, query: Query | None, following: Query | None) -> None:
        self.query, self.next_query = query, following
        self.draft = Draft(len(query.segments) if query else 2)
        self.cursor = 0
        self.shown_at_ns = 0


def in_words(record: Feedback, query: Query | None) -> str:
    """A record as it was meant, with the clips by their numbers on the screen."""
    match record:
        case Ranking(order=order) if query is not None:
            shown = [
                " = ".join(
                    str(number)
                    for number in sorted(query.shown_order.index(clip) + 1 for clip in group)
                )
                for group in order
            ]
            return " > ".join(shown)
        case Skip():
            return "can't tell"
        case _:
            return str(record.kind)


def _new_uuid() -> str:
    return str(uuid.uuid4())
