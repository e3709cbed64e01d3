"""Prepared statements say and return what SQLAlchemy would, on both databases, and fail as the store's do."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    LargeBinary,
    bindparam,
    column,
    delete,
    insert,
    select,
    table,
    text,
    update,
)
from sqlmodel import Session

from gateway.errors import Misuse, TryLater
from gateway.store.among import Among
from gateway.store.columns import Moment
from gateway.store.engine import Store
from gateway.store.prepared import Prepared

THINGS = table(
    "things",
    column("id", BigInteger()),
    column("at", Moment()),
    column("sure", Boolean()),
    column("said", JSON()),
    column("sum", LargeBinary()),
)
PARIS = timezone(timedelta(hours=2))
NOON = datetime(2026, 5, 4, 12, 0, 0, 250, tzinfo=PARIS)
FIRST = {"id": 1, "at": NOON, "sure": True, "said": {"é": [1, None]}, "sum": b"\x00\xff"}
SECOND = {"id": 2, "at": NOON, "sure": False, "said": {}, "sum": b""}

PUT = Prepared(insert(THINGS).values({name: bindparam(name) for name in FIRST}))
ALL = Prepared(select(THINGS).where(Among(THINGS.c.id, "ids"), THINGS.c.sum.is_not(None)).order_by(THINGS.c.id))
UNSURE = Prepared(update(THINGS).where(THINGS.c.id == bindparam("which"), THINGS.c.sure.is_(True)).values(sure=False))
GONE = Prepared(delete(THINGS).where(Among(THINGS.c.id, "ids")))


@pytest.fixture
def tx(store: Store) -> Iterator[Session]:
    """A transaction in which there is a table of things."""
    kinds = (
        "at TEXT, sure INTEGER, said TEXT, sum BLOB"
        if store.embedded
        else "at TIMESTAMPTZ, sure BOOL, said JSON, sum BYTEA"
    )
    with store.begin() as tx:
        tx.connection().execute(text(f"CREATE TABLE things (id BIGINT, {kinds})"))
        yield tx


def test_values_come_back_as_they_went_in(tx: Session) -> None:
    assert PUT.each(tx, [FIRST, SECOND]) == 2

    rows = ALL(tx, {"ids": [1, 2]})

    assert [dict(zip(FIRST, row, strict=True)) for row in rows] == [FIRST, SECOND]
    assert all(row[1].tzinfo is UTC or row[1].utcoffset() == timedelta(0) for row in rows)
    assert ALL(tx, {"ids": []}) == []


def test_sqlalchemy_reads_what_was_written_and_the_other_way_round(tx: Session) -> None:
    tx.connection().execute(insert(THINGS), [FIRST])
    PUT.each(tx, [SECOND])

    assert [tuple(row) for row in tx.connection().execute(select(THINGS).order_by(THINGS.c.id))] == ALL(
        tx, {"ids": [1, 2]}
    )


def test_changes_are_counted(tx: Session) -> None:
    PUT.each(tx, [FIRST, SECOND])

    assert UNSURE.count(tx, {"which": 1}) == 1
    assert UNSURE.each(tx, [{"which": 1}, {"which": 2}]) == 0
    assert UNSURE.each(tx, []) == 0
    assert GONE.count(tx, {"ids": [1, 2, 3]}) == 2


def test_a_moment_without_a_zone_is_refused(tx: Session) -> None:
    with pytest.raises(ValueError, match="aware"):
        PUT.each(tx, [FIRST | {"at": NOON.replace(tzinfo=None)}])


def test_a_driver_is_understood_without_sqlalchemy(store: Store) -> None:
    with pytest.raises(Misuse, match="db upgrade"), store.read() as tx:
        Prepared(select(column("id")).select_from(table("nothing_of_the_kind")))(tx, {})


def test_a_reading_writes_nothing(store: Store) -> None:
    with pytest.raises(TryLater), store.read() as tx:
        Prepared(insert(table("numbers", column("name"), column("next"))).values(name="x", next=1)).count(tx, {})
