"""The imports: each is a batch, named by every event it wrote, so that it can be undone as a whole."""

from sqlalchemy import exists, func
from sqlmodel import Session, col, select

from gateway.store import bulk
from gateway.store.ledger import EVENTS, UNDONE, counts
from gateway.store.rows import keep
from gateway.store.tables import Batch, Contact, Event


def add(tx: Session, row: Batch) -> Batch:
    """Write a new batch."""
    return keep(tx, row, f"there is already a batch with the number {row.id}")


def save(tx: Session, row: Batch) -> Batch:
    """Write the changes made to a row that was read before."""
    return keep(tx, row, f"there is already a batch with the number {row.id}")


def get(tx: Session, number: int) -> Batch | None:
    """Return the batch with that id."""
    return tx.get(Batch, number)


def all(tx: Session, list_id: int | None = None) -> list[Batch]:  # noqa: A001 - reads as imports.all
    """Return every batch (of one list), the latest first."""
    query = select(Batch).order_by(col(Batch.created_at).desc(), col(Batch.id).desc())
    if list_id is not None:
        query = query.where(Batch.list_id == list_id)
    return list(tx.exec(query))


def undo(tx: Session, number: int) -> int:
    """Mark the batch as undone and return how many events no longer count; twice is once.

    The ledger keeps the events (it only grows), but `people.dossiers` and `people.of_list` no longer see them.
    """
    row = tx.get(Batch, number)
    if row is None or row.state == UNDONE:
        return 0
    row.state = UNDONE
    tx.flush()
    return tx.exec(select(func.count()).select_from(Event).where(Event.batch_id == number)).one()


def orphans(tx: Session, number: int, after: int, limit: int) -> list[int]:
    """Return ids above `after` of people of that undone batch of whom nothing else is known, to be erased.

    In ascending order, at most `limit`.
    """
    other = EVENTS.alias()
    known = exists().where(other.c.contact_id == EVENTS.c.contact_id, counts(other))
    query = (
        select(EVENTS.c.contact_id)
        .where(EVENTS.c.batch_id == number, EVENTS.c.contact_id > after, ~known)
        .distinct()
        .order_by(EVENTS.c.contact_id)
        .limit(limit)
    )
    return list(tx.connection().execute(query).scalars())


def survey(tx: Session) -> None:
    """Tell the database that people have come by the thousand (`bulk.survey`)."""
    bulk.survey(tx, Contact, Event)
