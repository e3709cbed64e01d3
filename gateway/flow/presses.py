"""Opt-outs by a link, the one-click URL and the button on the page: recorded here and nowhere else.

Presses that come together are one piece of work: their people are read together, decided on without any input or
output, and written together, in one transaction. Machines press by the thousand (RFC 8058).
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from gateway import clock, meters
from gateway.errors import TryLater
from gateway.flow import acknowledge, bursts, consent
from gateway.flow.bursts import Press
from gateway.flow.consent import Person, Saying
from gateway.flow.context import Context
from gateway.law.events import Kind
from gateway.store import people, spool
from gateway.store.catalogue import Catalogue
from gateway.store.group import Group, Inline
from gateway.store.tx import Tx
from gateway.tokens import Link

LINGER = 0.002  # seconds; a transaction costs hardly more for ten presses than for one
PAUSE = 0.02  # seconds between two looks at a copy that a courier holds


@dataclass(slots=True)
class Pressed:
    """What became of a press: whether the no stands (None: nothing is left to stop), and what couriers held then."""

    contact: int
    stands: bool | None
    held: bool = False  # a courier had a copy for the person in hand when the no was durable


@dataclass(frozen=True, slots=True)
class Round:
    """The presses that came together: their transaction, and what became of each."""

    tx: Tx
    taken: list[Pressed] = field(default_factory=list)


class Presses:
    """Takes the presses of one process."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._catalogue = Catalogue()
        store = context.store
        self._record: Group[Round, Press, Pressed] = Group(self._begin, self._recorded, linger=LINGER, name="presses")
        # As `flow.facts.Reader`: an embedded database is read on the loop.
        self._held: Group[Tx, int, bool] | Inline[Tx, int, bool] = (
            Inline(store.read, _in_hand) if store.embedded else Group(store.read, _in_hand, name="in-hand")
        )

    async def take(self, press: Press) -> bool | None:
        """Record the objection to everything of the advertiser by e-mail, and return once nothing more leaves.

        Return whether it stands, which it must, or None when nothing is left of what the link was about. Twice is
        once. For an erased person there is nothing left to do. Raise `errors.TryLater`; the no may have been recorded.
        """
        taken = await self._record.ask(press)
        if taken.stands is not None:
            meters.count("opt_outs", press.origin)
        if taken.held:
            await self._settled(taken.contact)
        return taken.stands

    async def close(self) -> None:
        """Answer what was asked, then stop."""
        await self._record.close()
        await self._held.close()

    async def _settled(self, contact_id: int) -> None:
        """Wait as `consent.settle` does."""
        limit = clock.ticks() + consent.PATIENCE
        while True:
            await asyncio.sleep(PAUSE)
            if not await self._held.ask(contact_id):
                return
            if clock.ticks() > limit:
                raise TryLater(consent.UNDER_WAY)

    @contextmanager
    def _begin(self) -> Iterator[Round]:
        """Open a round; once it is durable, see in one look for whom couriers hold a copy.

        Not before: a copy claimed until the commit may have been decided on without the no. And not from the loop,
        where asking takes two turns more, which are long while mail flows.
        """
        store = self._context.store
        with store.begin() as tx:
            begun = Round(tx)
            yield begun
        if stopped := [taken for taken in begun.taken if taken.stands]:
            with store.read() as tx:
                held = _in_hand(tx, [taken.contact for taken in stopped])
            for taken, holds in zip(stopped, held, strict=True):
                taken.held = holds

    def _recorded(self, begun: Round, presses: Sequence[Press]) -> Sequence[Pressed]:
        stands = _record(self._context, begun.tx, self._catalogue, presses)
        begun.taken.extend(Pressed(press.link.contact, one) for press, one in zip(presses, stands, strict=True))
        return begun.taken


def _in_hand(tx: Tx, contact_ids: Sequence[int]) -> list[bool]:
    held = spool.in_hand(tx, set(contact_ids), clock.now())
    return [one in held for one in contact_ids]


def _record(context: Context, tx: Tx, catalogue: Catalogue, presses: Sequence[Press]) -> list[bool | None]:
    """Write what is new of these presses; return for each whether it stands, None when nothing is left to stop."""
    catalogue.turn_to(tx)
    known = people.named(tx, {press.link.contact for press in presses})
    found = [(known[press.link.contact], press) for press in presses if press.link.contact in known]
    _refuse(context, tx, found, clock.now())
    standing = consent.stopped(context, tx, known.values())
    return [
        person.id in standing if (person := known.get(press.link.contact)) else _gone(tx, catalogue, press.link)
        for press in presses
    ]


def _gone(tx: Tx, catalogue: Catalogue, link: Link) -> bool | None:
    """Return what holds for somebody who was erased: their no outlives them, as long as anybody knows of whose mail."""
    row = catalogue.list(tx, link.list) if link.list else None
    return True if row and catalogue.advertiser(tx, row.advertiser_id) else None


def _refuse(context: Context, tx: Tx, found: Sequence[tuple[Person, Press]], at: datetime) -> None:
    hastes = bursts.evidence(tx, [press for _, press in found], at)
    sayings = []
    for (person, press), haste in zip(found, hastes, strict=True):
        tells = not haste and acknowledge.due(context, tx, person, press.origin)
        sayings.append((person, Saying(at, press.origin, evidence={"told": True} if tells else haste)))
    fresh = consent.refuse_each(context, tx, sayings, None, Kind.OBJECTED)
    for (person, press), (_, said), new, haste in zip(found, sayings, fresh, hastes, strict=True):
        bursts.note(context, tx, person, press, at, fresh=new, swift=bool(haste))
        if new and said.evidence and "told" in said.evidence:
            acknowledge.post(context, tx, press.link)
