"""How tools call people: kept with the delivery of each copy, so that an opt-out can be carried to the tool."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from gateway.store.outward import Handle
from gateway.store.rows import table_of

_TABLE = table_of(Handle)
_KEY = ("contact_id", "account_id", "list_id")


def keep(tx: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write handles; of one person, account and list the newest counts."""
    newest = {tuple(row[name] for name in _KEY): row for row in rows}
    if not newest:
        return
    connection = tx.connection()
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(_TABLE)
    changed = {name: insert.excluded[name] for name in _TABLE.c.keys() if name not in _KEY}  # noqa: SIM118 - columns
    statement = insert.on_conflict_do_update(index_elements=list(_KEY), set_=changed)
    connection.execute(statement, [newest[key] for key in sorted(newest)])  # in one order: no two nodes wait in a ring


def of_contact(tx: Session, contact_id: int, account_id: int | None = None) -> list[Handle]:
    """Return how tools (that of one account) call a person, the newest first."""
    query = select(Handle).where(Handle.contact_id == contact_id).order_by(col(Handle.at).desc())
    return list(tx.exec(query if account_id is None else query.where(Handle.account_id == account_id)))


def remove(tx: Session, contact_id: int) -> int:
    """Forget how tools call a person, and return how many handles there were."""
    return tx.connection().execute(delete(_TABLE).where(_TABLE.c.contact_id == contact_id)).rowcount
