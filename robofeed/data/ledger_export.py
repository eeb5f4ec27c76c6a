"""A ledger's records as a table that other programs can read: JSON lines, CSV or parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from robofeed.data.atomic_file import write_atomically
from robofeed.data.errors import ConfigError, did_you_mean
from robofeed.data.feedback import Kind, taken_back
from robofeed.data.ledger_database import LedgerDatabase
from robofeed.data.ledger_rows import record_of
from robofeed.data.ledger_tables import FEEDBACK, QUERIES

FORMATS = ("jsonl", "csv", "parquet")
_COLUMNS: Mapping[str, str] = {
    "sequence": "int64",
    "uuid": "string",
    "kind": "string",
    "person": "string",
    "source": "string",
    "query_id": "string",
    "shown_at_ns": "int64",
    "answered_at_ns": "int64",
    "recorded_at_ns": "int64",
    "taken_back": "bool_",
    "payload": "string",
    "query": "string",
}
"""`payload` is the record as it was stored, `query` the question it answers; both are JSON."""


def table(database: LedgerDatabase) -> list[dict[str, Any]]:
    """Every record in commit order, retracted ones too, as `_COLUMNS` name it."""
    with database.reading() as connection:
        records = connection.execute(sa.select(FEEDBACK).order_by(FEEDBACK.c.sequence)).all()
        queries = {row.id: row for row in connection.execute(sa.select(QUERIES))}
    void = taken_back(
        record_of(database.where, row.sequence, row.payload)
        for row in records
        if row.kind == Kind.RETRACTION
    )
    rows = []
    for record in records:
        row = {name: getattr(record, name, None) for name in _COLUMNS}
        row["taken_back"] = record.uuid in void
        asked = queries.get(record.query_id)
        if asked is not None:
            question = {
                "segments": json.loads(asked.segments),
                "shown_order": json.loads(asked.shown_order),
                "reason": asked.reason,
            }
            row["query"] = json.dumps(question, sort_keys=True)
        rows.append(row)
    return rows


def format_of(path: Path, named: str | None) -> str:
    """The format of an export: the one that is named, else what the file's name ends with.

    Raises:
        ConfigError: neither is one of `FORMATS`.
    """
    wanted = named or path.suffix.removeprefix(".")
    if wanted not in FORMATS:
        raise ConfigError(
            f"{wanted or path.name!r} is no format to export{did_you_mean(wanted, FORMATS)}; name "
            "the file *.jsonl, *.csv or *.parquet, or say --format"
        )
    return wanted


def encode(rows: Sequence[Mapping[str, Any]], file_format: str) -> bytes:
    """The rows in one of `FORMATS`. In JSON lines `payload` and `query` are objects."""
    if file_format == "parquet":
        return _parquet(rows)
    text = io.StringIO()
    if file_format == "csv":
        writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    else:
        for row in rows:
            inner = {name: row[name] and json.loads(row[name]) for name in ("payload", "query")}
            text.write(json.dumps({**row, **inner}) + "\n")
    return text.getvalue().encode("utf-8", "surrogatepass")


def export(rows: Sequence[Mapping[str, Any]], path: Path, file_format: str) -> None:
    """Write the rows to a file, whole or not at all.

    Raises:
        DataError: the disk refuses.
    """
    write_atomically(path, encode(rows, file_format))


def _parquet(rows: Sequence[Mapping[str, Any]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, getattr(pa, kind)()) for name, kind in _COLUMNS.items()])
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows], schema=schema), sink)
    return bytes(sink.getvalue())
