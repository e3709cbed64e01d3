"""The advertisers, accounts and lists, of which every message asks, and the campaigns that are paused; kept in memory.

A number in the database goes up with every change of one of them, in the same transaction as the change. Whoever asks
reads that number in their own transaction, so that what they get is what the transaction itself would read.
"""

from collections.abc import Callable, Hashable
from functools import partial
from typing import TypeVar

from sqlalchemy import select
from sqlmodel import Session

from gateway.store import accounts, advertisers, lists, trails
from gateway.store.prepared import Prepared
from gateway.store.rows import table_of
from gateway.store.tables import Account, Advertiser, List, Numbers

_MOST = 10_000  # entries: tools may name lists that there are not

Key = TypeVar("Key", int, int | str)
Row = TypeVar("Row")

_NUMBERS = table_of(Numbers)
_REVISION = Prepared(select(_NUMBERS.c.next).where(_NUMBERS.c.name == "catalogue"))


class Catalogue:
    """What one thread keeps of the three tables; the rows are not to be changed."""

    def __init__(self) -> None:
        self._revision: int | None = None
        self._advertisers: dict[int, Advertiser | None] = {}
        self._accounts: dict[int, Account | None] = {}
        self._lists: dict[int | str, List | None] = {}
        self._paused: frozenset[tuple[int, str]] | None = None
        self.derived: dict[Hashable, object] = {}  # what the rooms above made of the rows, forgotten with them

    def turn_to(self, tx: Session) -> None:
        """Forget what `tx` would read otherwise; call this once in each transaction before asking."""
        found = _REVISION(tx, {})
        revision = found[0][0] if found else None
        if revision != self._revision or revision is None or len(self._lists) + len(self.derived) > _MOST:
            self._advertisers.clear()
            self._accounts.clear()
            self._lists.clear()
            self._paused = None
            self.derived.clear()
            self._revision = revision

    def advertiser(self, tx: Session, number: int) -> Advertiser | None:
        """Return the advertiser with that id."""
        return _kept(self._advertisers, number, partial(advertisers.get, tx))

    def account(self, tx: Session, number: int) -> Account | None:
        """Return the account with that id."""
        return _kept(self._accounts, number, partial(accounts.get, tx))

    def list(self, tx: Session, named: int | str) -> List | None:
        """Return the list with that id or name."""
        return _kept(self._lists, named, partial(_list, tx))

    def paused(self, tx: Session) -> frozenset[tuple[int, str]]:
        """Return list and name of the campaigns that are paused."""
        if self._paused is None:
            self._paused = frozenset((row.list_id, row.campaign) for row in trails.pauses(tx))
        return self._paused


def _list(tx: Session, named: int | str) -> List | None:
    return lists.get(tx, named) if isinstance(named, int) else lists.by_name(tx, named)


def _kept(rows: dict[Key, Row | None], key: Key, read: Callable[[Key], Row | None]) -> Row | None:
    if key not in rows:
        rows[key] = read(key)
    return rows[key]
