"""Delivering: which parcels this process holds, for how long, and how many at once.

A parcel that this process accepted is leased to it in the very transaction that accepted it, so that in quiet times
nothing is read back. All others (left by a dead node, due for another attempt, too many at once) are claimed from the
spool. Leases are renewed while the process lives; one that ends frees the parcel for any node.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial

from gateway import clock, journal
from gateway.errors import InDoubt, TryLater
from gateway.flow import rows
from gateway.flow.commit import Committer, Filing, Row
from gateway.flow.context import Context
from gateway.flow.handover import Handover, Job
from gateway.flow.room import FREE, Room
from gateway.flow.shelf import Book, Shelf
from gateway.flow.term import Term, spare
from gateway.mail.rewrite import Plan, Unfit
from gateway.store import spool
from gateway.store.spool import Claimed, Handed

LAST = 10.0  # seconds that outcomes have to be written down when the time to stop is over
CLOCK = 10.0  # seconds between looks at the clock of the database server
SETTLING = 5.0  # seconds that everybody has to write down outcomes when the store was away
IDLE = 1.0  # seconds between looks at the spool while nothing wakes us
SMALL = 1_048_576  # bytes; larger messages are read back from the spool rather than kept in memory until their turn
MUCH = 33_554_432  # bytes of messages kept in memory until their turn; more are read back, too
_SHARE = 5  # times its size is what a message takes: itself, what its copies are made from, a copy, and that one's dots


async def _break_off(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)


class Lease:
    """Parcels of one filing that the process takes at once, if the filing becomes durable."""

    def __init__(self, deliverer: "Deliverer", filing: Filing, prepared: Plan | Unfit, count: int, term: Term) -> None:
        self._deliverer = deliverer
        self._term = term
        self._filing = filing
        self._prepared = prepared
        self._count = count

    def begin(self) -> None:
        """Deliver: the filing is durable."""
        if self._filing.submission is None:
            raise AssertionError("a lease without a submission")
        rows = [entry.parcel for entry in self._filing.entries if entry.parcel and entry.parcel["state"] == "leased"]
        parcels = [Claimed(**{name: row[name] for name in Claimed._fields}) for row in rows]
        self.give_back()
        self._deliverer.begin(Book(Handed(**self._filing.submission), self._prepared), parcels, self._term)

    def give_back(self) -> None:
        """Release the places kept."""
        self._deliverer.reserved -= self._count

    def abandon(self) -> None:
        """Release the places kept by a filing of which nobody knows whether it is, or will be, durable."""
        self.give_back()
        self._deliverer.let_go([entry.parcel for entry in self._filing.entries if entry.parcel])


class Deliverer:
    """Holds at most `[limits] deliveries` parcels and attempts `[upstream] connections` of them at a time."""

    def __init__(self, context: Context, handover: Handover, committer: Committer, node: str) -> None:
        self.reserved = 0
        self._context = context
        self._store = context.store
        self._handover = handover
        self._committer = committer
        self._node = node
        self._shelf = Shelf(context)
        self._room = Room(context.settings.limits.memory // 2)
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._terms: dict[int, Term] = {}  # of the parcels that the tasks carry
        self._handed: set[int] = set()  # parcels of which only the outcome is left to write
        self._loose: list[Row] = []  # parcels that are leased to us, it may be, and that we do not carry
        self._away = False  # the store was, when we last asked
        self._right = True  # our clock is about that of everybody else
        self._asked = -CLOCK  # when we last asked for theirs
        self._wake = asyncio.Event()
        self._behind = True  # parcels may be waiting in the spool that nobody holds
        self._stopping = asyncio.Event()
        self.adopt()

    def adopt(self) -> None:
        """Work as the settings say now; what is in hand goes on."""
        settings = self._context.settings
        self._most = settings.limits.deliveries
        self._period: timedelta = settings.limits.lease
        self._slots = asyncio.Semaphore(settings.upstream.connections)

    @property
    def free(self) -> int:
        """Return how many more parcels the process may hold."""
        if self._stopping.is_set() or not self._right:
            return 0
        return self._most - len(self._tasks) - self.reserved

    def lease(self, filing: Filing, prepared: Plan | Unfit) -> Lease | None:
        """Mark the waiting parcels of `filing` as leased to this process, when it has room for all of them."""
        waiting = [entry.parcel for entry in filing.entries if entry.parcel and entry.parcel["state"] == "waiting"]
        size = len(filing.submission["content"]) if filing.submission else 0
        if not waiting or size > SMALL or size + self._shelf.weight > MUCH or len(waiting) > self.free:
            return None
        term, until = Term(self._period), clock.now() + self._period
        for parcel in waiting:
            parcel |= {"state": "leased", "node": self._node, "leased_until": until, "due_at": until}
        self.reserved += len(waiting)
        return Lease(self, filing, prepared, len(waiting), term)

    def let_go(self, parcels: Sequence[Row]) -> None:
        """Give back the leases on parcels that nobody carries, as soon as the store takes it."""
        self._loose += parcels

    def look(self) -> None:
        """Look into the spool soon: parcels were put there that nobody holds."""
        self._behind = True
        self._wake_up()

    def begin(self, book: Book, parcels: Sequence[Claimed], term: Term) -> None:
        """Attempt parcels of one submission that are leased to this process."""
        self._shelf.put(book, len(parcels))
        for parcel in parcels:
            self._start(parcel, len(book.submission.content), term, promised=True)

    def _start(self, parcel: Claimed, size: int, term: Term, *, promised: bool) -> None:
        task = asyncio.create_task(self._carry(parcel, size, promised=promised), name=f"parcel-{parcel.id}")
        self._tasks[parcel.id], self._terms[parcel.id] = task, term
        task.add_done_callback(lambda _: self._done(parcel.id))

    def _done(self, parcel_id: int) -> None:
        del self._tasks[parcel_id], self._terms[parcel_id]
        self._handed.discard(parcel_id)
        self._wake_up()

    def _wake_up(self) -> None:
        """Claim now rather than at the next look, if there is something to claim and room for more than a few."""
        if self._behind and self.free * 2 >= self._most:
            self._wake.set()

    async def run(self) -> None:
        """Claim and attempt due parcels until `stop`."""
        renewing = asyncio.create_task(self._renew())
        try:
            while not self._stopping.is_set():
                self._wake.clear()
                if await self._reachable():
                    await self._claim()
                self._wake_up()
                await self._pause()
        finally:
            renewing.cancel()

    async def stop(self, grace: float) -> None:
        """Take no more parcels; give those in hand `grace` seconds; leave the rest to whoever comes."""
        self._stopping.set()
        self._wake.set()
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=grace)
        left = set(self._tasks) - self._handed
        await _break_off([self._tasks[number] for number in left])
        if left := left | ({row["id"] for row in self._loose if "id" in row} - set(self._tasks)):
            await self._give_back(left)
        if self._tasks:  # what the next hop has must be written down, or it gets it again
            await asyncio.wait(self._tasks.values(), timeout=LAST)
            await _break_off(list(self._tasks.values()))
        await self._shelf.close()

    async def _give_back(self, left: set[int]) -> None:
        """Give back the leases on parcels that were not handed over; without that they would end by themselves."""
        journal.warn("parcels-left", parcels=len(left))
        try:
            await asyncio.to_thread(self._free, left)
        except TryLater as trouble:
            journal.warn("spool-unreachable", why=str(trouble))

    def _free(self, left: set[int]) -> None:
        with self._store.begin() as tx:
            spool.free(tx, self._node, left, clock.now())

    async def _pause(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(IDLE):
                await self._wake.wait()

    async def _reachable(self) -> bool:
        """Return whether the store answers, and see that leases nobody carries are given back.

        After an absence everybody has first to write down what the next hop took meanwhile: leases may have ended, and
        whoever claimed these parcels at once would send them a second time.
        """
        try:
            if self._away:
                await asyncio.to_thread(self._store.ping)
                self._away = False
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), SETTLING)
            await self._give_up_loose()
            await self._compare_clocks()
        except TryLater as trouble:
            self._unreachable(trouble)
            return False
        return not self._stopping.is_set()

    async def _compare_clocks(self) -> None:
        """See whether others take our leases for what we do; else take none, and let nobody's end before its time."""
        if self._store.embedded or (self._right and clock.ticks() < self._asked + CLOCK):
            return
        off = await asyncio.to_thread(self._store.drift)
        self._asked, self._right = clock.ticks(), abs(off) <= spare(self._period)
        if not self._right:
            journal.warn("clock-wrong", ahead=f"{off.total_seconds():.1f} s", cure="set the clocks by NTP")

    async def _give_up_loose(self) -> None:
        """Give back the leases that nobody carries; by the committer, which may just be writing one of them."""
        # The lease on one that is carried has ended meanwhile, and begun anew.
        carried = [row for row in self._loose if row.get("id") in self._tasks]
        loose = [row for row in self._loose if row.get("id") not in self._tasks]
        if loose:
            self._loose = carried
            try:
                await self._committer.write(Filing(loose=loose))
            except TryLater:
                self._loose += loose
                raise
            self._behind = True

    def _unreachable(self, trouble: TryLater) -> None:
        self._away = True
        journal.warn("spool-unreachable", why=str(trouble))

    async def _claim(self) -> None:
        """Claim due parcels and start them.

        At most half of the room is asked for: what is accepted meanwhile needs places, or it has to be claimed too.
        """
        room = (self.free + 1) // 2
        if room <= 0:
            return
        self.reserved += room
        self._behind = False
        try:
            parcels, sizes, term = await asyncio.to_thread(self._take, room)
        except TryLater as trouble:
            self._unreachable(trouble)
            return
        finally:
            self.reserved -= room
        self._behind = self._behind or len(parcels) == room
        for parcel in parcels:
            if parcel.id not in self._tasks:
                self._start(parcel, sizes[parcel.submission_id], term, promised=False)

    def _take(self, most: int) -> tuple[Sequence[Claimed], Mapping[int, int], Term]:
        """Return parcels, how large the messages are that they belong to, and the time that they are leased for."""
        parcels: Sequence[Claimed] = ()
        try:
            with self._store.begin() as tx:
                term = Term(self._period)
                parcels = spool.claim(tx, self._node, clock.now(), self._period, most)
                return parcels, spool.sizes(tx, {parcel.submission_id for parcel in parcels}), term
        except InDoubt:
            self.let_go([{"id": parcel.id} for parcel in parcels if parcel.id not in self._tasks])
            raise

    async def _renew(self) -> None:
        """Renew what is in hand well before it ends, so that only a dead node loses its parcels."""
        while True:
            await asyncio.sleep(self._period.total_seconds() / 3)
            held = [number for number, term in self._terms.items() if term.lasts]
            if not held:
                continue
            try:
                term, renewed = await asyncio.to_thread(self._extend, held)
            except TryLater as trouble:
                journal.warn("lease-not-renewed", why=str(trouble))
            else:  # one that has ended meanwhile stays so
                self._terms |= {one: term for one, old in self._terms.items() if one in renewed and old.lasts}

    def _extend(self, held: Sequence[int]) -> tuple[Term, set[int]]:
        with self._store.begin() as tx:
            term, now = Term(self._period), clock.now()
            return term, spool.renew(tx, self._node, held, now, now + self._period)

    async def _carry(self, parcel: Claimed, size: int, *, promised: bool) -> None:
        """Carry a parcel of a message of `size` bytes; a large one waits for memory, and keeps no slot meanwhile."""
        if size <= FREE:
            await self._attempt(parcel, promised=promised)
            return
        with self._room.share(size * _SHARE) as share:
            await share.take()
            await self._attempt(parcel, promised=promised)

    async def _attempt(self, parcel: Claimed, *, promised: bool) -> None:
        """Attempt, then record; a parcel that could not be decided on is let go."""
        try:
            async with self._slots:
                book = await self._shelf.lend(parcel.submission_id, promised=promised)
                try:
                    filing = await self._handover.attempt(Job(parcel, book, partial(self._ours, parcel.id)))
                finally:
                    self._shelf.give_back(parcel.submission_id)
        except TryLater as trouble:
            journal.warn("delivery-undecided", ref=parcel.id, why=str(trouble))
            self._loose.append({"id": parcel.id})
            return
        except Exception as error:
            filing = self._handover.stumbled(parcel, journal.fault("delivery-broken", error))
        self._handed.add(parcel.id)
        await self._record(filing)

    def _ours(self, parcel_id: int) -> bool:
        """Return whether our lease on a parcel surely lasts."""
        return self._terms[parcel_id].lasts

    async def _record(self, filing: Filing) -> None:
        """Write what happened, however long the store is away: forgetting a handover would mean a second copy."""
        pause = 0.1
        while True:
            try:
                await self._committer.write(filing)
            except TryLater as trouble:
                journal.warn("outcome-not-yet-recorded", why=str(trouble))
                await asyncio.sleep(pause)
                pause = min(pause * 2, SETTLING / 2)
            else:
                self._tell(filing)
                return

    @staticmethod
    def _tell(filing: Filing) -> None:
        settled = filing.settled
        if settled and settled.state == "waiting":
            journal.note("deferred", ref=settled.parcel_id, attempts=settled.attempts, reply=settled.reply)
        elif settled and settled.state == "held":
            journal.note("held", ref=settled.parcel_id, code=settled.reason)
        else:
            rows.note("settled", filing)
