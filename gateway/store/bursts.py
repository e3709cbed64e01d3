"""Swift opt-outs and the bursts they come in (`flow.bursts`)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, update
from sqlmodel import Session, col, select

from gateway.store.records import Burst, Swift
from gateway.store.rows import keep


def add(tx: Session, row: Swift) -> Swift:
    """Write a swift opt-out."""
    return keep(tx, row, f"there is already a swift opt-out with the number {row.id}")


def save(tx: Session, row: Burst) -> Burst:
    """Write a new or changed burst."""
    return keep(tx, row, f"there is already a burst with the number {row.id}")


def get(tx: Session, number: int) -> Burst | None:
    """Return the burst with that id."""
    return tx.get(Burst, number)


def listing(tx: Session, advertiser_id: int, limit: int) -> list[Burst]:
    """Return the bursts of an advertiser, the latest first."""
    query = select(Burst).where(Burst.advertiser_id == advertiser_id)
    return list(tx.exec(query.order_by(col(Burst.id).desc()).limit(limit)))


def running(tx: Session, network: bytes, since: datetime) -> int | None:
    """Return the number of the burst that came from a network since then, if one did."""
    query = select(Swift.burst_id).where(Swift.network == network, Swift.at >= since, col(Swift.burst_id).is_not(None))
    return tx.exec(query.order_by(col(Swift.at).desc()).limit(1)).first()


def loose(tx: Session, network: bytes, since: datetime) -> list[Swift]:
    """Return the swift opt-outs from a network since then that belong to no burst."""
    query = select(Swift).where(Swift.network == network, Swift.at >= since, col(Swift.burst_id).is_(None))
    return list(tx.exec(query.order_by(col(Swift.id))))


def members(tx: Session, burst_id: int, after: int, limit: int) -> list[Swift]:
    """Return at most `limit` opt-outs of a burst with ids above `after`, in ascending order."""
    query = select(Swift).where(Swift.burst_id == burst_id, Swift.id > after)
    return list(tx.exec(query.order_by(col(Swift.id)).limit(limit)))


def people(tx: Session, burst_id: int) -> int:
    """Return how many people a burst is about."""
    return tx.exec(select(func.count(func.distinct(Swift.contact_id))).where(Swift.burst_id == burst_id)).one()


def of_contact(tx: Session, contact_id: int) -> Sequence[Swift]:
    """Return a person's swift opt-outs, oldest first."""
    return tx.exec(select(Swift).where(Swift.contact_id == contact_id).order_by(col(Swift.id))).all()


def said_again(tx: Session, contact_id: int) -> None:
    """Say that a person's swift opt-outs are theirs."""
    again = update(Swift).where(col(Swift.contact_id) == contact_id, col(Swift.again).is_(False)).values(again=True)
    tx.connection().execute(again)


def forget(tx: Session, before: datetime) -> int:
    """Delete the swift opt-outs older than that; return how many."""
    return tx.connection().execute(delete(Swift).where(col(Swift.at) < before)).rowcount
