"""What the dead held is free as soon as the store takes it, and nothing of anybody else's is."""

import asyncio
import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from gateway import clock
from gateway.flow.context import Context
from gateway.flow.inheritance import inherit
from gateway.store import errands, spool
from gateway.store.engine import Store
from gateway.store.outward import Errand
from gateway.store.tables import Parcel
from tests.store.make import a_parcel, a_submission

pytestmark = pytest.mark.anyio


def held(context: Context, *nodes: str) -> None:
    """Lease a parcel and an errand to each."""
    now, until = clock.now(), clock.now() + timedelta(minutes=2)
    with context.store.begin() as tx:
        for node in nodes:
            submission, number = a_submission(context.store), context.store.take()[0]
            lease = {"state": "leased", "node": node, "leased_until": until, "due_at": until}
            spool.put(tx, [submission], [a_parcel(context.store, submission["id"]) | lease])
            errand = {"id": number, "endpoint_id": 1, "what": "webhook", "kind": "event", "row_id": number}
            errands.add(tx, [errand | {"person": 1, "place": 1, "due_at": until, "node": node, "created_at": now}])


def free(context: Context) -> tuple[int, int]:
    """Return how many parcels and errands nobody holds."""
    with context.store.read() as tx:
        parcels, left = list(tx.exec(select(Parcel))), list(tx.exec(select(Errand)))
        return sum(row.node == "" for row in parcels), sum(row.node == "" for row in left)


async def test_what_the_dead_held_is_free_and_what_others_hold_is_not(context: Context) -> None:
    held(context, "dead", "also", "alive")
    told: list[str] = []
    await inherit(context, ("dead", "also"), lambda: told.append("settled"))
    assert free(context) == (2, 2)
    assert told == ["settled"]
    await inherit(context, (), lambda: told.append("nobody"))
    assert told == ["settled"]


async def test_a_store_that_takes_nothing_is_asked_again(embedded: Context) -> None:
    held(embedded, "dead")
    file = Path(embedded.settings.store.url.removeprefix("sqlite:///"))
    store = Store(embedded.settings.store.url, busy=0.1)
    context, settled = replace(embedded, store=store), asyncio.Event()
    holder = sqlite3.connect(file, isolation_level=None)
    try:
        holder.execute("BEGIN IMMEDIATE")
        inheriting = asyncio.create_task(inherit(context, ("dead",), settled.set))
        await asyncio.sleep(0.5)
        assert not settled.is_set()
        holder.execute("ROLLBACK")
        await asyncio.wait_for(inheriting, 30)
        assert settled.is_set()
        assert free(context) == (1, 1)
    finally:
        holder.close()
        store.close()
