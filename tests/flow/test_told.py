"""What a delivered copy said is remembered: the notice of GDPR 14, and the one re-confirmation."""

from datetime import timedelta

import pytest
from selectolax.lexbor import LexborHTMLParser

from gateway import clock
from gateway.courier.courier import Outcome
from gateway.demo import campaign
from gateway.flow import consent
from gateway.flow.context import Context
from gateway.law.events import Kind
from gateway.mail.address import parse
from gateway.mail.reply import Reply
from gateway.store import advertisers, ledger, people
from gateway.store.tables import Contact, Event
from tests.flow.rig import CAMILLE, Says, delivered, plain, rig
from tests.support.waiting import until

pytestmark = pytest.mark.anyio

LATER = Says(Outcome("deferred", Reply(451, "4.3.0", "not now")))


def camille(context: Context, **changes: object) -> Contact:
    """Change what is known of Camille."""
    with context.store.begin() as tx:
        [owner] = advertisers.all(tx)
        row = consent.contact_of(tx, owner, parse(CAMILLE))
        for name, value in changes.items():
            setattr(row, name, value)
        return people.save(tx, row)


def indirect(context: Context) -> Contact:
    """Say that Camille came through a partner, ten days ago."""
    found = {"source": "partner", "source_name": "Fleurs SARL", "company": "Atelier Durand"}
    person = camille(context, acquired_at=clock.now() - timedelta(days=10), **found)
    with context.store.begin() as tx:
        [granted] = ledger.of_contact(tx, person.id)
        granted.evidence = {**granted.evidence, "purpose": ["prospecting", "partners"]}
        tx.add(granted)
    return person


def told(context: Context, contact: Contact) -> list[Event]:
    with context.store.read() as tx:
        return [row for row in ledger.of_contact(tx, contact.id) if row.actor == "delivery"]


async def carried(context: Context, draft_class: str | None = None, courier: Says | None = None) -> None:
    """Send Camille the campaign and let it be delivered."""
    async with rig(context, delivering=True, courier=courier) as house:
        draft = house.draft(klass=draft_class, classes=[draft_class]) if draft_class else house.draft()
        assert (await house.send(CAMILLE, content=campaign("lettre"), draft=draft))[-1].code == 250
        async with house.running():
            await until(lambda: all(parcel.attempts for parcel in house.parcels()))


async def test_the_first_message_to_a_person_from_a_partner_carries_the_whole_notice_once(context: Context) -> None:
    """GDPR 14(1), 14(2), 14(3)(b)."""
    person = indirect(context)

    await carried(context)

    html = " ".join(LexborHTMLParser(plain(delivered(context)[CAMILLE], "html")).text().split())
    words = " ".join(plain(delivered(context)[CAMILLE], "plain").split())
    for said in ("Fleurs SARL", "fondée sur votre consentement", "adresse e-mail", "société", "3 ans", "CNIL"):
        assert said in words
        assert said in html
    [event] = told(context, person)
    assert (event.kind, event.evidence["art14"]) == (Kind.CONTACTED, True)

    await carried(context)
    assert len(told(context, person)) == 1


async def test_a_notice_that_was_not_delivered_was_not_given(embedded: Context) -> None:
    person = indirect(embedded)

    await carried(embedded, courier=LATER)

    assert told(embedded, person) == []


async def test_a_message_to_somebody_who_gave_the_address_leaves_no_event(embedded: Context) -> None:
    person = camille(embedded)

    await carried(embedded)

    assert told(embedded, person) == []


async def test_the_one_reconfirmation_is_asked_once(context: Context) -> None:
    """GDPR 5(1)(e): a second attempt is R-RECONFIRM-REPEAT."""
    now = clock.now()
    with context.store.begin() as tx:
        [owner] = advertisers.all(tx)
        person = consent.contact_of(tx, owner, parse(CAMILLE))
        [granted] = ledger.of_contact(tx, person.id)
        granted.at = now - timedelta(days=3 * 365 - 30)
        tx.add(granted)

    await carried(context, "reconfirm")

    [event] = told(context, person)
    assert event.kind == Kind.ASKED
    async with rig(context) as house:
        draft = house.draft(klass="reconfirm", classes=["reconfirm"])
        refused = await house.send(CAMILLE, content=campaign("lettre"), draft=draft)
    assert "R-RECONFIRM-REPEAT" in str(refused[-1])
