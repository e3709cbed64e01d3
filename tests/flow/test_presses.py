"""Presses that come together: one transaction, and for each person what it would have come to alone."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlmodel import select

from gateway import clock
from gateway.errors import Misuse, TryLater
from gateway.flow import check, consent
from gateway.flow.bursts import PEOPLE, Press
from gateway.flow.context import Context
from gateway.flow.presses import Presses
from gateway.mail.address import parse
from gateway.store import ledger, lists, people, spool
from gateway.store.records import Burst, Swift
from gateway.store.tables import Event, Opposition
from gateway.store.tx import Tx
from gateway.tokens import Link
from tests.flow.rig import CAMILLE, rig

NOBODY = 999_999_999


def together(context: Context, presses: Sequence[Press]) -> list[bool | BaseException | None]:
    """Return what came of each of the presses, asked at once."""

    async def ask() -> list[bool | BaseException | None]:
        taker = Presses(context)
        try:
            return await asyncio.gather(*(taker.take(press) for press in presses), return_exceptions=True)
        finally:
            await taker.close()

    return asyncio.run(ask())


def objections(context: Context) -> list[Event]:
    with context.store.read() as tx:
        return list(tx.exec(select(Event).where(Event.kind == "objected", Event.actor.in_(("one-click", "page")))))  # type: ignore[attr-defined]


def verdicts(context: Context) -> set[str]:
    addresses = [parse(f"person{number}@corp.example") for number in range(PEOPLE + 1)]
    return {verdict.code for _, verdict in check.check(context, "lettre", addresses)}


def test_each_of_many_is_opted_out_once_in_one_transaction(context: Context, crowd: list[Link]) -> None:
    before = clock.now()
    twice = [Press(link, origin) for origin in ("one-click", "page") for link in crowd]

    assert together(context, twice) == [True] * len(twice)

    found = objections(context)
    assert {event.contact_id for event in found} == {link.contact for link in crowd}
    assert len(found) == len(crowd)
    assert {(event.list_id, event.channel, event.direct, event.actor) for event in found} == {
        (None, "email", True, "one-click")
    }
    assert all(before <= event.at <= event.recorded_at <= clock.now() for event in found)
    assert len({event.at for event in found}) == 1
    assert all(event.evidence["after_delivery"] in range(60) for event in found)
    with context.store.read() as tx:
        rows = [row for row in tx.exec(select(Opposition)) if row.origin == "one-click"]
    assert len(rows) == len(crowd)
    assert {(row.list_id, row.channel, row.at, row.reason) for row in rows} == {(None, "email", found[0].at, "")}
    assert verdicts(context) == {"R-OBJECTED"}


def test_what_nobody_knows_is_nothing_and_an_erased_persons_no_stands(context: Context, crowd: list[Link]) -> None:
    erased, unknown = Link(NOBODY, crowd[0].list, 1), Link(NOBODY, 0, 1)
    no_list = Link(NOBODY, 4_000_000_000, 1)

    found = together(context, [Press(one, "page") for one in (erased, crowd[0], unknown, no_list)])

    assert found == [True, True, None, None]
    assert [event.contact_id for event in objections(context)] == [crowd[0].contact]


def test_one_that_cannot_be_recorded_fails_alone(context: Context, crowd: list[Link]) -> None:
    with context.store.begin() as tx:
        tx.connection().execute(text("UPDATE contact SET address = 'x' WHERE id = :id"), {"id": crowd[1].contact})

    found = together(context, [Press(link, "one-click") for link in crowd[:3]])

    assert [found[0], found[2]] == [True, True]
    assert isinstance(found[1], Misuse)
    assert {event.contact_id for event in objections(context)} == {crowd[0].contact, crowd[2].contact}


def test_a_burst_that_comes_at_once_is_found_as_one_that_comes_slowly(context: Context, crowd: list[Link]) -> None:
    together(context, [Press(link, "one-click", "203.0.113.0/24") for link in crowd * 2])

    with context.store.read() as tx:
        [burst] = tx.exec(select(Burst)).all()
        swift = tx.exec(select(Swift)).all()
    assert burst.people == len(crowd)
    assert {(one.contact_id, one.burst_id, one.again) for one in swift} == {
        (link.contact, burst.id, False) for link in crowd
    }


def test_who_agreed_again_is_opted_out_again_beside_who_did_not(context: Context, crowd: list[Link]) -> None:
    presses = [Press(link, "one-click") for link in crowd[:2]]
    together(context, presses)
    with context.store.begin() as tx:
        contact, row = people.get(tx, crowd[0].contact), lists.by_name(tx, "lettre")
        assert contact
        granted = next(one for one in ledger.of_contact(tx, contact.id) if one.kind == "granted")
        said = consent.Saying(clock.now(), "join", evidence=granted.evidence)
        consent.record(context, tx, contact, row, consent.Kind.GRANTED, said)

    assert together(context, presses) == [True, True]
    assert sorted(event.contact_id for event in objections(context)) == sorted(
        [crowd[0].contact, crowd[0].contact, crowd[1].contact]
    )
    [(_, verdict)] = check.check(context, "lettre", [parse("person0@corp.example")])
    assert verdict.code == "R-OBJECTED"


def test_what_couriers_hold_is_looked_at_when_the_no_is_durable(
    context: Context, crowd: list[Link], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[set[int]] = []
    look = spool.in_hand

    def watched(tx: Tx, contacts: Collection[int], now: datetime) -> set[int]:
        seen.append({event.contact_id for event in objections(context)})  # in a transaction of its own
        return look(tx, contacts, now)

    monkeypatch.setattr(spool, "in_hand", watched)
    assert together(context, [Press(link, "one-click") for link in crowd]) == [True] * len(crowd)
    assert seen
    assert set.union(*seen) == {link.contact for link in crowd}
    assert all(seen)


@pytest.mark.anyio
async def test_who_waits_for_a_courier_keeps_nobody_else_waiting(
    context: Context, crowd: list[Link], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(context) as house:
        await house.send(CAMILLE)
    with context.store.begin() as tx:
        [parcel] = spool.claim(tx, "busy/1", clock.now(), timedelta(minutes=10), 1)
    taker, camille = Presses(context), Press(Link(parcel.contact_id or 0, 0, parcel.id), "one-click")
    try:
        waits = asyncio.create_task(taker.take(camille))
        assert await asyncio.gather(*(taker.take(Press(link, "one-click")) for link in crowd)) == [True] * len(crowd)
        await asyncio.sleep(0.1)
        assert not waits.done()
        with monkeypatch.context() as patch:
            patch.setattr(consent, "PATIENCE", 0.0)
            with pytest.raises(TryLater):
                await taker.take(camille)
        with context.store.begin() as tx:
            spool.settle(tx, "busy/1", [spool.Settled(parcel.id, parcel.submission_id, "gone", clock.now(), 1)])
        assert await waits
    finally:
        await taker.close()
    assert {event.contact_id for event in objections(context)} == {parcel.contact_id, *(link.contact for link in crowd)}
