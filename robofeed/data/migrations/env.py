"""What Alembic runs to migrate: the steps, inside the transaction its caller holds open."""

from alembic import context

from robofeed.data.ledger_tables import METADATA

# The caller's transaction is the lock: a second process waits for it, then finds nothing to do.
context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
