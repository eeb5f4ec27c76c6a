"""The ledger's tables as they are now; `robofeed/data/migrations` says how they came to be."""

from __future__ import annotations

import sqlalchemy as sa

HEAD = "0002"
"""The newest step of the migrations."""

METADATA = sa.MetaData()

FEEDBACK = sa.Table(
    "feedback",
    METADATA,
    sa.Column("uuid", sa.String(36), primary_key=True),
    # Commit order, 1, 2, 3, ... without gaps, given out under the writer's lock.
    sa.Column("sequence", sa.BigInteger, nullable=False, unique=True),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("query_id", sa.Text, nullable=True, index=True),
    # The whole record as JSON, kept as it was written; the columns around it repeat parts of it
    # for those who ask in SQL.
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("shown_at_ns", sa.BigInteger, nullable=False),
    sa.Column("answered_at_ns", sa.BigInteger, nullable=False),
    sa.Column("recorded_at_ns", sa.BigInteger, nullable=False),
    # Version of the payload.
    sa.Column("schema_version", sa.Integer, nullable=False),
    sa.Index("ix_feedback_person_kind", "person", "kind"),
)

QUERIES = sa.Table(
    "queries",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    # The order in which they were asked.
    sa.Column("sequence", sa.BigInteger, nullable=False, unique=True),
    # JSON.
    sa.Column("segments", sa.Text, nullable=False),
    sa.Column("shown_order", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("asked_at_ns", sa.BigInteger, nullable=False),
)

PEOPLE = sa.Table(
    "people",
    METADATA,
    sa.Column("pseudonym", sa.Text, primary_key=True),
    sa.Column("role", sa.String(16), nullable=False),
    # The token itself is nowhere: whoever reads the ledger cannot log in with it.
    sa.Column("token_sha256", sa.String(64), nullable=False, unique=True),
    sa.Column("added_at_ns", sa.BigInteger, nullable=False),
)

LEASES = sa.Table(
    "leases",
    METADATA,
    sa.Column("query_id", sa.Text, primary_key=True),
    sa.Column("person", sa.Text, primary_key=True),
    sa.Column("expires_at_ns", sa.BigInteger, nullable=False),
)
