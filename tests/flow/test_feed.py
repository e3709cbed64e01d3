"""A reader of the feed misses nothing and hears nothing twice, whoever writes and seals at the same time."""

import random
import threading

import pytest

from gateway import clock
from gateway.errors import Misuse, TryLater
from gateway.flow import feed, seal
from gateway.flow.context import Context
from gateway.flow.feed import Scope
from gateway.store import ledger, people
from gateway.store.tables import Event
from tests.flow.rig import CAMILLE
from tests.flow.telling import advertiser_id

WRITERS, EACH = 3, 25


def test_a_cursor_misses_nothing_that_is_committed_late(context: Context) -> None:
    owner = advertiser_id(context)
    with context.store.read() as tx:
        person = people.find(tx, owner, CAMILLE)
    assert person
    written: set[str] = set()
    done = threading.Event()

    def write(number: int) -> None:
        chance = random.Random(number)
        for _ in range(EACH):
            row = Event(
                id=context.store.take(1)[0], advertiser_id=owner, contact_id=person.id, kind="acted",
                at=clock.now(), recorded_at=clock.now(),
            )  # fmt: skip
            clock.pause(chance.uniform(0, 0.01))  # known and dated long before it is committed
            with context.store.begin() as tx:
                ledger.append(tx, [row])
                if not context.store.embedded:
                    clock.pause(chance.uniform(0, 0.02))
            written.add(f"evt_{row.id}")

    def seals() -> None:
        while not done.is_set():
            try:
                seal.promptly(context)
            except TryLater:
                continue
            clock.pause(0.005)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    sealers = [threading.Thread(target=seals) for _ in range(2)]
    for thread in (*threads, *sealers):
        thread.start()
    heard: list[str] = []
    cursor = None
    scope = Scope(owner, types=frozenset({"consentgate.acted"}))
    limit = clock.ticks() + 60
    while len(heard) < WRITERS * EACH + 1 and clock.ticks() < limit:  # the sample has one too
        page = feed.since(context, scope, cursor, limit=7)
        heard += [one["data"]["event_id"] for one in page.events]
        cursor = page.cursor
    for thread in threads:
        thread.join(30)
    done.set()
    for thread in sealers:
        thread.join(30)

    assert len(heard) == len(set(heard))
    assert written <= set(heard)


@pytest.mark.parametrize("cursor", ["x", "c", "c-1", "cg", "c" + "f" * 40, "", "1"])
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(Misuse):
        feed.opened(cursor)
    assert feed.opened(feed.spelled(12_345)) == 12_345
