"""Telling others: what happened goes from the feed to webhooks and to the tools of accounts.

    feed ── announce: one errand an endpoint and event ──► claimed by lease ──► a conversation ──► done, later, given up

The ledger is the buffer: an endpoint that is far behind, or away, costs a place in the feed and some errands, not
memory. An errand names its row and copies nothing of the person; what is sent is read at the moment of sending. Several
nodes may do this at once on one database.
"""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from gateway import clock, journal
from gateway.courier.webhook import Caller
from gateway.errors import Misuse, TryLater
from gateway.flow import conversations, retry, seal
from gateway.flow.chores import Chore
from gateway.flow.context import Context
from gateway.flow.conversations import Conversation
from gateway.flow.feed import Scope
from gateway.plugin import Answer
from gateway.store import accounts, endpoints, errands, feed
from gateway.store.errands import Claimed
from gateway.store.feed import Entry
from gateway.store.outward import Endpoint
from gateway.store.tx import Tx

EVERY = 2.0  # seconds between two looks, and nine times as long as the last one took
LONGEST = 60.0
LEASE = timedelta(minutes=3)  # of an errand; a conversation takes at most a minute
TALK = 60.0  # seconds
PAGE = 500  # entries of the feed looked at in one transaction
AHEAD = 2000  # errands that may wait for one endpoint
AT_ONCE = 50
RETRIES = tuple(timedelta(seconds=n) for n in (5, 30, 120, 600, 1800, 3600, 7200, 14400))  # the last one repeats
RESTS = tuple(
    timedelta(seconds=n) for n in (0, 5, 30, 120, 300, 600)
)  # of an endpoint that fails, by failures in a row
GIVE_UP = timedelta(days=5)
GONE = 410  # the endpoint asks not to be called any more (RFC 9110 15.5.11)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why an errand did not work; `gone`: the endpoint wants no more."""

    why: str
    gone: bool = False


def announce(context: Context) -> int:
    """Write errands for what is new in the feed, and return how many. Blocks; raise `errors.TryLater`."""
    _adopt(context)
    with context.store.read() as tx:
        if not any(row.disabled_at is None for row in endpoints.all(tx)):
            return 0
    seal.promptly(context)
    with context.store.read() as tx:
        end = feed.end(tx)
        behind = [row.id for row in endpoints.all(tx) if row.disabled_at is None and row.place < end]
    return sum(_announce(context, number) for number in behind)


def _adopt(context: Context) -> None:
    """See that every account whose tool can be told has an endpoint; it is told what happens from then on."""
    with context.store.read() as tx:
        known = {row.account_id for row in endpoints.all(tx)}
        fresh = [row for row in accounts.all(tx) if row.id not in known and conversations.ways(context, row)]
    if fresh:
        seal.seal(context, whole=False)
    with context.store.read() as tx:
        end = feed.end(tx)
    for account in fresh:
        row = Endpoint(
            id=context.store.take(1)[0],
            advertiser_id=account.advertiser_id,
            account_id=account.id,
            place=end,
            created_at=clock.now(),
        )
        with suppress(Misuse), context.store.begin() as tx:  # another node was faster
            endpoints.add(tx, row)


def _announce(context: Context, number: int) -> int:
    written = 0
    while True:
        with context.store.begin() as tx:
            row = endpoints.held(tx, number)
            if row is None or row.disabled_at is not None or errands.waiting(tx, number)[0] >= AHEAD:
                return written
            end = feed.end(tx)
            found = feed.after(tx, row.place, PAGE)
            written += errands.add(tx, _errands(context, tx, row, found))
            row.place = found[-1].place if len(found) == PAGE else max(end, row.place)
            endpoints.save(tx, row)
        if len(found) < PAGE:
            return written


def _errands(context: Context, tx: Tx, row: Endpoint, found: Sequence[Entry]) -> list[dict[str, object]]:
    account = accounts.get(tx, row.account_id) if row.account_id else None
    scope = Scope(row.advertiser_id, frozenset(row.list_ids), frozenset(row.types))
    pairs = [
        (entry, what)
        for entry in found
        if scope.holds(entry)
        for what in (conversations.for_tool(context, account, entry) if account else ("webhook",))
    ]
    now = clock.now()
    return [
        {
            "id": number,
            "endpoint_id": row.id,
            "what": what,
            "kind": entry.kind,
            "row_id": entry.row.id,
            "person": entry.row.contact_id or -entry.row.id,
            "place": entry.place,
            "due_at": now,
            "created_at": now,
        }
        for number, (entry, what) in zip(context.store.take(len(pairs)) if pairs else (), pairs, strict=True)
    ]


class Outbox(Chore):
    """Tells others while the program serves."""

    waits, failed, every = "outbox-waits", "outbox-failed", EVERY

    def __init__(self, context: Context, caller: Caller, node: str) -> None:
        super().__init__()
        self._context = context
        self._caller = caller
        self._node = node

    async def work(self) -> bool:
        """Tell what is due."""
        await self.once()
        return False

    def pause(self, took: float) -> float:
        """Return the time between two looks: the longer, the more there is to do."""
        return min(max(self.every, 9 * took), LONGEST)

    async def once(self) -> int:
        """Announce what is new, do what is due, and return how many errands were done."""
        await asyncio.to_thread(announce, self._context)
        running: dict[asyncio.Task[Trouble | None], Claimed] = {}
        done = 0
        while True:
            if not self._stop.is_set():
                for errand in await asyncio.to_thread(self._claim, AT_ONCE - len(running)):
                    running[asyncio.create_task(self._attempt(errand))] = errand
            if not running:
                return done
            ended, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            results = [(running.pop(task), task.result()) for task in ended]
            done += sum(trouble is None for _, trouble in results)
            await asyncio.to_thread(self._settle, results)

    def _claim(self, most: int) -> list[Claimed]:
        if not most:
            return []
        with self._context.store.begin() as tx:
            return errands.claim(tx, self._node, clock.now(), LEASE, most)

    async def _attempt(self, errand: Claimed) -> Trouble | None:
        """Return None when the errand is done with."""
        try:
            talk = await asyncio.to_thread(conversations.opened, self._context, errand)
            async with asyncio.timeout(TALK):
                return await self._talk(talk, errand) if talk else None
        except TimeoutError:
            return Trouble("it took too long")
        except (TryLater, Misuse) as error:
            return Trouble(str(error))
        except Exception as error:
            return Trouble(f"see {journal.fault('errand-broken', error, errand=errand.id)} in the log")

    async def _talk(self, talk: Conversation, errand: Claimed) -> Trouble | None:
        """Make the calls that the conversation asks for, until it has no more."""
        answer: Answer | None = None
        try:
            while True:
                call = talk.send(answer) if answer else next(talk)
                answer = await self._caller.call(call)
                if not 200 <= answer.status < 300 and answer.status not in call.fine:
                    gone = answer.status == GONE and errand.what == conversations.WEBHOOK
                    return Trouble(f"the answer was {answer.status}", gone=gone)
        except StopIteration:
            return None
        finally:
            talk.close()

    def _settle(self, results: Sequence[tuple[Claimed, Trouble | None]]) -> None:
        well = [errand for errand, trouble in results if trouble is None]
        answering = {errand.endpoint_id for errand in well}
        with self._context.store.begin() as tx:
            errands.done(tx, self._node, [errand.id for errand in well])
            endpoints.well(tx, answering)
            troubles = [(errand, trouble) for errand, trouble in results if trouble]
            for errand, trouble in troubles:
                self._later(tx, errand, trouble)
            failing = {errand.endpoint_id: trouble for errand, trouble in troubles}
            for number in sorted(failing.keys() - answering):
                _rest(tx, number, failing[number])

    def _later(self, tx: Tx, errand: Claimed, trouble: Trouble) -> None:
        told = {"endpoint": errand.endpoint_id, "what": errand.what, "kind": errand.kind, "row": errand.row_id}
        if clock.now() - errand.created_at > GIVE_UP:
            errands.done(tx, self._node, [errand.id])
            journal.warn("errand-given-up", **told, why=trouble.why)
            return
        wait = retry.wait(RETRIES, errand.attempts) * random.uniform(0.8, 1.2)  # noqa: S311 - not all at once
        errands.later(tx, self._node, errand.id, clock.now() + wait)
        journal.note("errand-later", **told, why=trouble.why, attempts=errand.attempts + 1)


def _rest(tx: Tx, number: int, trouble: Trouble) -> None:
    """Leave an endpoint alone for a while; a webhook that fails for days, or wants no more, is disabled."""
    row, now = endpoints.get(tx, number), clock.now()
    if row is None:
        return
    late = row.failing_since is not None and now - row.failing_since > GIVE_UP
    endpoints.failed(tx, number, now, now + retry.wait(RESTS, row.failures), trouble.why[:200])
    if row.account_id is None and (trouble.gone or late):
        _disable(tx, number)
        journal.warn("webhook-disabled", endpoint=number, why=trouble.why)


def _disable(tx: Tx, number: int) -> None:
    """Tell an endpoint nothing more; once it is enabled again it goes on where it was."""
    row = endpoints.fresh(tx, number)
    _, first = errands.waiting(tx, number)
    errands.clear(tx, number)
    row.place = row.place if first is None else min(row.place, first - 1)
    row.disabled_at = clock.now()
    endpoints.save(tx, row)
