"""People with their roles and the hash of their token; leases on queries."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make both tables, which are not append-only, and the way to what one person said."""
    op.create_table(
        "people",
        sa.Column("pseudonym", sa.Text, primary_key=True),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("token_sha256", sa.String(64), nullable=False, unique=True),
        sa.Column("added_at_ns", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "leases",
        sa.Column("query_id", sa.Text, primary_key=True),
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("expires_at_ns", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_feedback_person_kind", "feedback", ["person", "kind"])
