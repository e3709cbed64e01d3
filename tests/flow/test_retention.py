"""Retention by the clocks of the law, on either database."""

import asyncio
from datetime import timedelta

import pytest

from gateway.flow import consent, retention
from gateway.flow.context import Context
from gateway.mail.address import parse
from gateway.store import advertisers, ledger, people
from tests.flow.rig import CAMILLE
from tests.support.waiting import until

SILENT = "oubliee@mailbox.example"


def known(context: Context, address: str) -> bool:
    with context.store.read() as tx:
        [owner] = advertisers.all(tx)
        return people.find(tx, owner.id, parse(address).key) is not None


def test_who_was_silent_for_four_years_goes_and_the_others_stay(context: Context) -> None:
    """GDPR 5(1)(e)."""
    dry = retention.run(context, dry=True)
    assert (dry.people, dry.rows["contact"]) == (["o…e@mailbox.example"], 1)
    assert known(context, SILENT)

    done = retention.run(context)

    assert done.people == dry.people
    assert not known(context, SILENT)
    assert known(context, CAMILLE)
    assert retention.run(context).people == []


def test_who_has_a_restriction_waits(embedded: Context) -> None:
    """GDPR 18(2)."""
    with embedded.store.begin() as tx:
        [owner] = advertisers.all(tx)
        person = consent.contact_of(tx, owner, parse(SILENT))
        person.restricted = True
        people.save(tx, person)

    assert retention.run(embedded).people == []


def test_expiring_is_no_objection(embedded: Context) -> None:
    retention.run(embedded)

    with embedded.store.read() as tx:
        [owner] = advertisers.all(tx)
        assert consent.standing(embedded, tx, owner.id, parse(SILENT), None, None) == []


def test_the_proof_of_an_erased_person_is_emptied_after_five_years(context: Context) -> None:
    """C. civ. 2224; the events stay, and say nothing."""
    with context.store.read() as tx:
        [owner] = advertisers.all(tx)
        person = consent.contact_of(tx, owner, parse(SILENT))
    retention.run(context)
    assert retention.run(context, dry=True).rows["proof"] == 0
    with context.store.begin() as tx:
        erased = ledger.of_contact(tx, person.id)[-1]
        erased.at -= timedelta(days=5 * 366 + 2)
        tx.add(erased)

    assert retention.run(context, dry=True).rows["proof"] == 1
    retention.run(context)

    with context.store.read() as tx:
        events = ledger.of_contact(tx, person.id)
    assert {event.kind for event in events} == {"granted", "erased"}
    assert [event.evidence for event in events] == [{}, {}]
    assert retention.run(context, dry=True).rows["proof"] == 0


@pytest.mark.anyio
async def test_it_runs_by_itself_and_stops(embedded: Context) -> None:
    retainer = retention.Retainer(embedded, first=0.01)
    running = asyncio.create_task(retainer.run())
    await until(lambda: not known(embedded, SILENT))
    await retainer.stop()
    await running
