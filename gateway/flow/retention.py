"""Retention: who was silent for too long is erased, and proof that no claim can need any more is emptied.

Prospects go three years after the last contact that came from them, customers three years after the relation ended
(`law.matter`), both thirty days later so that the one re-confirmation can be answered (GDPR 5(1)(e)). Objections
never go. People under restriction or with an open request wait. Proof is emptied five years after the erasure.
Sign-ups that nobody confirmed go too.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from gateway import clock, journal
from gateway.flow import once, privacy
from gateway.flow.bursts import KEPT as SWIFT_KEPT
from gateway.flow.chores import Chore
from gateway.flow.consent import Saying
from gateway.flow.context import Context
from gateway.flow.facts import Question, gather
from gateway.law.clocks import add_years, day, midnight
from gateway.law.matter import RECONFIRM_AFTER, Matter
from gateway.mail.address import parse
from gateway.store import advertisers, bursts, lists, people, requests, retention, signups, spool, trails
from gateway.store.tables import Advertiser, Contact

PROOF_YEARS = 5  # C. civ. 2224
PAGE = 200
FIRST, EVERY = 600.0, 86400.0  # seconds after the start, when there is mail to carry first; and between runs


@dataclass(slots=True)
class Expired:
    """What one run did, or would do: people (masked), rows by table; `busy` says that another node was at it."""

    people: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    busy: bool = False

    def add(self, found: dict[str, int]) -> None:
        """Count rows."""
        for table, count in found.items():
            self.rows[table] = self.rows.get(table, 0) + count


def run(context: Context, *, dry: bool = False) -> Expired:
    """Expire what is due at this moment; `dry` changes nothing. Blocks; raise `errors.TryLater`."""
    done, now = Expired(), clock.now()
    with context.store.read() as tx:
        owners = advertisers.all(tx)
    for owner in owners:
        for found in _due(context, owner, now):
            if dry:
                done.people += [journal.mask(one.address) for one in found]
                done.add({"contact": len(found)})
            elif not _erase(context, found, now, done):
                return done
    _proof(context, now, done, dry=dry)
    _unconfirmed(context, now, done, dry=dry)
    if not dry:
        once.expire(context)
        with context.store.begin() as tx:
            if forgotten := trails.forget(tx, now - trails.KEPT):
                done.add({"trail": forgotten})
        context.store.scrub()
    return done


def _due(context: Context, owner: Advertiser, now: datetime) -> Iterator[Sequence[Contact]]:
    after = 0
    with context.store.read() as tx:
        scopes = [row.id for row in lists.all(tx, owner.id)]
    while scopes:
        with context.store.read() as tx:
            found = retention.page(tx, owner.id, after, PAGE)
        if not found:
            return
        after = found[-1].id
        addresses = tuple(parse(one.address) for one in found)
        answers = gather(context, [Question(owner.id, scope, addresses) for scope in scopes], now)
        late = [one for at, one in enumerate(found) if all(_over(Matter(row[at].facts), one) for row in answers)]
        if late:
            yield late


def _over(matter: Matter, contact: Contact) -> bool:
    """Return whether the clock has run out; without any known contact it runs from the day the record was made."""
    policy = matter.facts.policy
    limit = matter.limit or add_years(day(contact.created_at, policy.timezone), policy.prospect_years)
    return matter.today > limit + RECONFIRM_AFTER


def _erase(context: Context, found: Sequence[Contact], now: datetime, done: Expired) -> bool:
    said = Saying(now, "retention", "retention", channel=None, evidence={"why": "retention"})
    with context.store.begin() as tx:
        if not retention.hold(tx):
            done.busy = True
            return False
        for one in found:
            there = people.get(tx, one.id)
            if there is not None and not spool.in_hand(tx, [one.id], now):
                done.add(privacy.forget(context, tx, there, said))
                done.people.append(journal.mask(one.address))
    return True


def _proof(context: Context, now: datetime, done: Expired, *, dry: bool) -> None:
    timezone = context.policy.timezone
    today = day(now, timezone)
    before = midnight(today.replace(year=today.year - PROOF_YEARS, day=min(today.day, 28)), timezone)
    with context.store.read() as tx:
        old = retention.old_proof(tx, before)
    if dry:
        done.add({"proof": len(old)})
        return
    with context.store.begin() as tx:
        if retention.hold(tx):
            done.add(retention.empty(tx, old, before))
            done.add({"request": requests.drop_unconfirmed(tx, now), "swift": bursts.forget(tx, now - SWIFT_KEPT)})


def _unconfirmed(context: Context, now: datetime, done: Expired, *, dry: bool) -> None:
    """Delete the sign-ups that nobody confirmed in time."""
    with context.store.begin() as tx:
        done.add({"sign_up": signups.late(tx, now) if dry else signups.expire(tx, now)})


class Retainer(Chore):
    """Expires once a day while the program serves."""

    waits, failed, every = "retention-waits", "retention-failed", EVERY

    def __init__(self, context: Context, first: float = FIRST) -> None:
        super().__init__(first)
        self._context = context

    async def work(self) -> bool:
        """Expire."""
        done = await asyncio.to_thread(run, self._context)
        journal.note("retention", people=len(done.people), rows=done.rows, busy=done.busy)
        return False
