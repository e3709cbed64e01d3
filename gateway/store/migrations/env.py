"""Run by Alembic: works on the connection, and inside the transaction, that `store.migrate` hands over."""

from alembic import context
from sqlmodel import SQLModel

from gateway.store import outward, records, signups, tables, trails

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,  # SQLite changes a table by making a new one
)
context.run_migrations()

__all__ = ["outward", "records", "signups", "tables", "trails"]  # imported so that the metadata know every table
