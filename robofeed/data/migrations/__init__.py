"""The ledger's schema, step by step, run by `ledger_database`. A released step never changes."""
