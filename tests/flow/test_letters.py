"""The gateway's own letters: as durable as the event they tell of, and delivered like any other parcel."""

import re

import pytest
from sqlmodel import select

from gateway import sample
from gateway.courier.courier import failed
from gateway.flow import letters
from gateway.flow.context import Context
from gateway.law.facts import MessageClass
from gateway.mail.compose import Button
from gateway.store import advertisers, people
from gateway.store.tables import Advertiser, Contact, Report, Submission
from gateway.store.tx import Tx
from tests.flow.rig import CAMILLE, OBJECTED, Says, delivered, plain, rig

pytestmark = pytest.mark.anyio
BODY = ["Votre demande est bien enregistrée.", Button("La voir", "https://gate.example/p/x")]


def house(tx: Tx) -> Advertiser:
    found = advertisers.by_name(tx, "lavande")
    assert found
    return found


def person(tx: Tx, address: str) -> Contact:
    found = people.find(tx, house(tx).id, address)
    assert found
    return found


def post(context: Context, tx: Tx, address: str, klass: MessageClass = MessageClass.RIGHTS) -> int:
    advertiser, contact = house(tx), person(tx, address)
    words = {"subject": "Votre demande", "body": BODY, "lang": "fr"}
    return letters.send(context, tx, advertiser, klass, to=address, contact_id=contact.id, **words)


@pytest.mark.parametrize("klass", [MessageClass.RIGHTS, MessageClass.NOTICE, MessageClass.SERVICE])
async def test_a_letter_arrives_even_where_advertising_must_not(context: Context, klass: MessageClass) -> None:
    with context.store.begin() as tx:
        ref = post(context, tx, OBJECTED, klass)
    async with rig(context, delivering=True) as house, house.running():
        await house.emptied()
        [receipt] = house.receipts()

    message = delivered(context)[OBJECTED]
    assert (receipt.ref, receipt.account_id, receipt.outcome) == (ref, 0, "delivered")
    assert receipt.code == f"A-{klass.name}"
    assert receipt.contact_id
    assert message["Return-Path"] == "<>"
    assert re.match(rf"by gate\.example id {ref}; ", message["Received"])
    assert message["List-Unsubscribe"] is None
    assert message["Auto-Submitted"] == "auto-generated"
    assert "https://gate.example/p/x" in plain(message, "plain")
    assert "Publicité" not in plain(message, "plain") + plain(message, "html")


async def test_a_letter_is_there_exactly_when_its_event_is(context: Context) -> None:
    with pytest.raises(ZeroDivisionError), context.store.begin() as tx:
        assert post(context, tx, CAMILLE) / 0
    async with rig(context) as house:
        assert house.parcels() == []
        with context.store.begin() as tx:
            ref = post(context, tx, CAMILLE)
        assert [parcel.id for parcel in house.parcels()] == [ref]


async def test_a_letter_is_signed_with_the_key_of_its_advertiser(context: Context) -> None:
    with context.store.begin() as tx:
        post(context, tx, CAMILLE)
    async with rig(context, delivering=True) as house, house.running():
        await house.emptied()

    [signature] = delivered(context)[CAMILLE].get_all("DKIM-Signature")
    assert f"d={sample.DOMAIN};" in signature


async def test_nobody_is_told_of_a_letter_that_failed_as_no_tool_sent_it(context: Context) -> None:
    with context.store.begin() as tx:
        post(context, tx, CAMILLE)
    says = Says(failed(550, "5.1.1", "no such mailbox"))
    async with rig(context, courier=says, delivering=True) as house, house.running():
        await house.emptied()
        [receipt] = house.receipts()
    with context.store.read() as tx:
        told = tx.exec(select(Report)).all()

    assert [letter.sender for letter in says.letters] == [""]
    assert (receipt.outcome, told) == ("failed", [])


async def test_the_gateway_promotes_nothing(embedded: Context) -> None:
    with embedded.store.begin() as tx, pytest.raises(ValueError, match="no prospecting mail"):
        post(embedded, tx, CAMILLE, MessageClass.PROSPECTING)


async def test_a_letter_comes_from_a_domain_that_may_send_it(embedded: Context) -> None:
    with embedded.store.begin() as tx:
        advertiser = house(tx)
        assert letters.sender(embedded, advertiser).endswith("@" + advertiser.domains[0])
        advertiser.email = "maison@elsewhere.example"
        assert letters.sender(embedded, advertiser) == f"postmaster@{advertiser.domains[0]}"
        letters.send(embedded, tx, advertiser, MessageClass.RIGHTS, to=CAMILLE, subject="x", body=["x"], lang="fr")
        [content] = tx.exec(select(Submission.content)).all()
        assert b"Reply-To: <maison@elsewhere.example>\r\n" in content
        advertiser.domains = []
        assert letters.sender(embedded, advertiser) == "postmaster@gate.example"
