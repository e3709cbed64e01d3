"""Those who are told what happens: webhooks, and the tools of accounts."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import bindparam, delete, func, update
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from gateway.store.outward import Endpoint, Errand
from gateway.store.rows import keep, table_of
from gateway.store.tables import Moment

_TABLE, _ERRANDS = table_of(Endpoint), table_of(Errand)
_ID = _TABLE.c.id == bindparam("endpoint")
_FAILED = (
    update(_TABLE)
    .where(_ID)
    .values(
        failures=_TABLE.c.failures + 1,
        rest_until=bindparam("rest", type_=Moment),
        failing_since=func.coalesce(_TABLE.c.failing_since, bindparam("now", type_=Moment)),
        why=bindparam("said"),
    )
)
_WELL = (
    update(_TABLE)
    .where(_ID, _TABLE.c.failing_since.is_not(None))
    .values(failures=0, rest_until=None, failing_since=None, why="")
)


def add(tx: Session, row: Endpoint) -> Endpoint:
    """Write a new endpoint."""
    return keep(tx, row, f"there is already an endpoint with the number {row.id}")


def save(tx: Session, row: Endpoint) -> Endpoint:
    """Write the changes made to an endpoint that was read before."""
    return keep(tx, row, f"there is already an endpoint with the number {row.id}")


def get(tx: Session, number: int) -> Endpoint | None:
    """Return the endpoint with that id."""
    return tx.get(Endpoint, number)


def held(tx: Session, number: int) -> Endpoint | None:
    """Return the endpoint, kept from others until the transaction ends; None when it is gone or another has it."""
    query = select_rows(Endpoint).where(Endpoint.id == number).with_for_update(skip_locked=True)
    return tx.exec(query).first()


def fresh(tx: Session, number: int) -> Endpoint:
    """Return the endpoint as it is now, whatever this transaction read of it before."""
    return tx.exec(select_rows(Endpoint).where(Endpoint.id == number).execution_options(populate_existing=True)).one()


def all(tx: Session, advertiser_id: int | None = None) -> list[Endpoint]:  # noqa: A001 - reads as endpoints.all
    """Return every endpoint (of one advertiser), tools too, the oldest first."""
    query = select_rows(Endpoint).order_by(col(Endpoint.id))
    if advertiser_id is not None:
        query = query.where(Endpoint.advertiser_id == advertiser_id)
    return list(tx.exec(query))


def remove(tx: Session, number: int) -> bool:
    """Delete an endpoint with what it was still to be told."""
    tx.connection().execute(delete(_ERRANDS).where(_ERRANDS.c.endpoint_id == number))
    return tx.connection().execute(delete(_TABLE).where(_TABLE.c.id == number)).rowcount == 1


def failed(tx: Session, number: int, now: datetime, rest: datetime, why: str) -> None:
    """Record a failure; nothing is sent there until `rest`."""
    tx.connection().execute(_FAILED, {"endpoint": number, "now": now, "rest": rest, "said": why})


def well(tx: Session, numbers: Collection[int]) -> None:
    """Record that endpoints answered as they should."""
    for number in sorted(numbers):
        tx.connection().execute(_WELL, {"endpoint": number})
