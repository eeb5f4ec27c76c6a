"""Taking a person out of a ledger: the one exception to its being append-only.

By default the labels stay under a new, random name that leads to nobody; words and consent go, and
so do the times of day. What goes leaves an empty record in its place, since trainers count on the
sequence having no gaps. Where else a person may be found is in docs/people.md.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from robofeed.data.errors import ConfigError, did_you_mean
from robofeed.data.feedback import (
    Consent,
    Feedback,
    Forgotten,
    Remark,
    Stamp,
    to_payload,
)
from robofeed.data.ledger_database import LedgerDatabase
from robofeed.data.ledger_rows import record_of
from robofeed.data.ledger_tables import FEEDBACK, LEASES, PEOPLE

_NOBODY = "forgotten"


@dataclass(frozen=True, slots=True)
class Forgetting:
    """What was done: labels that stay under `pseudonym`, and records of which nothing is left."""

    pseudonym: str
    anonymised: int
    emptied: int


def forget(database: LedgerDatabase, person: str, delete_labels: bool) -> Forgetting:
    """Anonymise or empty the records of `person`, end their link and leases, clean the storage.

    Raises:
        ConfigError: nobody of this pseudonym is there.
        Busy: it is done, but the storage cannot be cleaned while others use it.
    """
    pseudonym = f"{_NOBODY}-{secrets.token_hex(4)}"
    anonymised = emptied = 0
    with database.amending(FEEDBACK) as connection:
        rows = connection.execute(
            sa.select(FEEDBACK.c.sequence, FEEDBACK.c.payload).where(FEEDBACK.c.person == person)
        ).all()
        for row in rows:
            record = record_of(database.where, row.sequence, row.payload)
            goes = delete_labels or isinstance(record, Remark | Consent | Forgotten)
            left = _empty(record) if goes else _anonymous(record, pseudonym)
            emptied += goes
            anonymised += not goes
            connection.execute(
                FEEDBACK.update().where(FEEDBACK.c.sequence == row.sequence), _columns(left)
            )
        gone = connection.execute(PEOPLE.delete().where(PEOPLE.c.pseudonym == person)).rowcount
        connection.execute(LEASES.delete().where(LEASES.c.person == person))
        names = {*connection.scalars(sa.select(FEEDBACK.c.person).distinct())}
        names |= {*connection.scalars(sa.select(PEOPLE.c.pseudonym))}
    # Also where nothing was found: it may have been done before, when others kept the storage busy.
    database.clean()
    if not rows and not gone:
        raise ConfigError(f"there is nobody called {person!r}{did_you_mean(person, names)}")
    return Forgetting(pseudonym, anonymised, emptied)


def _anonymous(record: Feedback, pseudonym: str) -> Feedback:
    # Who sat there on a Tuesday at nine may be known; how long an answer took is no such trace.
    taken_ns = record.stamp.answered_at_ns - record.stamp.shown_at_ns
    timed = record.stamp.shown_at_ns > 0 and taken_ns >= 0
    stamp = replace(
        record.stamp,
        person=pseudonym,
        shown_at_ns=1 if timed else 0,
        answered_at_ns=1 + taken_ns if timed else 0,
    )
    return replace(record, stamp=stamp)


def _empty(record: Feedback) -> Forgotten:
    return Forgotten(Stamp(record.stamp.uuid, _NOBODY, ""))


def _columns(record: Feedback) -> dict[str, Any]:
    return {
        "kind": str(record.kind),
        "person": record.stamp.person,
        "source": record.stamp.source,
        "query_id": getattr(record, "query_id", None),
        "payload": json.dumps(to_payload(record), sort_keys=True),
        "shown_at_ns": record.stamp.shown_at_ns,
        "answered_at_ns": record.stamp.answered_at_ns,
        "recorded_at_ns": 0,
    }
