"""The oppositions: objections that outlive the person, found by keyed digests of the address (GDPR 21(3))."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import bindparam, update
from sqlmodel import Session, col, select

from gateway.store.among import Among
from gateway.store.rows import Inserter, Row, keep, table_of
from gateway.store.tables import Moment, Opposition

_TABLE = table_of(Opposition)
_insert = Inserter(Opposition)
_LIFT = (
    update(_TABLE)
    .where(Among(_TABLE.c.id, "ids"), _TABLE.c.lifted_at.is_(None))
    .values(lifted_at=bindparam("moment", type_=Moment))
)
_EVER_OF_DIGESTS = select(Opposition).where(
    Opposition.advertiser_id == bindparam("advertiser"), Among(_TABLE.c.digest, "digests", "digest")
)
_OF_DIGESTS = _EVER_OF_DIGESTS.where(col(Opposition.lifted_at).is_(None))


def add(tx: Session, row: Opposition) -> Opposition:
    """Write a new opposition."""
    return keep(tx, row, f"there is already an opposition with the number {row.id}")


def write(tx: Session, rows: Sequence[Row]) -> None:
    """Write oppositions: objects, or mappings of column names (see `rows.Inserter`)."""
    _insert(tx, rows)


def lift(tx: Session, ids: Sequence[int], at: datetime) -> int:
    """Lift oppositions, and return how many were standing. The rows stay, as evidence."""
    return tx.connection().execute(_LIFT, {"ids": ids, "moment": at}).rowcount


def of_digests(tx: Session, advertiser_id: int, digests: Iterable[tuple[int, bytes]]) -> list[Opposition]:
    """Return the standing oppositions under any of the (key version, digest) pairs, oldest first."""
    values = {digest for _, digest in digests}
    found = tx.exec(_OF_DIGESTS, params={"advertiser": advertiser_id, "digests": values})
    return sorted(found, key=lambda row: (row.at, row.id))


def history(tx: Session, advertiser_id: int, digests: Iterable[tuple[int, bytes]]) -> list[Opposition]:
    """Return every opposition under any of the (key version, digest) pairs, lifted ones too, oldest first."""
    values = {digest for _, digest in digests}
    found = tx.exec(_EVER_OF_DIGESTS, params={"advertiser": advertiser_id, "digests": values})
    return sorted(found, key=lambda row: (row.at, row.id))


def all(tx: Session, advertiser_id: int, after: int, limit: int) -> list[Opposition]:  # noqa: A001 - oppositions.all
    """Return at most `limit` standing oppositions with ids above `after`, in ascending order."""
    query = (
        select(Opposition)
        .where(Opposition.advertiser_id == advertiser_id, Opposition.id > after, col(Opposition.lifted_at).is_(None))
        .order_by(col(Opposition.id))
        .limit(limit)
    )
    return list(tx.exec(query))
