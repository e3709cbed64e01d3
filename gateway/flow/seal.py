"""Sealing: rows that no seal covers yet are sealed in batches, by one node at a time, beside the mail.

Numbers do not grow in the order of commits, so what is unsealed is found by asking for each row, not by remembering how
far the last run came. Every minute only the newest numbers are asked for; once a day, and on command, all of them.
"""

import asyncio
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from gateway import clock, journal, proof
from gateway.flow.chores import Chore
from gateway.flow.context import Context
from gateway.store import seals
from gateway.store.records import Seal
from gateway.store.tx import Tx

BATCH = 250  # rows under one seal: some milliseconds of the write lock
PAGE = 20_000  # numbers asked for at once
RECENT = 200_000  # numbers; processes that take them in blocks of ten thousand are rarely further apart
EVERY = 60.0  # seconds
MINUTES = timedelta(minutes=5)
WHOLE = timedelta(days=1)
Row = dict[str, Any]


@dataclass(slots=True)
class Sealed:
    """What one run did; `busy` says that another node was at it."""

    seals: int = 0
    rows: int = 0
    busy: bool = False
    last: int = 0
    digest: bytes = b""


@dataclass(frozen=True, slots=True)
class _Found:
    """Numbers of rows that may be unsealed; `end` says that there are no more."""

    rows: Sequence[tuple[str, int]] = field(default_factory=list)
    end: bool = False


def seal(context: Context, *, whole: bool = True) -> Sealed:
    """Seal what no seal covers yet; not `whole`: among the newest numbers only. Blocks; raise `errors.TryLater`."""
    floor, since = 0, None
    if not whole:
        since = clock.now() - MINUTES
        with context.store.read() as tx:
            floor = max(0, seals.highest(tx) - RECENT)
    return _seal(context, _batches(context, floor, since), whole=whole)


def promptly(context: Context) -> Sealed:
    """Seal the events of the last minutes only, so that whoever is to be told of them need not wait. Blocks."""
    with context.store.read() as tx:
        ids = seals.fresh(tx, clock.now() - MINUTES, PAGE)
    numbers = [("event", number) for number in ids]
    return _seal(context, (_Found(numbers[at : at + BATCH]) for at in range(0, len(numbers), BATCH)), whole=False)


def _seal(context: Context, batches: Iterator[_Found], *, whole: bool) -> Sealed:
    done, at = Sealed(), clock.now()
    for found in batches:
        began = clock.ticks()
        with context.store.begin() as tx:
            if not seals.hold(tx):
                done.busy = True
                break
            leaves = [leaf for kind in proof.KINDS for leaf in _leaves(tx, kind, found.rows)]
            if leaves:
                made = _put(tx, leaves, at, complete=whole and found.end)
                done.seals, done.rows = done.seals + 1, done.rows + len(leaves)
                done.last, done.digest = made.id, made.digest
        if not found.end:
            clock.pause(clock.ticks() - began)  # SQLite has one writer: mail takes its turn between two batches
    if done.seals:
        journal.note("sealed", rows=done.rows, seals=done.seals, last=done.last, digest=done.digest.hex())
    return done


def _batches(context: Context, floor: int, since: datetime | None) -> Iterator[_Found]:
    """Yield what is found in batches, one behind so that the last is known as such.

    A process that writes little may still take its numbers from an old block: events are also found by when they were
    recorded.
    """
    waiting: list[tuple[str, int]] = []
    if since is not None:
        with context.store.read() as tx:
            waiting += [("event", number) for number in seals.fresh(tx, since, PAGE)]
    for kind in proof.KINDS:
        after = floor
        while True:
            with context.store.read() as tx:
                ids = seals.unsealed(tx, kind, after, PAGE)
            waiting += [(kind, number) for number in ids]
            while len(waiting) > BATCH:
                yield _Found(waiting[:BATCH])
                del waiting[:BATCH]
            if len(ids) < PAGE:
                break
            after = ids[-1]
    if waiting:
        yield _Found(waiting, end=True)


def _leaves(tx: Tx, kind: str, found: Sequence[tuple[str, int]]) -> list[Row]:
    ids = [number for one, number in found if one == kind]
    if not ids:
        return []
    known = seals.leaves(tx, kind, ids)  # another node may have been faster
    rows = [row for number, row in seals.rows(tx, kind, ids).items() if number not in known]
    when = proof.RECORDED.get(kind, "at")  # those who are told hear of one person in the order of recording
    return [_leaf(kind, row) for row in sorted(rows, key=lambda row: (row[when], row["id"]))]


def _leaf(kind: str, row: Mapping[str, Any]) -> Row:
    salt = secrets.token_bytes(proof.SALT)
    personal = proof.commitment(kind, row, salt)
    digest = proof.leaf(kind, row, personal)
    return {"kind": kind, "row_id": row["id"], "digest": digest, "salt": salt, "personal": personal}


def _put(tx: Tx, leaves: Sequence[Row], at: datetime, *, complete: bool) -> Seal:
    before = seals.last(tx)
    link = proof.ChainLink(
        id=before.id + 1 if before else 1,
        at=at,
        leaves=len(leaves),
        root=proof.root([leaf["digest"] for leaf in leaves]),
        previous=before.digest if before else proof.START,
        complete=complete,
    )
    for position, leaf in enumerate(leaves):
        leaf.update(seal_id=link.id, position=position)
    made = Seal(
        id=link.id,
        at=link.at,
        leaves=link.leaves,
        root=link.root,
        previous=link.previous,
        digest=link.digest,
        complete=link.complete,
    )
    seals.put(tx, made, leaves)
    return made


class Sealer(Chore):
    """Seals every minute while the program serves."""

    waits, failed, every = "sealing-waits", "sealing-failed", EVERY

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self._whole_at: datetime | None = None

    async def work(self) -> bool:
        """Seal what is new, and once a day look at everything."""
        now = clock.now()
        whole = self._whole_at is None or now - self._whole_at >= WHOLE
        done = await asyncio.to_thread(seal, self._context, whole=whole)
        if whole and not done.busy:
            self._whole_at = now
        return False
