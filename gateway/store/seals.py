"""The seals and their leaves: what was sealed, what was not yet, and what is to be forgotten (docs/howto/proof.md)."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Table, bindparam, func, or_, text, update
from sqlalchemy import select as core_select
from sqlmodel import Session, col, select

from gateway.law.events import Kind
from gateway.proof import KINDS
from gateway.store.among import Among
from gateway.store.records import Leaf, Notice, Seal
from gateway.store.rows import Inserter, Row, table_of
from gateway.store.tables import Event, Opposition, Receipt

TABLES: Mapping[str, Table] = {
    "event": table_of(Event),
    "receipt": table_of(Receipt),
    "opposition": table_of(Opposition),
    "notice": table_of(Notice),
}
_LEAVES, _SEALS = table_of(Leaf), table_of(Seal)
_LOCK = 0x5EA15EA1  # of PostgreSQL's advisory locks
_HOLD = text("SELECT pg_try_advisory_xact_lock(:lock)")
_WAIT = text("SELECT pg_advisory_xact_lock(:lock)")
_insert = Inserter(Leaf)
_FORGET = update(_LEAVES).where(_LEAVES.c.kind == bindparam("sealed"), Among(_LEAVES.c.row_id, "ids")).values(salt=b"")


def hold(tx: Session) -> bool:
    """Take the right to seal until the transaction ends; False when another node has it.

    On SQLite a transaction that writes is alone in any case.
    """
    return not _on_server(tx) or bool(tx.connection().execute(_HOLD, {"lock": _LOCK}).scalar_one())


def last(tx: Session) -> Seal | None:
    """Return the newest seal."""
    return tx.exec(select(Seal).order_by(col(Seal.id).desc()).limit(1)).first()


def highest(tx: Session) -> int:
    """Return the highest number of a sealed row, 0 when there is none."""
    found = [
        tx.connection().execute(core_select(func.max(_LEAVES.c.row_id)).where(_LEAVES.c.kind == kind)).scalar()
        for kind in KINDS
    ]
    return max(number or 0 for number in found)


def unsealed(tx: Session, kind: str, after: int, limit: int) -> list[int]:
    """Return at most `limit` numbers above `after` of rows that no seal covers, in ascending order.

    Numbers are not in the order of commits: a row may appear below one that is sealed already.
    """
    rows = TABLES[kind]
    sealed = core_select(1).where(_LEAVES.c.kind == kind, _LEAVES.c.row_id == rows.c.id).exists()
    query = core_select(rows.c.id).where(rows.c.id > after, ~sealed).order_by(rows.c.id).limit(limit)
    return list(tx.connection().execute(query).scalars())


def fresh(tx: Session, since: datetime, limit: int) -> list[int]:
    """Return at most `limit` numbers of events recorded since then that no seal covers, whatever their numbers."""
    events = TABLES["event"]
    sealed = core_select(1).where(_LEAVES.c.kind == "event", _LEAVES.c.row_id == events.c.id).exists()
    query = core_select(events.c.id).where(events.c.recorded_at >= since, ~sealed).order_by(events.c.recorded_at)
    return list(tx.connection().execute(query.limit(limit)).scalars())


def rows(tx: Session, kind: str, ids: Collection[int]) -> dict[int, Mapping[str, Any]]:
    """Return the rows of one kind by number, with every column; who is not there is left out."""
    table = TABLES[kind]
    found = tx.connection().execute(core_select(table).where(Among(table.c.id, "ids")), {"ids": list(ids)})
    return {row["id"]: dict(row) for row in found.mappings()}


def leaves(tx: Session, kind: str, ids: Collection[int]) -> dict[int, Leaf]:
    """Return the leaves of rows of one kind by the number of the row."""
    query = select(Leaf).where(Leaf.kind == kind, Among(_LEAVES.c.row_id, "ids"))
    return {leaf.row_id: leaf for leaf in tx.exec(query, params={"ids": list(ids)})}


def put(tx: Session, seal: Seal, under: Sequence[Row]) -> None:
    """Write a seal and its leaves."""
    tx.add(seal)
    tx.flush()
    _insert(tx, under)


def chain(tx: Session, after: int, limit: int) -> list[Seal]:
    """Return at most `limit` seals with numbers above `after`, in ascending order."""
    return list(tx.exec(select(Seal).where(Seal.id > after).order_by(col(Seal.id)).limit(limit)))


def under(tx: Session, seal_id: int) -> list[Leaf]:
    """Return the leaves of one seal in their order."""
    return list(tx.exec(select(Leaf).where(Leaf.seal_id == seal_id).order_by(col(Leaf.position))))


def stray(tx: Session, limit: int) -> list[Leaf]:
    """Return at most `limit` leaves whose seal does not exist."""
    known = core_select(1).where(_SEALS.c.id == _LEAVES.c.seal_id).exists()
    return list(tx.exec(select(Leaf).where(~known).limit(limit)))


def counts(tx: Session) -> tuple[int, int]:
    """Return the number of seals and the number of rows under them."""
    query = core_select(func.count(), func.coalesce(func.sum(_SEALS.c.leaves), 0)).select_from(_SEALS)
    found = tx.connection().execute(query).one()
    return int(found[0]), int(found[1])


def erased(tx: Session, contact_ids: Collection[int]) -> set[int]:
    """Return which of the people have an erasure in the ledger."""
    events = TABLES["event"]
    query = core_select(events.c.contact_id).where(
        Among(events.c.contact_id, "ids"), events.c.kind == Kind.ERASED.value
    )
    return set(tx.connection().execute(query, {"ids": list(contact_ids)}).scalars())


def restored(tx: Session, moments: Collection[datetime]) -> set[tuple[int, datetime]]:
    """Return at which of these moments somebody took an objection back, each with the advertiser."""
    events = TABLES["event"]
    query = core_select(events.c.advertiser_id, events.c.at).where(
        events.c.kind == Kind.RESTORED.value, events.c.at.in_(moments)
    )
    return {(owner, at) for owner, at in tx.connection().execute(query)}


def notices(tx: Session, advertiser_id: int, names: Collection[str]) -> list[Notice]:
    """Return the notices of an advertiser with any of the names, every version and language, oldest first."""
    query = select(Notice).where(Notice.advertiser_id == advertiser_id, col(Notice.name).in_(list(names)))
    return list(tx.exec(query.order_by(col(Notice.name), col(Notice.version), col(Notice.language))))


def forget(tx: Session, contact_id: int, digest: bytes | None = None) -> int:
    """Throw away the salts of everything sealed about a person, and return how many there were.

    For erasure, in the same transaction that empties the personal fields of the rows (`proof.KINDS`) and writes the
    event `erased`. The leaves keep what stands for those fields, so the seals can still be checked; without the salt
    it says nothing. With `digest`, also those of receipts that name no contact and were for that recipient.
    """
    if _on_server(tx):
        tx.connection().execute(_WAIT, {"lock": _LOCK})  # a seal in the making holds what is being erased
    gone = 0
    for kind in ("event", "receipt"):
        table = TABLES[kind]
        whose = table.c.contact_id == contact_id
        if kind == "receipt" and digest is not None:
            whose = or_(whose, table.c.contact_id.is_(None) & (table.c.recipient_digest == digest))
        ids = tx.connection().execute(core_select(table.c.id).where(whose)).scalars().all()
        if ids:
            gone += tx.connection().execute(_FORGET, {"sealed": kind, "ids": ids}).rowcount
    return gone


def _on_server(tx: Session) -> bool:
    return tx.connection().dialect.name == "postgresql"
