"""A person's events folded to one moment, for one list and one channel.

The order in which events were recorded or imported does not matter, only when they happened. Of things that happened
at the same moment an opt-out counts as the later one.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from gateway.law.events import Event, Kind, words

OPT_OUTS = frozenset({Kind.WITHDRAWN, Kind.OBJECTED, Kind.COMPLAINED})

# What counts as a contact that comes from the person; opening a message or loading a pixel does not.
ACTS = frozenset({"click", "reply", "order", "login", "request"})

_TRACKING = ("tracking",)

# Of events at the same moment the lower rank counts as the earlier one.
_RANK_OF_OPT_OUTS = 2
_RANK = {Kind.CONFIRMED: 1, Kind.ENDED: 1, Kind.RESTRICTED: 1, Kind.ERASED: 3} | dict.fromkeys(
    OPT_OUTS, _RANK_OF_OPT_OUTS
)


@dataclass(slots=True)
class Standing:
    """What is left of the events; not changed after `fold` returned it.

    `opt_outs` are those in scope that nobody undid; whether a later consent lifts them is a question of law and is
    asked in `law.matter`. `consents`, `sales` and `notices` are those in scope, oldest first, whatever they are worth.
    """

    opt_outs: list[Event] = field(default_factory=list)
    consents: list[Event] = field(default_factory=list)
    pending: list[Event] = field(default_factory=list)  # double opt-in that was never confirmed
    sales: list[Event] = field(default_factory=list)
    notices: list[Event] = field(default_factory=list)
    last_contact: Event | None = None  # the latest contact that comes from the person, on any list
    collected: Event | None = None  # the first notice: the collection, when no date of it is recorded
    ended: Event | None = None  # the end of the customer relation
    asked: Event | None = None  # the latest re-confirmation message
    source_told: Event | None = None  # the notice of GDPR 14
    restriction: Event | None = None
    erased: Event | None = None
    tracking: Event | None = None  # the agreement that openings and clicks are read, while it stands
    known: bool = False  # something is left after the last erasure


def fold(events: Iterable[Event], list_id: int | None, channel: str, now: datetime) -> Standing:
    """Return the standing at `now` on one list (None: what holds for every list) and one channel.

    Moments are aware. Events after `now` are ignored, but for those that stop mail: the clocks of two machines are
    never quite equal, and one may be set back; a no that was said holds whatever they show. An erasure forgets
    everything before it except opt-outs.
    """
    past = sorted([event for event in events if event.at <= now or _stops(event)], key=_order)
    standing = Standing()
    for event in past:
        if _silences(event):
            if in_scope(event, list_id, channel):
                standing.opt_outs.append(event)
        elif event.kind is Kind.RESTORED:
            _undo(standing.opt_outs, event)
        elif event.kind is Kind.ERASED:
            standing = Standing(opt_outs=standing.opt_outs, erased=event)
            continue
        standing.known = True
        _FOLDS[event.kind](standing, event, event.list is None or event.list == list_id)
    if standing.notices:
        standing.notices = [event for event in standing.notices if event.channel is None or event.channel == channel]
    return standing


def in_scope(event: Event, list_id: int | None, channel: str) -> bool:
    """Return whether an opt-out covers that list and channel; a complaint covers every list."""
    listed = event.list is None or event.list == list_id or event.kind is Kind.COMPLAINED
    return listed and (event.channel is None or event.channel == channel)


def outvotes(grant: Event, grant_direct: bool, opt_out: Event) -> bool:
    """Return whether a consent may lift an opt-out: it is later, and only the person takes back what was said to us.

    `grant_direct` says whether the consent was really given to this advertiser.
    """
    return grant.at > opt_out.at and (grant_direct or not opt_out.direct)


def _order(event: Event) -> tuple[datetime, int, bool, int]:
    rank = _RANK.get(event.kind, 0)
    if event.evidence.get("refused") is True:
        rank = _RANK_OF_OPT_OUTS
    elif event.kind is Kind.RESTRICTED and event.evidence.get("lifted"):
        rank = 0
    return event.at, rank, event.direct, event.id


def is_about_tracking(evidence: Mapping[str, object]) -> bool:
    """Return whether an event's evidence is about being watched alone: that is asked apart (CNIL 2026-042)."""
    return words(evidence.get("purpose")) == _TRACKING


def _silences(event: Event) -> bool:
    """Return whether it is an opt-out; a refusal used at a sale or on a notice is one too."""
    if is_about_tracking(event.evidence):
        return False
    return event.kind in OPT_OUTS or event.evidence.get("refused") is True


def _stops(event: Event) -> bool:
    """Return whether an event can only ever keep mail from leaving."""
    if event.kind is Kind.RESTRICTED:
        return not event.evidence.get("lifted")
    return event.kind is Kind.ERASED or event.kind in OPT_OUTS or event.evidence.get("refused") is True


def _undo(opt_outs: list[Event], restored: Event) -> None:
    """Take away the one opt-out that `restored` follows: the named one, else the last of the same scope."""
    named = restored.evidence.get("undoes")
    for position in range(len(opt_outs) - 1, -1, -1):
        past = opt_outs[position]
        meant = (
            past.id == named if named is not None else (past.list, past.channel) == (restored.list, restored.channel)
        )
        if meant and outvotes(restored, restored.direct, past):
            del opt_outs[position]
            return


def _nothing(_standing: Standing, _event: Event, _here: bool) -> None:
    """Leave the standing as it is."""


def _informed(standing: Standing, event: Event, here: bool) -> None:
    standing.collected = standing.collected or event
    if str(event.evidence.get("article")) == "14":
        standing.source_told = standing.source_told or event
    if here:
        standing.notices.append(event)


def _granted(standing: Standing, event: Event, here: bool) -> None:
    if event.evidence.get("pending"):
        standing.pending.append(event)  # whoever filled in the form has not shown yet that the address is theirs
        return
    standing.last_contact = event
    if is_about_tracking(event.evidence):
        standing.tracking = event if here else standing.tracking
    elif here:
        standing.consents.append(event)


def _confirmed(standing: Standing, event: Event, here: bool) -> None:
    standing.last_contact = event
    if not here:
        return
    answered = [grant for grant in standing.pending if event.list is None or grant.list in {None, event.list}]
    # Answered once: a later confirmation says nothing of it, and does not give back what was withdrawn meanwhile.
    standing.pending = [grant for grant in standing.pending if grant not in answered]
    for grant in answered:
        if is_about_tracking(grant.evidence):
            standing.tracking = replace(grant, at=event.at)
        else:
            standing.consents.append(replace(grant, at=event.at))


def _sold(standing: Standing, event: Event, here: bool) -> None:
    standing.last_contact = event
    standing.ended = None
    if here:
        standing.sales.append(event)


def _ended(standing: Standing, event: Event, _here: bool) -> None:
    standing.last_contact = standing.ended = event


def _acted(standing: Standing, event: Event, _here: bool) -> None:
    if event.evidence.get("act") in ACTS and not event.evidence.get("machine"):
        standing.last_contact = event


def _contacted(standing: Standing, event: Event, _here: bool) -> None:
    if event.evidence.get("art14"):
        standing.source_told = standing.source_told or event


def _asked(standing: Standing, event: Event, _here: bool) -> None:
    standing.asked = event


def _untracked(standing: Standing, event: Event, here: bool) -> None:
    if here and is_about_tracking(event.evidence):
        standing.tracking = None


def _restricted(standing: Standing, event: Event, _here: bool) -> None:
    standing.restriction = None if event.evidence.get("lifted") else event


_FOLDS: Mapping[Kind, Callable[[Standing, Event, bool], None]] = {
    Kind.INFORMED: _informed,
    Kind.GRANTED: _granted,
    Kind.CONFIRMED: _confirmed,
    Kind.SOLD: _sold,
    Kind.ENDED: _ended,
    Kind.ACTED: _acted,
    Kind.CONTACTED: _contacted,
    Kind.ASKED: _asked,
    Kind.WITHDRAWN: _untracked,
    Kind.OBJECTED: _untracked,
    Kind.COMPLAINED: _nothing,
    Kind.BOUNCED: _nothing,  # about accuracy, not about will
    Kind.RESTORED: _nothing,
    Kind.RECTIFIED: _nothing,
    Kind.RESTRICTED: _restricted,
    Kind.ERASED: _nothing,
    Kind.TRANSFERRED: _nothing,
}
