"""Alembic's side of the store: `env` runs the steps in `versions`; `store.migrate` calls it."""
