"""A campaign that too many people complain about goes no further until it is released."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import select

from gateway import clock
from gateway.flow import campaigns, retention
from gateway.flow.context import Context
from gateway.mail.address import parse
from gateway.store import ledger, people, trails
from gateway.store.tables import Account
from gateway.store.trails import Trail
from tests.flow.inbox import TAKEN, delivered, house, take, until
from tests.flow.rig import CAMILLE, JOHN, Says, rig
from tests.mail.test_feedback import arf

pytestmark = pytest.mark.anyio


@pytest.fixture
def context(store_url: str, tmp_path: Path) -> Iterator[Context]:
    """The sample's house with the inbound door, on either database."""
    yield from house(store_url, tmp_path)


@pytest.fixture
def embedded(sqlite_url: str, tmp_path: Path) -> Iterator[Context]:
    """The same on SQLite only."""
    yield from house(sqlite_url, tmp_path)


async def test_a_campaign_is_paused_at_the_rate_set_and_goes_on_when_it_is_released(context: Context) -> None:
    first, second = await delivered(context, CAMILLE, JOHN)
    take(context, first.sender, arf("abuse", first.content.decode()))
    with context.store.read() as tx:
        assert trails.pauses(tx) == []  # one complaint is not many
    take(context, second.sender, arf("abuse", second.content.decode()))
    with context.store.read() as tx:
        [pause] = trails.pauses(tx)
    assert (pause.sent, pause.complaints) == (2, 2)

    third = agree(context, "new@mailbox.example")
    hop = Says(TAKEN)
    async with rig(context, courier=hop, delivering=True) as house:
        assert (await house.send(third))[-1].code == 250
        await until(lambda: [row.state for row in house.parcels()] == ["held"])
        assert house.parcels()[0].reason == "D-PAUSED"
    assert hop.letters == []

    with context.store.begin() as tx:
        [row] = trails.pauses(tx)
        assert campaigns.release(tx, row, clock.now(), "cli:anna") == 1
    async with rig(context, courier=hop, delivering=True) as house, house.running():
        await house.emptied()
    assert [letter.recipient for letter in hop.letters] == [third]


async def test_few_complaints_among_many_copies_pause_nothing(embedded: Context) -> None:
    copies = await delivered(embedded, CAMILLE, JOHN)
    with embedded.store.begin() as tx:  # as if the first message had gone to two thousand people
        trail = tx.exec(select(Trail)).one()
        trail.copies = 2000
        tx.add(trail)
    for copy in copies:
        take(embedded, copy.sender, arf("abuse", copy.content.decode()))
    with embedded.store.read() as tx:
        assert trails.pauses(tx) == []


def agree(context: Context, address: str) -> str:
    """Add somebody who agreed as the sample's first person did."""
    with context.store.begin() as tx:
        known = people.find(tx, tx.exec(select(Account)).one().advertiser_id, parse(CAMILLE).key)
        assert known
        number = context.store.take(1)[0]
        values = known.model_dump() | {"id": number, "address": address, "address_key": parse(address).key}
        people.add(tx, type(known)(**values))
        for event in ledger.of_contact(tx, known.id):
            if event.kind == "granted":
                fresh = event.model_dump() | {"id": context.store.take(1)[0], "contact_id": number}
                ledger.append(tx, [fresh])
    return address


async def test_trails_are_forgotten_after_a_while(embedded: Context) -> None:
    await delivered(embedded, CAMILLE)
    with embedded.store.begin() as tx:
        [trail] = tx.exec(select(Trail)).all()
        assert (trail.copies, trail.mail_from) == (1, "lettre@maison-lavande.example")
        trail.created_at -= trails.KEPT * 2
        tx.add(trail)
    retention.run(embedded)

    with embedded.store.read() as tx:
        assert tx.exec(select(Trail)).all() == []
