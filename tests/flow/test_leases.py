"""Leases while copies are handed over: renewed, given back, never taken for more than they are; outcomes are kept."""

import asyncio
import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway import clock
from gateway.courier.courier import Letter, Outcome
from gateway.flow.context import Context
from gateway.flow.term import Term
from gateway.mail.reply import Reply
from gateway.store import spool
from gateway.store.engine import Store
from tests.flow.rig import CAMILLE, Says, rig
from tests.support.waiting import until

pytestmark = pytest.mark.anyio

TAKEN = Outcome("delivered", Reply(250, "2.0.0", "ok"))


class Slow(Says):
    """A next hop that answers when it is let."""

    def __init__(self) -> None:
        super().__init__(TAKEN)
        self.reached = asyncio.Event()
        self.let = asyncio.Event()

    async def hand(self, letter: Letter) -> Outcome:
        self.reached.set()
        await self.let.wait()
        return await super().hand(letter)


def with_lease(context: Context, lease: timedelta) -> Context:
    limits = context.settings.limits.model_copy(update={"lease": lease})
    return replace(context, settings=context.settings.model_copy(update={"limits": limits}))


async def test_a_handover_that_takes_longer_than_a_lease_keeps_it(context: Context) -> None:
    hop = Slow()
    async with rig(with_lease(context, timedelta(seconds=1.5)), delivering=True, courier=hop) as house, house.running():
        await house.send(CAMILLE)
        await hop.reached.wait()
        [parcel] = house.parcels()
        begun = clock.ticks()
        while clock.ticks() < begun + 2.5:
            await asyncio.sleep(0.1)
            with context.store.begin() as tx:
                assert spool.claim(tx, "other", clock.now(), timedelta(seconds=9), 10) == []
        hop.let.set()
        await house.emptied()
        assert hop.letters[0].recipient == parcel.recipient
        assert [receipt.outcome for receipt in house.receipts()] == ["", "delivered"]
    assert len(hop.letters) == 1


async def test_what_is_still_in_hand_when_the_time_to_stop_is_over_waits_for_anybody(context: Context) -> None:
    hop = Slow()
    async with rig(context, delivering=True, courier=hop) as house:
        assert house.deliverer
        await house.send(CAMILLE)
        await hop.reached.wait()
        await house.deliverer.stop(0.05)
        [parcel] = house.parcels()
        assert (parcel.state, parcel.node, parcel.attempts) == ("waiting", "", 0)
        assert parcel.due_at <= clock.now()
    assert hop.letters == []


@pytest.mark.parametrize("stopping", [False, True], ids=["while it runs", "when the time to stop is over"])
async def test_an_outcome_is_kept_until_the_store_takes_it(embedded: Context, stopping: bool) -> None:
    """A handover that is forgotten would be a second copy."""
    file = Path(embedded.settings.store.url.removeprefix("sqlite:///"))
    store = Store(embedded.settings.store.url, busy=0.2)
    context, hop = replace(embedded, store=store), Slow()
    holder = sqlite3.connect(file, isolation_level=None)
    try:
        async with rig(context, delivering=True, courier=hop) as house:
            assert house.deliverer
            await house.send(CAMILLE)
            await hop.reached.wait()
            holder.execute("BEGIN IMMEDIATE")
            hop.let.set()
            await until(lambda: hop.letters)
            ending = asyncio.create_task(house.deliverer.stop(0.1 if stopping else 10))
            await asyncio.sleep(0.8)
            holder.execute("ROLLBACK")
            await ending
            assert house.parcels() == []
            assert [receipt.outcome for receipt in house.receipts()] == ["", "delivered"]
    finally:
        holder.close()
        store.close()


def test_the_last_tenth_of_a_lease_is_never_used(monkeypatch: pytest.MonkeyPatch) -> None:
    now, ticks = clock.now(), clock.ticks()
    monkeypatch.setattr(clock, "now", lambda: now)
    monkeypatch.setattr(clock, "ticks", lambda: ticks)
    term = Term(timedelta(seconds=100))
    for wall, held in ((0, 0), (89, 89), (-5000, 89), (89, 91), (91, 89)):
        monkeypatch.setattr(clock, "now", lambda past=wall: now + timedelta(seconds=past))
        monkeypatch.setattr(clock, "ticks", lambda past=held: ticks + past)
        assert term.lasts is (max(wall, held) < 90)
