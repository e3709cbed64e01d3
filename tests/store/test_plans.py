"""The statements on the way of every message find their rows by an index, however large the tables are."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, text
from sqlmodel import Session

from gateway.store import dossiers, imports, ledger, people, spool
from gateway.store.dossiers import Wanted
from gateway.store.engine import Store
from gateway.store.prepared import Prepared
from gateway.store.rows import Inserter
from gateway.store.spool import Settled
from gateway.store.tables import Opposition
from tests.store.make import LEASE, NOW, a_parcel, a_submission, an_event, an_opposition

COUNT = 3000


class Overheard:
    """A driver's cursor that tells what it was given."""

    def __init__(self, cursor: Any, tell: Callable[[str, Any], None]) -> None:
        self._cursor = cursor
        self._tell = tell

    def execute(self, statement: str, values: Any) -> None:
        self._tell(statement, values)
        self._cursor.execute(statement, values)

    def executemany(self, statement: str, rows: list[Any]) -> None:
        self._tell(statement, rows[0])
        self._cursor.executemany(statement, rows)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


@contextmanager
def heard() -> Iterator[list[tuple[str, Any]]]:
    """Give every statement that is run meanwhile, with its values (those of one row, if it was run for many)."""
    statements: list[tuple[str, Any]] = []

    def tell(statement: str, values: Any) -> None:
        if statement.split(maxsplit=1)[0] in ("SELECT", "UPDATE", "DELETE", "WITH"):
            statements.append((statement, values))

    def listen(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, many: bool) -> None:
        tell(statement, values[0] if many else values)

    def on(prepared: Prepared, tx: Session) -> tuple[Any, Any]:
        compiled, cursor = run(prepared, tx)
        return compiled, Overheard(cursor, tell)

    run = Prepared._on
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Prepared, "_on", on)
        event.listen(Engine, "before_cursor_execute", listen)
        try:
            yield statements
        finally:
            event.remove(Engine, "before_cursor_execute", listen)


def scanned(store: Store, statements: list[tuple[str, Any]]) -> list[str]:
    """Return the lines of the plans that read a whole table of many rows."""
    many = ("contact", "event", "opposition", "parcel", "submission")
    lines = []
    with store.begin() as tx:
        for statement, values in statements:
            explain = "EXPLAIN QUERY PLAN " if store.embedded else "EXPLAIN "
            for row in tx.connection().exec_driver_sql(explain + statement, values):
                line = str(row[-1])
                if any(line.strip(" ->").startswith((f"SCAN {name}", f"Seq Scan on {name}")) for name in many):
                    lines.append(f"{line} in {statement}")
    return [line for line in lines if "COVERING INDEX" not in line]


@pytest.fixture
def full(store: Store) -> Store:
    """A store with some thousand rows in every table on the way of a message."""
    with store.begin() as tx:
        keys = [f"p{number}@example.org" for number in range(COUNT)]
        given = {"advertiser_id": 1, "created_at": NOW}
        rows = [
            {"id": number, "address": key, "address_key": key} | given
            for number, key in zip(store.take(COUNT), keys, strict=True)
        ]
        ids = people.upsert_many(tx, rows)
        ledger.append(tx, [an_event(store, number) for number in ids.values()])
        Inserter(Opposition)(tx, [an_opposition(store, number.to_bytes(32, "big")) for number in range(COUNT)])
        submissions = [a_submission(store) for _ in range(COUNT)]
        soon = NOW + timedelta(days=1)
        spool.put(
            tx, submissions, [a_parcel(store, row["id"], due_at=soon, contact_id=row["id"]) for row in submissions]
        )
        if not store.embedded:  # what autovacuum does on a server
            tx.connection().execute(text("ANALYZE"))
    return store


def test_dossiers_are_read_by_index(full: Store) -> None:
    wanted = [Wanted(1, f"p{number}@example.org", ((1, number.to_bytes(32, "big")),)) for number in range(5)]
    with full.read() as tx, heard() as statements:
        assert all(
            dossier.contact and dossier.events and dossier.story.oppositions for dossier in dossiers.of(tx, wanted)
        )
    assert len(statements) == 3
    assert scanned(full, statements) == []


def test_people_who_came_by_the_thousand_are_found_by_index_at_once(store: Store) -> None:
    keys = [f"p{number}@example.org" for number in range(COUNT)]
    with store.begin() as tx:
        common = {"advertiser_id": 1, "created_at": NOW}
        rows = [
            {"id": number, "address": key, "address_key": key}
            for number, key in zip(store.take(COUNT), keys, strict=True)
        ]
        ids = people.upsert_many(tx, rows, common)
        ledger.extend(tx, [an_event(store, number) for number in ids.values()])
        imports.survey(tx)
    with store.read() as tx, heard() as statements:
        assert all(found.contact for found in dossiers.of(tx, [Wanted(1, key, ()) for key in keys[:50]]))
    assert scanned(store, statements) == []


def test_the_spool_is_worked_by_index(full: Store) -> None:
    with heard() as statements, full.begin() as tx:
        claimed = spool.claim(tx, "a", NOW + timedelta(days=1), LEASE, 3)
        spool.submissions(tx, [parcel.submission_id for parcel in claimed])
        spool.renew(tx, "a", [parcel.id for parcel in claimed], NOW, NOW)
        spool.in_hand(tx, [1, 2], NOW)
        spool.inherit(tx, ["b"], NOW, LEASE)
        spool.there(tx, [1, 2])
        gone, kept, _ = claimed
        settled = [
            Settled(gone.id, gone.submission_id, "gone", NOW, 1),
            Settled(kept.id, kept.submission_id, "waiting", NOW, 1),
        ]
        assert spool.settle(tx, "a", settled) == 2
    assert scanned(full, statements) == []
