"""From the ledger's rows back to records and queries; what cannot be read is named."""

from __future__ import annotations

import json
from typing import Any

from robofeed.data.episode import Segment
from robofeed.data.errors import DataError
from robofeed.data.feedback import Feedback, Query, from_payload


def record_of(where: str, sequence: int, payload: str) -> Feedback:
    """The record that was stored as `payload`; `where` names the ledger.

    Raises:
        DataError: it is no record.
    """
    try:
        return from_payload(json.loads(payload))
    except (DataError, TypeError, ValueError) as error:
        raise DataError(f"{where}: record {sequence}: {error}") from error


def query_of(where: str, row: Any) -> Query:
    """The query in a row of the table of queries.

    Raises:
        DataError: it is no query.
    """
    try:
        segments = tuple(Segment(**segment) for segment in json.loads(row.segments))
        return Query(row.id, segments, tuple(json.loads(row.shown_order)), row.reason)
    except (DataError, TypeError, ValueError) as error:
        raise DataError(f"{where}: query {row.id}: {error}") from error
