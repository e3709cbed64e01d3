"""The submissions that parcels in hand belong to: read once, prepared once, kept while somebody uses them."""

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property

from gateway.errors import NotFound
from gateway.flow import campaigns
from gateway.flow.context import Context
from gateway.law.facts import MessageClass, MessageFacts
from gateway.mail.rewrite import Plan, Unfit, plan
from gateway.store import spool
from gateway.store.group import Group
from gateway.store.spool import Handed


@dataclass(frozen=True)
class Book:
    """A submission and how its copies are made."""

    submission: Handed
    plan: Plan | Unfit

    @cached_property
    def message(self) -> MessageFacts:
        """Return what the law may ask about the message."""
        row = self.submission
        return MessageFacts(
            MessageClass(row.klass),
            row.offer,
            row.sector,
            row.third_party,
            advertises=not row.hints.get("opening", False),
            tracks=isinstance(self.plan, Plan) and self.plan.tracks,
        )

    @cached_property
    def campaign(self) -> tuple[int, str]:
        """Return list and name of the campaign, as they are paused."""
        return self.submission.list_id or 0, campaigns.name(self.submission.hints, self.submission.received_at)


@dataclass(slots=True)
class _Kept:
    book: "asyncio.Future[Book]"
    users: int = 0
    weight: int = 0


class Shelf:
    """Lends books by submission id."""

    def __init__(self, context: Context) -> None:
        self._store = context.store
        self._kept: dict[int, _Kept] = {}
        self.weight = 0  # bytes of messages that `put` keeps
        self._group: Group[None, int, Book | None] = Group(nullcontext, self._read, name="shelf", most=32)

    def put(self, book: Book, users: int) -> None:
        """Keep a book that is at hand already until `users` holders have come and gone."""
        future: asyncio.Future[Book] = asyncio.get_running_loop().create_future()
        future.set_result(book)
        weight = len(book.submission.content)
        self._kept[book.submission.id] = _Kept(future, users, weight)
        self.weight += weight

    async def lend(self, submission_id: int, *, promised: bool) -> Book:
        """Return a book, to be given back unless this raises `errors.TryLater` or `NotFound`.

        `promised` says that `put` counted this holder.
        """
        kept = self._kept.get(submission_id)
        if kept is None:
            kept = self._kept[submission_id] = _Kept(asyncio.ensure_future(self._fetch(submission_id)))
            promised = False
        kept.users += not promised
        try:
            return kept.book.result() if kept.book.done() else await asyncio.shield(kept.book)
        except BaseException:
            self.give_back(submission_id)
            raise

    def give_back(self, submission_id: int) -> None:
        """Take a book back from one holder; nobody keeps what nobody holds."""
        kept = self._kept[submission_id]
        kept.users -= 1
        if not kept.users:
            del self._kept[submission_id]
            self.weight -= kept.weight

    async def close(self) -> None:
        """Stop reading."""
        await self._group.close()

    async def _fetch(self, submission_id: int) -> Book:
        book = await self._group.ask(submission_id)
        if book is None:
            raise NotFound(f"submission {submission_id} is no longer in the spool")
        return book

    def _read(self, _: None, wanted: Sequence[int]) -> list[Book | None]:
        with self._store.read() as tx:
            found = spool.submissions(tx, wanted)
        return [prepare(found[key]) if key in found else None for key in wanted]


def prepare(submission: Handed) -> Book:
    """Return the submission with its prepared rewriting."""
    hints = submission.hints
    removed, opening = frozenset(hints["remove"]), hints.get("opening", False)
    return Book(submission, plan(submission.content, remove=removed, opening=opening, even=True))
