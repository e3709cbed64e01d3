"""One durable transaction for many submissions and deliveries: what is answered 250 or settled is written here.

A `Filing` is everything that one use case must write at once. The committer's thread takes all filings that wait,
numbers their rows, writes them in one transaction and lets their senders go on: one disk sync for many messages.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from gateway import clock, meters
from gateway.errors import InDoubt
from gateway.flow.context import Context
from gateway.store import handles, ledger, receipts, reports, spool, trails
from gateway.store.group import Group
from gateway.store.spool import Settled
from gateway.store.tx import Tx

Row = dict[str, Any]
LINGER = 0.002  # seconds; a commit costs the same for one filing and for twenty


@dataclass(slots=True)
class Entry:
    """One recipient: the receipt, and the parcel or the report that follows from it."""

    receipt: Row
    parcel: Row | None = None
    report: Row | None = None
    copy: bytes = b""  # what was handed over; its digest goes into the receipt
    waited: float | None = None  # seconds from the 250 to the handover, of a copy that was delivered


@dataclass(slots=True)
class Filing:
    """What is written together.

    `submission` is None when nothing of the message is kept. An entry whose receipt has no `ref` yet gets a new number,
    which is its parcel's identity and the reference that people are told.
    """

    submission: Row | None = None
    entries: list[Entry] = field(default_factory=list)
    settled: Settled | None = None
    events: list[Row] = field(default_factory=list)
    reports: list[Row] = field(default_factory=list)  # those that no receipt goes with
    handle: Row | None = None
    trail: Row | None = None  # what is remembered of the submission
    loose: Sequence[Row] = ()  # parcels whose lease is given back, if they are there and it is ours
    doubtful: bool = False  # it may have been written

    @property
    def keeps(self) -> Row | None:
        """Return the submission if anything needs it: a parcel, or a delivery report, which quotes the message."""
        needed = any(entry.parcel or entry.report for entry in self.entries)
        return self.submission if needed else None

    def number(self, numbers: Iterator[int]) -> None:
        """Give every row its identity; rows that have one keep it, so that a second try writes the same."""
        submission = 0
        if self.submission is not None:
            submission = self.submission.setdefault("id", next(numbers))
        for entry in self.entries:
            ref = entry.receipt.setdefault("ref", next(numbers))
            entry.receipt.setdefault("id", next(numbers))
            entry.receipt.setdefault("submission_id", submission)
            if entry.parcel is not None:
                entry.parcel |= {"id": ref, "submission_id": submission}
            if entry.report is not None:
                entry.report.setdefault("id", next(numbers))
                entry.report |= {"ref": ref, "submission_id": entry.receipt["submission_id"]}
        if self.trail is not None:
            self.trail["submission_id"] = submission
        for row in (*self.events, *self.reports):
            row.setdefault("id", next(numbers))

    @property
    def width(self) -> int:
        """Return how many numbers the filing needs at most."""
        return 1 + 3 * len(self.entries) + len(self.events) + len(self.reports)


class Committer:
    """Writes filings, many in one commit."""

    def __init__(self, context: Context, node: str) -> None:
        self._store = context.store
        self._node = node
        self._group: Group[Tx, Filing, Filing] = Group(self._begin, self._work, linger=LINGER, name="commit")

    async def write(self, filing: Filing) -> Filing:
        """Return the filing with its numbers once it is durable; raise `errors.TryLater` when it could not be.

        One that may have been written is written again under the same numbers, unless it is there.
        """
        try:
            await self._group.ask(filing)
        except InDoubt:
            filing.doubtful = True
            await self._group.ask(filing)
        _count(filing.entries)
        return filing

    async def close(self) -> None:
        """Write what waits, then stop."""
        await self._group.close()

    @contextmanager
    def _begin(self) -> Iterator[Tx]:
        begun = clock.ticks()
        with self._store.begin() as tx:
            yield tx
        meters.took("commit_seconds", [clock.ticks() - begun])

    def _work(self, tx: Tx, filings: Sequence[Filing]) -> Sequence[Filing]:
        numbers = iter(self._store.take(sum(filing.width for filing in filings)))
        for filing in filings:
            filing.number(numbers)
        self._write(tx, self._unwritten(tx, filings))
        return filings

    def _unwritten(self, tx: Tx, filings: Sequence[Filing]) -> Sequence[Filing]:
        """Return the filings without those that turn out to have been written when the database was lost."""
        doubtful = [filing for filing in filings if filing.doubtful]
        if not doubtful:
            return filings
        written = receipts.there(tx, [filing.entries[0].receipt["id"] for filing in doubtful if filing.entries])
        ours = spool.ours(tx, self._node, [filing.settled.parcel_id for filing in doubtful if filing.settled])

        def known(filing: Filing) -> bool:
            if filing.entries:
                return filing.entries[0].receipt["id"] in written
            return filing.settled is not None and filing.settled.parcel_id not in ours

        return [filing for filing in filings if not (filing.doubtful and known(filing))]

    def _write(self, tx: Tx, filings: Sequence[Filing]) -> None:
        entries = [entry for filing in filings for entry in filing.entries]
        for entry in entries:
            if entry.copy:  # here and not on the loop: hashing lets go of the interpreter lock, and the loop must not
                entry.receipt["content_digest"] = hashlib.sha256(entry.copy).digest()
        reports.write(tx, [entry.report for entry in entries if entry.report])
        reports.write(tx, [report for filing in filings for report in filing.reports])
        trails.write(tx, [filing.trail for filing in filings if filing.trail])
        ledger.append(tx, [event for filing in filings for event in filing.events])
        handles.keep(tx, [filing.handle for filing in filings if filing.handle])
        # After the reports, which keep a submission; before what is new, which then takes the pages that became free:
        # SQLite writes a page once a transaction.
        if settled := [filing.settled for filing in filings if filing.settled]:
            spool.settle(tx, self._node, settled)
        spool.put(
            tx,
            [kept for filing in filings if (kept := filing.keeps)],
            [entry.parcel for entry in entries if entry.parcel],
        )
        receipts.write(tx, [entry.receipt for entry in entries])
        if loose := {row["id"] for filing in filings for row in filing.loose if "id" in row}:
            spool.free(tx, self._node, loose, clock.now())


def _count(entries: Sequence[Entry]) -> None:
    """Count what is durable now."""
    meters.took("delivery_seconds", [entry.waited for entry in entries if entry.waited is not None])
    final = [entry.receipt for entry in entries if entry.receipt["outcome"] != "deferred"]
    for (meter, label), number in Counter(map(_meter, final)).items():
        meters.count(meter, label, number)


def _meter(receipt: Row) -> tuple[str, str]:
    if receipt["stage"] == "delivery":
        return "settled", receipt["outcome"]
    return "accepted" if receipt["fate"] == "send" else "refused", receipt["code"]
