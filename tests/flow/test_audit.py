"""What was sealed cannot be changed unseen, in any table, on either database; a person can still be erased."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text
from sqlmodel import SQLModel

from gateway import clock, proof, sample
from gateway.flow import audit, consent
from gateway.flow.consent import Saying
from gateway.flow.context import Context, open_context
from gateway.flow.seal import Sealed, Sealer, seal
from gateway.law.events import Kind
from gateway.mail.address import parse
from gateway.store import advertisers, ledger, oppositions, people, seals
from gateway.store.records import Notice
from gateway.store.tables import Contact, Receipt
from gateway.store.tx import Tx
from tests.flow.rig import CAMILLE, settings_for

TODAY = datetime.now(UTC)


def check(context: Context, known: dict[int, str] | None = None) -> audit.Checked:
    return audit.verify(context, known or {}, lambda _rows: None)


def after(context: Context, *statements: str, known: dict[int, str] | None = None) -> set[tuple[str, str]]:
    """Change the database as somebody with its password would, return what is found, and undo the change."""
    with context.store.begin() as tx:
        for statement in statements:
            assert tx.connection().execute(text(statement)).rowcount > 0, statement
        done = audit.verify_in(tx, known or {}, lambda _rows: None)
        tx.rollback()
    return {(one.what, one.kind) for one in done.findings}


@contextmanager
def person(context: Context) -> Iterator[tuple[Tx, Contact]]:
    with context.store.begin() as tx:
        owner = advertisers.by_name(tx, "lavande")
        assert owner
        contact = people.find(tx, owner.id, CAMILLE)
        assert contact
        yield tx, contact


@pytest.fixture
def postgres_context(postgres_url: str, tmp_path: Path) -> Iterator[Context]:
    """The sample on PostgreSQL only: SQLite has one writer in any case."""
    opened = open_context(settings_for(postgres_url, tmp_path))
    sample.fill(opened, clock.now())
    yield opened
    opened.close()


def seal_elsewhere(context: Context) -> Sealed:
    """Seal as another node does, while this thread is inside a transaction."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(seal, context).result(30)


def fill(context: Context) -> None:
    """Write a receipt and a notice beside the sample's events and oppositions."""
    numbers = context.store.take(4)
    with person(context) as (tx, contact):
        tx.add(
            Receipt(
                id=numbers[0], ref=numbers[1], submission_id=1, account_id=1, advertiser_id=contact.advertiser_id,
                contact_id=contact.id, klass="prospecting", stage="message", at=clock.now(), fate="send",
                code="A-CONSENT", recipient_digest=b"d" * 32, reply=f"250 {CAMILLE}",
            )
        )  # fmt: skip
        tx.add(
            Notice(
                id=numbers[2], advertiser_id=contact.advertiser_id, name="optin", version=1, language="fr",
                regime="opt-in", channel="email", text="t", html="h", full="f", created_at=clock.now(),
            )
        )  # fmt: skip


def test_everything_is_sealed_once_and_found_as_it_was(context: Context) -> None:
    fill(context)
    with context.store.read() as tx:
        total = sum(len(seals.unsealed(tx, kind, 0, 1000)) for kind in proof.KINDS)

    assert total > len(sample.PEOPLE)
    assert seal(context).rows == total
    assert (seal(context).rows, seal(context, whole=False).rows) == (0, 0)

    done = check(context)

    assert (done.rows, done.seals, done.unsealed, done.findings) == (total, 1, 0, [])


CHANGED = {
    "event": ["UPDATE event SET at = recorded_at", "UPDATE event SET evidence = '{\"mode\": \"signed\"}'",
              "UPDATE event SET kind = 'granted'", "UPDATE event SET contact_id = 99"],
    "receipt": ["UPDATE receipt SET code = 'R-OBJECTED'", "UPDATE receipt SET reply = ''"],
    "opposition": ["UPDATE opposition SET origin = 'nobody'", "UPDATE opposition SET advertiser_id = 99"],
    "notice": ["UPDATE notice SET text = 'a better one'"],
}  # fmt: skip


def test_a_row_changed_by_hand_is_named(context: Context) -> None:
    fill(context)
    seal(context)

    for kind, statements in CHANGED.items():
        for statement in statements:
            assert after(context, statement) == {("changed", kind)}, statement
    assert check(context).findings == []


def test_a_row_removed_by_hand_is_named(context: Context) -> None:
    fill(context)
    seal(context)

    for kind in proof.KINDS:
        assert after(context, f"DELETE FROM {kind}") == {("removed", kind)}


def test_an_objection_taken_back_by_hand_is_named_and_one_taken_back_rightly_is_not(context: Context) -> None:
    stranger, said = parse("stranger@example.org"), Saying(clock.now(), "cli", "cli:anna")
    with person(context) as (tx, contact):
        owner = contact.advertiser_id
        consent.oppose(context, tx, owner, stranger, None, said)
        consent.refuse(context, tx, contact, None, Kind.OBJECTED, said)
    seal(context)
    with person(context) as (tx, contact):
        for address in (stranger, parse(CAMILLE)):
            found = oppositions.of_digests(tx, owner, context.digests.of(owner, address.spelled, address.key))
            later = replace(said, at=clock.now())
            assert consent.unsay(context, tx, owner, address, found, later) == 1
    seal(context)

    assert check(context).findings == []
    one = "(SELECT min(id) FROM opposition WHERE lifted_at IS NULL)"
    assert after(context, f"UPDATE opposition SET lifted_at = at WHERE id = {one}") == {("lifted", "opposition")}
    assert after(context, "UPDATE opposition SET lifted_at = at") == {("lifted", "opposition")}


def test_seals_and_leaves_changed_by_hand_are_named(context: Context) -> None:
    fill(context)
    seal(context)
    fill_again(context)
    seal(context)
    kept = {row["seal"]["id"]: row["seal"]["digest"].hex() for row in audit.export(context, leaves=False)}

    assert set(kept) == {1, 2}
    assert after(context, "DELETE FROM leaf WHERE kind = 'receipt'") == {("leaves", "seal")}
    assert after(context, "UPDATE leaf SET digest = personal WHERE kind = 'event'") >= {("leaves", "seal")}
    assert after(context, "DELETE FROM leaf") == {("leaves", "seal")}
    assert after(context, "UPDATE seal SET leaves = leaves + 1 WHERE id = 1") == {("chain", "seal"), ("leaves", "seal")}
    assert after(context, "UPDATE seal SET root = previous WHERE id = 2") == {("chain", "seal"), ("leaves", "seal")}
    assert ("chain", "seal") in after(context, "DELETE FROM seal WHERE id = 1")
    assert ("stray", "event") in after(context, "DELETE FROM seal WHERE id = 2")
    assert after(context, "DELETE FROM seal", "DELETE FROM leaf") == set()  # nothing is left that could tell
    assert after(context, "DELETE FROM seal", "DELETE FROM leaf", known=kept) == {("cut-off", "seal")}
    assert after(context, "UPDATE seal SET leaves = 1", known={1: "00"}) >= {("other-chain", "seal")}


def fill_again(context: Context) -> None:
    """Write another event."""
    with person(context) as (tx, contact):
        consent.record(context, tx, contact, None, Kind.ACTED, Saying(clock.now(), "test", evidence={"act": "order"}))


@pytest.mark.parametrize("sealed_too", [False, True])
@pytest.mark.parametrize("kind", ["event", "receipt", "notice"])
def test_a_row_put_in_with_an_old_date_is_named(context: Context, kind: str, sealed_too: bool) -> None:
    fill(context)
    seal(context)
    number = context.store.take()[0]
    moment = proof.RECORDED[kind]
    with context.store.begin() as tx:
        table = SQLModel.metadata.tables[kind]
        row = dict(tx.connection().execute(select(table).limit(1)).mappings().one())
        more = {"version": 99} if kind == "notice" else {}
        tx.connection().execute(
            insert(table).values({**row, "id": number, moment: TODAY - timedelta(days=300), **more})
        )
    if sealed_too:
        seal(context)

    assert [(one.what, one.kind, one.number) for one in check(context).findings] == [("inserted", kind, number)]


def test_a_late_commit_with_a_low_number_is_sealed_by_the_next_run(context: Context) -> None:
    low = context.store.take()[0]
    fill_again(context)
    seal(context)
    with person(context) as (tx, contact):
        row = {"id": low, "advertiser_id": contact.advertiser_id, "contact_id": contact.id, "kind": "acted"}
        ledger.append(tx, [row | {"at": clock.now(), "recorded_at": clock.now() - timedelta(minutes=5)}])

    assert seal(context, whole=False).rows == 1
    assert check(context).findings == []


def test_an_erased_person_stays_erased_and_the_chain_holds(context: Context) -> None:
    fill(context)
    seal(context)
    with person(context) as (tx, contact):
        number = contact.id
        consent.record(context, tx, contact, None, Kind.ERASED, Saying(clock.now(), "test"))
        assert seals.forget(tx, number) == 2
        people.remove(tx, [number])
        for statement in ("UPDATE event SET evidence = '{}'", "UPDATE receipt SET reply = '', evidence = '{}'"):
            tx.connection().execute(text(f"{statement} WHERE contact_id = {number}"))
    seal(context)

    done = check(context)

    assert (done.findings, done.erased) == ([], 2)
    # what is left of the row is still sealed
    assert after(context, f"UPDATE event SET kind = 'sold' WHERE contact_id = {number}") >= {("changed", "event")}


def test_a_salt_thrown_away_to_hide_a_change_is_named(context: Context) -> None:
    seal(context)

    assert after(context, "UPDATE leaf SET salt = '' WHERE kind = 'event'") == {("not-erased", "event")}


def test_one_node_seals_at_a_time(postgres_context: Context) -> None:
    fill(postgres_context)
    with postgres_context.store.begin() as tx:
        assert seals.hold(tx)
        other = seal_elsewhere(postgres_context)

    assert (other.busy, other.rows) == (True, 0)
    assert seal(postgres_context).rows > 0


@pytest.mark.anyio
async def test_the_running_program_seals_by_itself_and_stops_when_told(embedded: Context) -> None:
    sealer = Sealer(embedded)
    running = asyncio.create_task(sealer.run())
    await asyncio.sleep(0)  # it has begun
    await sealer.stop()
    await asyncio.wait_for(running, 20)

    assert check(embedded).unsealed == 0


def test_receipts_that_name_no_contact_are_forgotten_with_their_recipient(context: Context) -> None:
    numbers = context.store.take(2)
    with person(context) as (tx, contact):
        tx.add(
            Receipt(
                id=numbers[0], ref=numbers[1], submission_id=1, account_id=1, advertiser_id=contact.advertiser_id,
                klass="service", stage="delivery", at=clock.now(), fate="send", code="A-SERVICE",
                recipient_digest=b"d" * 32, reply=f"250 {CAMILLE}",
            )
        )  # fmt: skip
    seal(context)
    with person(context) as (tx, contact):
        consent.record(context, tx, contact, None, Kind.ERASED, Saying(clock.now(), "test"))
        assert seals.forget(tx, contact.id, b"d" * 32) == 2
        tx.connection().execute(text("UPDATE receipt SET reply = ''"))

    assert check(context).findings == []
    assert after(context, "UPDATE receipt SET fate = 'refuse'") == {("changed", "receipt")}
