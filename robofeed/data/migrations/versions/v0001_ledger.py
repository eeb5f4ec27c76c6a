"""The first ledger: feedback and queries, append-only."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the two tables and the triggers that keep them append-only."""
    op.create_table(
        "feedback",
        sa.Column("uuid", sa.String(36), primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False, unique=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("query_id", sa.Text, nullable=True, index=True),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("shown_at_ns", sa.BigInteger, nullable=False),
        sa.Column("answered_at_ns", sa.BigInteger, nullable=False),
        sa.Column("recorded_at_ns", sa.BigInteger, nullable=False),
        sa.Column("schema_version", sa.Integer, nullable=False),
    )
    op.create_table(
        "queries",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False, unique=True),
        sa.Column("segments", sa.Text, nullable=False),
        sa.Column("shown_order", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("asked_at_ns", sa.BigInteger, nullable=False),
    )
    if op.get_bind().dialect.name == "sqlite":
        _guard_sqlite()
    else:
        _guard_postgres()


def _guard_sqlite() -> None:
    for table, key in (("feedback", "uuid"), ("queries", "id")):
        for deed in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{deed.lower()} BEFORE {deed} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        # INSERT OR REPLACE would delete a row without asking the trigger above.
        op.execute(
            f"CREATE TRIGGER {table}_in_order BEFORE INSERT ON {table} "
            f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key}) OR NEW.sequence "
            f"<> (SELECT coalesce(max(sequence), 0) + 1 FROM {table}) "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


def _guard_postgres() -> None:
    for table in ("feedback", "queries"):
        # The tables of this schema, whatever the search path of who comes later.
        head = "RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$ BEGIN"
        refuse = f"RAISE EXCEPTION '{table} is append-only' USING ERRCODE = 'restrict_violation'"
        op.execute(f"CREATE FUNCTION {table}_refuse() {head} {refuse}; END $$")
        op.execute(
            f"CREATE FUNCTION {table}_check_order() {head} IF NEW.sequence <> (SELECT "
            f"coalesce(max(sequence), 0) + 1 FROM {table}) THEN {refuse}; END IF; "
            "RETURN NEW; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_refuse()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_in_order BEFORE INSERT ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION {table}_check_order()"
        )
