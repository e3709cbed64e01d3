"""The person's page: what the holder of a link may see of the refusals, and change; to stop is in `flow.presses`."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from gateway import clock, meters
from gateway.flow import consent, scene
from gateway.flow.consent import CHANNEL, Saying
from gateway.flow.context import Context
from gateway.flow.scene import Imprint, Scene
from gateway.law.channels import CHANNELS
from gateway.law.events import Kind
from gateway.law.standing import OPT_OUTS, is_about_tracking
from gateway.mail.address import parse
from gateway.store import bursts as marks
from gateway.store import ledger, lists
from gateway.store.tables import Contact, Event, List
from gateway.store.tx import Tx
from gateway.tokens import Link

# Why somebody refuses, if they care to say: a few words of ours and no free text, which could name people.
WHYS = ("too-many", "not-interested", "not-asked", "other", "none")
Scope = Literal["list", "email", "all"]  # this list, every e-mail of the advertiser, everything on every channel


@dataclass(frozen=True, slots=True)
class View:
    """What a page may show: never an address, never whether one is known."""

    imprint: Imprint
    list_title: str = ""
    stopped_list: bool = False
    stopped_all: bool = False  # every e-mail of the advertiser
    stopped_everywhere: bool = False  # on every channel
    channels: tuple[str, ...] = ()  # on which the advertiser writes or calls too
    stopped_channels: frozenset[str] = frozenset()  # of those
    can_undo: bool = False  # whether the person said it, so that the page may take it back
    tracked: bool = False  # the person agreed that openings and clicks are read
    why: str = ""  # of `WHYS`: what was said of the refusal that stands
    gone: bool = False  # the person was erased, and nothing is left to choose

    @property
    def stopped(self) -> bool:
        """Return whether these e-mails have stopped."""
        return self.stopped_list or self.stopped_all


class Desk:
    """Answers the holders of links. Every method blocks, and raises `errors.TryLater` when the store is away."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def page(self, link: Link) -> View | None:
        """Return what the page shows, or None when nothing is left of what the link was about."""
        with self._context.store.read() as tx:
            found = scene.find(tx, link)
            return self._view(tx, found) if found else None

    def choose(self, link: Link, scope: Scope, channels: Collection[str]) -> View | None:
        """Make the person's refusals exactly these: of `scope`, and of other channels; return once nothing more leaves.

        What the person did not say here, such as a refusal on the telephone, stays as it is.
        """
        fresh: list[bool] = []

        def write(tx: Tx, found: Scene, contact: Contact) -> None:
            said = Saying(clock.now(), "page")
            marks.said_again(tx, contact.id)
            wanted = set(_wanted(found, scope, channels))
            for row, channel in _scopes(tx, found):
                on = replace(said, channel=channel)
                if (row.id if row else None, channel) in wanted:
                    fresh.append(consent.refuse(self._context, tx, contact, row, Kind.OBJECTED, on))
                else:
                    consent.lift(self._context, tx, contact, row, on)

        view = self._change(link, write)
        if view and any(fresh):
            meters.count("opt_outs", "page")
        if view:
            consent.settle(self._context, link.contact)
        return view

    def explain(self, link: Link, why: str) -> View | None:
        """Record why the person refuses (of `WHYS`) as evidence of the refusal that stands; of none, nothing."""

        def write(tx: Tx, found: Scene, contact: Contact) -> None:
            view = self._view(tx, found)
            if view.can_undo and why in WHYS and view.why != why:
                evidence = {"act": "reason", "why": why, "of": _refusal(tx, contact)}
                said = Saying(clock.now(), "page", evidence=evidence)
                consent.record(self._context, tx, contact, found.list, Kind.ACTED, said)
                marks.said_again(tx, contact.id)

        return self._change(link, write)

    def untrack(self, link: Link) -> View | None:
        """Take back the agreement that openings and clicks are read, for every list; twice is once."""

        def write(tx: Tx, found: Scene, contact: Contact) -> None:
            if self._view(tx, found).tracked:
                said = Saying(clock.now(), "page", evidence={"purpose": "tracking"})
                consent.record(self._context, tx, contact, None, Kind.WITHDRAWN, said)

        return self._change(link, write)

    def undo(self, link: Link) -> View | None:
        """Lift what the person refused for this list and for the advertiser; twice is once."""

        def write(tx: Tx, found: Scene, contact: Contact) -> None:
            said = Saying(clock.now(), "page")
            for row, channel in _scopes(tx, found):
                consent.lift(self._context, tx, contact, row, replace(said, channel=channel))

        return self._change(link, write)

    def _change(self, link: Link, write: Callable[[Tx, Scene, Contact], None]) -> View | None:
        with self._context.store.begin() as tx:
            found = scene.find(tx, link)
            if found is None:
                return None
            if found.contact:
                write(tx, found, found.contact)
            return self._view(tx, found)

    def _view(self, tx: Tx, found: Scene) -> View:
        if found.contact is None:
            return View(found.imprint, found.list_title, stopped_list=True, stopped_all=True, gone=True)
        mine = found.list.id if found.list else None
        noes = consent.noes(self._context, tx, found.advertiser.id, parse(found.contact.address))
        rows = [one for one in noes if one.list_id in (None, mine)]
        events = ledger.of_contact(tx, found.contact.id)
        rows = [one for one in rows if one.at > _agreed(events, mine)]
        by_mail = {one.list_id for one in rows if one.channel in (None, CHANNEL)}
        whole = {one.channel for one in rows if one.list_id is None}
        others = _channels(tx, found)
        return View(
            found.imprint,
            found.list_title,
            stopped_list=mine is not None and mine in by_mail,
            stopped_all=None in by_mail,
            stopped_everywhere=None in whole,
            channels=others,
            stopped_channels=frozenset(one for one in others if one in whole or None in whole),
            can_undo=any(one.origin in consent.OWN for one in rows),
            tracked=_tracked(events, mine),
            why=_why(events) if rows else "",
        )


def _wanted(found: Scene, scope: Scope, channels: Collection[str]) -> Iterator[tuple[int | None, str | None]]:
    if scope == "list" and found.list:
        yield found.list.id, CHANNEL
    else:
        yield None, None if scope == "all" else CHANNEL
    yield from ((None, one) for one in channels)


def _scopes(tx: Tx, found: Scene) -> list[tuple[List | None, str | None]]:
    """Return the list and channel of every refusal that the page can make or lift."""
    lists_ = [(found.list, CHANNEL)] if found.list else []
    return [*lists_, (None, CHANNEL), (None, None), *((None, one) for one in _channels(tx, found))]


def _channels(tx: Tx, found: Scene) -> tuple[str, ...]:
    """Return the channels beside e-mail that the advertiser's lists use, in the order of the law's table."""
    used = {channel for row in lists.all(tx, found.advertiser.id) for channel in row.channels}
    return tuple(channel for channel in CHANNELS if channel in used - {CHANNEL})


def _refusal(tx: Tx, contact: Contact) -> int:
    """Return the number of the person's latest refusal."""
    return max((one.id for one in ledger.of_contact(tx, contact.id) if one.kind in OPT_OUTS), default=0)


def _agreed(events: Sequence[Event], mine: int | None) -> datetime:
    """Return when the person last agreed to what the link is about: a no of before says nothing of now."""
    agreed = [
        one.at
        for one in events
        if one.kind in consent.AGREEMENTS and one.list_id in (None, mine) and not one.evidence.get("pending")
    ]
    return max(agreed, default=datetime.min.replace(tzinfo=UTC))


def _tracked(events: Sequence[Event], mine: int | None) -> bool:
    """Return whether the last word about being watched was a yes (`law.standing` folds the same)."""
    said = [
        one.kind == Kind.GRANTED
        for one in events
        if one.list_id in (None, mine)
        and one.kind in (Kind.GRANTED, Kind.WITHDRAWN, Kind.OBJECTED)
        and is_about_tracking(one.evidence)
    ]
    return bool(said) and said[-1]


def _why(events: Sequence[Event]) -> str:
    """Return what was said of the latest refusal."""
    last = max((one.id for one in events if one.kind in OPT_OUTS), default=0)
    said = [str(one.evidence["why"]) for one in events if one.evidence.get("of") == last and "why" in one.evidence]
    return said[-1] if said else ""
