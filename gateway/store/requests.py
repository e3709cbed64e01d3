"""What people asked for (GDPR 15-21) and until when it must be answered."""

from datetime import datetime

from sqlalchemy import delete
from sqlmodel import Session, col, select

from gateway.store.records import Request
from gateway.store.rows import keep

# What was asked on a page and not confirmed through the mailbox is no request yet.
REAL = col(Request.link_until).is_(None) | col(Request.confirmed_at).is_not(None)


def add(tx: Session, row: Request) -> Request:
    """Write a new request."""
    return keep(tx, row, f"there is already a request with the number {row.id}")


def get(tx: Session, number: int) -> Request | None:
    """Return the request with that id."""
    return tx.get(Request, number)


def save(tx: Session, row: Request) -> Request:
    """Write the changes made to a row."""
    return keep(tx, row, f"there is already a request with the number {row.id}")


def listing(
    tx: Session, *, advertiser_id: int | None = None, closed: bool = False, due_before: datetime | None = None
) -> list[Request]:
    """Return the open requests (`closed`: all of them), the most urgent first; `due_before`: only those due by then."""
    query = select(Request).where(REAL).order_by(col(Request.due_at), col(Request.id))
    if advertiser_id is not None:
        query = query.where(Request.advertiser_id == advertiser_id)
    if not closed:
        query = query.where(col(Request.closed_at).is_(None))
    if due_before is not None:
        query = query.where(Request.due_at <= due_before)
    return list(tx.exec(query))


def of_contact(tx: Session, contact_id: int) -> list[Request]:
    """Return every request of a person, oldest first."""
    query = select(Request).where(Request.contact_id == contact_id)
    return list(tx.exec(query.order_by(col(Request.received_at), col(Request.id))))


def waiting(tx: Session, contact_id: int, right: str) -> Request | None:
    """Return what a person asked for on a page and has not confirmed yet."""
    mine = select(Request).where(Request.contact_id == contact_id, Request.right == right)
    return tx.exec(mine.where(~REAL, col(Request.closed_at).is_(None)).order_by(col(Request.id)).limit(1)).first()


def drop_unconfirmed(tx: Session, before: datetime) -> int:
    """Delete the requests whose link ended before that moment without a confirmation; return how many."""
    gone = delete(Request).where(~REAL, col(Request.link_until) < before)
    return tx.connection().execute(gone).rowcount
