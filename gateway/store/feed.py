"""What happened, in the one order that everybody sees: events and receipts as they were sealed.

Numbers and moments are not in the order of commits; seals are, because one node makes them at a time. A reader who has
come to a place has missed nothing before it. A place is one number: the seal, and the position under it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import BigInteger, bindparam, or_, select
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from gateway.store.among import Among
from gateway.store.records import Leaf, Seal
from gateway.store.rows import table_of
from gateway.store.tables import Event, Receipt

SHIFT = 20  # bits for the position under a seal; a seal has some hundred leaves
MODELS: dict[str, type[Event] | type[Receipt]] = {"event": Event, "receipt": Receipt}

_LEAVES = table_of(Leaf)
_seal, _position = bindparam("seal", type_=BigInteger), bindparam("position", type_=BigInteger)
_AFTER = (
    select(_LEAVES.c.seal_id, _LEAVES.c.position, _LEAVES.c.kind, _LEAVES.c.row_id)
    .where(
        _LEAVES.c.seal_id >= _seal,  # what the index begins with
        or_(_LEAVES.c.seal_id > _seal, _LEAVES.c.position > _position),
        _LEAVES.c.kind.in_(list(MODELS)),
    )
    .order_by(_LEAVES.c.seal_id, _LEAVES.c.position)
    .limit(bindparam("most"))
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the feed at its place; `kind` is event or receipt."""

    place: int
    kind: str
    row: Event | Receipt


def after(tx: Session, place: int, limit: int) -> list[Entry]:
    """Return at most `limit` entries behind a place (0: from the beginning), in order."""
    values = {"seal": place >> SHIFT, "position": (place & ((1 << SHIFT) - 1)) if place else -1, "most": limit}
    leaves = tx.connection().execute(_AFTER, values).all()
    rows = {kind: named(tx, kind, [leaf.row_id for leaf in leaves if leaf.kind == kind]) for kind in MODELS}
    return [
        Entry((leaf.seal_id << SHIFT) | leaf.position, leaf.kind, row)
        for leaf in leaves
        if (row := rows[leaf.kind].get(leaf.row_id)) is not None
    ]


def named(tx: Session, kind: str, ids: Collection[int]) -> dict[int, Event | Receipt]:
    """Return the rows of one kind by number."""
    model = MODELS[kind]
    query = select_rows(model).where(Among(table_of(model).c.id, "ids"))
    found: Iterable[Event | Receipt] = tx.scalars(query, {"ids": list(ids)})
    return {row.id: row for row in found}


def end(tx: Session) -> int:
    """Return the place behind everything that there is."""
    last = tx.exec(select_rows(Seal.id).order_by(col(Seal.id).desc()).limit(1)).first()
    return ((last + 1) << SHIFT) - 1 if last else 0
